/** The objectives of students that have a teacher: gldLoss of the addon as an operation of tfjs, and relational KD. */
import type { GldOptions } from 'gld-loss';
import { tfjsGld } from 'gld-loss/tfjs';
import { present } from '../present.js';
import type { Batch } from '../data/index.js';
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
