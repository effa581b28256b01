/** The objectives of students that have a teacher: gldLoss of the addon as an operation of tfjs, and relational KD. */
import type { GldOptions } from 'gld-loss';
import { tfjsGld } from 'gld-loss/tfjs';
import { present } from '../present.js';
import type { Batch, Dataset } from '../data/index.js';
import { relationMatrix } from '../report/relation-matrix.js';
import type { RelationMatrix } from '../report/types.js';
import { type Grid, logitRows, rowsOf } from '../teachers/logits.js';
import { sideOf, type Teacher, TeacherError } from '../teachers/types.js';
import { tf } from '../tfjs/backend.js';
import { mapMean } from '../tfjs/layers.js';
import type { Network } from '../tfjs/networks.js';
import { crossEntropyOf } from '../tfjs/objectives.js';
import type { Objective } from '../training/train.js';
import type { Arm } from './arms.js';
import { distanceLoss } from './relational.js';

const gldLoss = tfjsGld(tf);

/** The objective of an arm with a teacher. Only the terms that have a weight are recorded. */
export function objectiveOf(
  arm: Exclude<Arm, { kind: 'task' }>,
  student: Network,
  teacher: Teacher,
  threads: number,
): Objective<Batch, Float32Array> {
  return arm.kind === 'gld'
    ? distillation(student, teacher, { ...arm.options, threads }, Object.keys(arm.weights))
    : relationalDistillation(student, teacher, arm.options.distanceWeight);
}

function distillation(
  student: Network,
  { form, outputs }: Teacher,
  options: GldOptions & { threads: number },
  names: string[],
): Objective<Batch, Float32Array> {
  const { kernel: weight, bias } = student.classifier;
  const classes = bias.shape[0];
  let terms: Record<string, number> = {};
  return {
    prepare: outputs,
    loss({ images, shape, labels, size }, prepared) {
      const features = student.features(tf.tensor4d(images, shape), true);
      // A teacher of global logits is compared with the student's: no cells on either side.
      const own =
        form.kind === 'features' || form.shape[0] > 1
          ? { features, weight, bias }
          : { logits: tf.reshape(student.logits(features), [size, 1, classes]) };
      const result = gldLoss.withTerms({ teacher: sideOf(form, prepared, size), student: own, labels }, options);
      terms = Object.fromEntries(names.map((name) => [name, present(result.terms[name as keyof typeof result.terms])]));
      return result.scalar as tf.Scalar;
    },
    terms: () => terms,
  };
}

function relationalDistillation(
  student: Network,
  { form, outputs }: Teacher,
  weight: number,
): Objective<Batch, Float32Array> {
  if (form.kind === 'logits')
    throw new TeacherError('--arms rkd: expected a teacher whose features are compared, got one of logits');
  let terms: Record<string, number> = {};
  return {
    prepare: outputs,
    loss({ images, shape, labels, size }, prepared) {
      const features = student.features(tf.tensor4d(images, shape), true);
      const task = crossEntropyOf(student.logits(features), labels);
      const stored = tf.tensor4d(prepared, [size, ...form.shape]);
      const theirs = form.layout === 'NHWC' ? stored : tf.transpose(stored, [0, 2, 3, 1]);
      const relation = distanceLoss(mapMean(features), mapMean(theirs));
      terms = { task: task.dataSync()[0], relation: relation.dataSync()[0] };
      return tf.add(task, tf.mul(relation, weight)) as tf.Scalar;
    },
    terms: () => terms,
  };
}

/** Images whose logit rows the report shows a relation matrix of: the first of the test images. */
const probeImages = 16;

/** Distances between a network's global and local logits of the probe images, as the relation term compares them. */
export async function probeRelations(
  { form, outputs }: Teacher,
  data: Dataset,
  grid: Grid,
  threads: number,
): Promise<RelationMatrix> {
  const batchSize = Math.min(probeImages, data.test.size);
  for await (const batch of data.test.batches({ batchSize })) {
    const { labels, size } = batch;
    const logits = logitRows(sideOf(form, await outputs(batch), size), grid, threads);
    const rows = rowsOf(grid);
    return relationMatrix(
      logits,
      Array.from({ length: size * rows }, (_, row) => labels[Math.floor(row / rows)]),
    );
  }
  throw new Error('the test split is empty');
}
