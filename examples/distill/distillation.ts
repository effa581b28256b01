/** The objectives of students that have a teacher: gldLoss of the addon as an operation of tfjs, and relational KD. */
import { classify, type GldOptions, pool } from 'gld-loss';
import { tfjsGld } from 'gld-loss/tfjs';
import type { Batch, Dataset } from '../data/index.js';
import { relationMatrix } from '../report/relation-matrix.js';
import type { RelationMatrix } from '../report/types.js';
import { tf } from '../tfjs/backend.js';
import { mapMean } from '../tfjs/layers.js';
import type { Network } from '../tfjs/networks.js';
import { crossEntropyOf } from '../tfjs/objectives.js';
import type { Objective } from '../training/train.js';
import type { Arm } from './arms.js';
import { distanceLoss } from './relational.js';

const gldLoss = tfjsGld(tf);

interface Numbers {
  data: Float32Array;
  shape: number[];
}

const read = (tensor: tf.Tensor): Numbers => ({ data: tensor.dataSync() as Float32Array, shape: tensor.shape });

/** The network's feature map as it is evaluated. */
function featuresOf(network: Network, { images, shape }: Batch): Numbers {
  const features = tf.tidy(() => network.features(tf.tensor4d(images, shape), false));
  try {
    return read(features);
  } finally {
    features.dispose();
  }
}

/** The objective of an arm with a teacher. Only the terms that have a weight are recorded. */
export function objectiveOf(
  arm: Exclude<Arm, { kind: 'task' }>, student: Network, teacher: Network, threads: number,
): Objective<Batch, Numbers> {
  return arm.kind === 'gld' ? distillation(student, teacher, { ...arm.options, threads }, Object.keys(arm.weights))
    : relationalDistillation(student, teacher, arm.options.distanceWeight);
}

function distillation(
  student: Network, teacher: Network, options: GldOptions & { threads: number }, names: string[],
): Objective<Batch, Numbers> {
  const side = ({ classifier: { kernel, bias } }: Network) =>
    ({ weight: kernel, bias, layout: 'NHWC' as const, weightLayout: 'CK' as const });
  let terms: Record<string, number> = {};
  return {
    prepare: async (batch) => featuresOf(teacher, batch),
    loss({ images, shape, labels }, features) {
      const own = student.features(tf.tensor4d(images, shape), true);
      const sides = { teacher: { ...side(teacher), features }, student: { ...side(student), features: own } };
      const result = gldLoss.withTerms({ ...sides, labels }, options);
      terms = Object.fromEntries(names.map((name) => [name, result.terms[name as keyof typeof result.terms]!]));
      return result.scalar as tf.Scalar;
    },
    terms: () => terms,
  };
}

function relationalDistillation(student: Network, teacher: Network, weight: number): Objective<Batch, Numbers> {
  let terms: Record<string, number> = {};
  return {
    prepare: async (batch) => featuresOf(teacher, batch),
    loss({ images, shape, labels }, { data, shape: mapShape }) {
      const features = student.features(tf.tensor4d(images, shape), true);
      const task = crossEntropyOf(student.logits(features), labels);
      const teacherFeatures = tf.tensor4d(data, mapShape as [number, number, number, number]);
      const relation = distanceLoss(mapMean(features), mapMean(teacherFeatures));
      terms = { task: task.dataSync()[0], relation: relation.dataSync()[0] };
      return tf.add(task, tf.mul(relation, weight)) as tf.Scalar;
    },
    terms: () => terms,
  };
}

/** Images whose logit rows the report shows a relation matrix of: the first of the test images. */
const probeImages = 16;

/** Distances between the network's global and local logits of the probe images, as the relation term compares them. */
export async function probeRelations(
  network: Network, data: Dataset, grid: [number, number], threads: number,
): Promise<RelationMatrix> {
  const batchSize = Math.min(probeImages, data.test.size);
  for await (const batch of data.test.batches({ batchSize })) {
    const { labels, size } = batch;
    const { pooled } = pool({ features: featuresOf(network, batch), layout: 'NHWC' }, { grid, threads });
    const { kernel, bias } = network.classifier;
    const { logits } = classify({ pooled, weight: read(kernel), bias: read(bias), weightLayout: 'CK' }, { threads });
    const rows = 1 + grid[0] * grid[1];
    return relationMatrix(logits.data, Array.from({ length: size * rows }, (_, row) => labels[Math.floor(row / rows)]));
  }
  throw new Error('the test split is empty');
}
