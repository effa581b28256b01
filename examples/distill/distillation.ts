/** The objective of a student that has a teacher: gldLoss of the addon, as an operation of tfjs. */
import { classify, type GldOptions, pool } from 'gld-loss';
import { tfjsGld } from 'gld-loss/tfjs';
import type { Dataset } from '../data/index.js';
import { relationMatrix } from '../report/relation-matrix.js';
import type { RelationMatrix, TermValues } from '../report/types.js';
import { tf } from '../tfjs/backend.js';
import type { Network } from '../tfjs/networks.js';
import type { Objective } from '../tfjs/train.js';

const gldLoss = tfjsGld(tf);

/** Only the terms that have a weight are recorded. */
export function distillation(student: Network, teacher: Network, options: GldOptions, weights: TermValues): Objective {
  const side = (network: Network, features: tf.Tensor4D) => ({
    features, weight: network.classifier.kernel, bias: network.classifier.bias,
    layout: 'NHWC' as const, weightLayout: 'CK' as const,
  });
  const names = Object.keys(weights) as (keyof TermValues)[];
  let terms: Record<string, number> = {};
  return {
    prepare: (images) => teacher.features(images, false),
    loss(features, labels, teacherFeatures) {
      const result = gldLoss.withTerms(
        { teacher: side(teacher, teacherFeatures!), student: side(student, features), labels }, options);
      terms = Object.fromEntries(names.map((name) => [name, result.terms[name]!]));
      return result.scalar as tf.Scalar;
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
  for await (const { images, labels, size } of data.test.batches({ batchSize })) {
    const map = tf.tidy(() => {
      const features = network.features(tf.tensor4d(images, [size, data.height, data.width, data.channels]), false);
      return { data: features.dataSync() as Float32Array, shape: features.shape };
    });
    const { pooled } = pool({ features: map, layout: 'NHWC' }, { grid, threads });
    const { kernel, bias } = network.classifier;
    const read = (tensor: tf.Tensor) => ({ data: tensor.dataSync() as Float32Array, shape: tensor.shape });
    const { logits } = classify({ pooled, weight: read(kernel), bias: read(bias), weightLayout: 'CK' }, { threads });
    const rows = 1 + grid[0] * grid[1];
    return relationMatrix(logits.data, Array.from({ length: size * rows }, (_, row) => labels[Math.floor(row / rows)]));
  }
  throw new Error('the test split is empty');
}
