/** What a frozen network makes of a data set: pooled features, computed once, and a linear classifier on them. */
import { pool } from 'gld-loss';
import type { BatchOptions, Split } from '../../data/index.js';
import type { Rng } from '../../data/index.js';
import { tf } from '../../tfjs/backend.js';
import { sideOf, type Teacher, TeacherError } from '../../teachers/types.js';
import { classifier, Parameters } from '../../tfjs/layers.js';
import { crossEntropyOf } from '../../tfjs/objectives.js';
import type { BatchSource, Objective } from '../../training/train.js';

export interface Features {
  /** [labels.length, channels], row by row. */
  rows: Float32Array;
  channels: number;
  labels: Int32Array;
}

/** The mean over a network's map of every image, in the split's stored order. */
export async function pooledFeatures({ form, outputs }: Teacher, split: Split, threads: number): Promise<Features> {
  const labels = new Int32Array(split.size);
  const parts: Float32Array[] = [];
  let at = 0;
  for await (const batch of split.batches({ batchSize: 200 })) {
    const side = sideOf(form, await outputs(batch), batch.size);
    if (!('features' in side)) throw new TeacherError('expected a network with a feature map, got logits');
    const { pooled } = pool({ features: side.features, layout: side.layout }, { grid: [1, 1], threads });
    const [n, rows, channels] = pooled.shape;
    // The first of the rows of an image is the mean over the whole map.
    for (let i = 0; i < n; i += 1)
      parts.push(pooled.data.slice(i * rows * channels, (i * rows + 1) * channels) as Float32Array);
    labels.set(batch.labels, at);
    at += batch.size;
  }
  const channels = parts[0].length;
  const rows = new Float32Array(split.size * channels);
  parts.forEach((part, i) => rows.set(part, i * channels));
  return { rows, channels, labels };
}

/** Mean and standard deviation of each channel, so that one learning rate suits the features of every network. */
export function scaling({ rows, channels, labels: { length } }: Features): { mean: number[]; deviation: number[] } {
  const mean = new Array<number>(channels).fill(0);
  const squares = new Array<number>(channels).fill(0);
  rows.forEach((value, i) => {
    mean[i % channels] += value / length;
  });
  rows.forEach((value, i) => {
    squares[i % channels] += (value - mean[i % channels]) ** 2 / length;
  });
  // A channel that never changes stays 0.
  return { mean, deviation: squares.map((square) => Math.sqrt(square) || 1) };
}

export function scaled(features: Features, { mean, deviation }: ReturnType<typeof scaling>): Features {
  const { channels } = features;
  return { ...features, rows: features.rows.map((value, i) => (value - mean[i % channels]) / deviation[i % channels]) };
}

export interface FeatureBatch {
  rows: tf.Tensor2D;
  labels: Int32Array;
  size: number;
}

/** Batches of rows in a random order. The tensor of a batch lives until the next one is asked for. */
export function featureSource({ rows, channels, labels }: Features): BatchSource<FeatureBatch> {
  async function* pass(order: Int32Array, batchSize: number, start: number): AsyncGenerator<FeatureBatch> {
    for (let at = start; at < order.length; at += batchSize) {
      const positions = order.subarray(at, at + batchSize);
      const size = positions.length;
      const values = new Float32Array(size * channels);
      positions.forEach((position, i) =>
        values.set(rows.subarray(position * channels, (position + 1) * channels), i * channels),
      );
      const tensor = tf.tensor2d(values, [size, channels]);
      try {
        yield { rows: tensor, labels: Int32Array.from(positions, (position) => labels[position]), size };
      } finally {
        tensor.dispose();
      }
    }
  }
  return {
    size: labels.length,
    batches({ batchSize, shuffle, skip = 0 }: BatchOptions) {
      const order = Int32Array.from({ length: labels.length }, (_, i) => i);
      shuffle?.shuffle(order);
      return pass(order, batchSize, skip * batchSize);
    },
  };
}

export interface Linear {
  parameters: Parameters;
  objective: Objective<FeatureBatch>;
  /** Share of the rows whose largest logit is that of their label. */
  accuracy(features: Features): number;
}

/** A linear classifier with freshly drawn weights; free it with `parameters.dispose()`. */
export function linear(channels: number, classes: number, rng: Rng): Linear {
  const parameters = new Parameters('linear');
  const { kernel, bias } = classifier(parameters, rng, channels, classes);
  const logits = (rows: tf.Tensor2D) => tf.add(tf.matMul(rows, kernel), bias) as tf.Tensor2D;
  let task = 0;
  return {
    parameters,
    objective: {
      loss({ rows, labels }) {
        const loss = crossEntropyOf(logits(rows), labels);
        task = loss.dataSync()[0];
        return loss;
      },
      terms: () => ({ task }),
    },
    accuracy({ rows, labels }) {
      const predicted = tf.tidy(() => tf.argMax(logits(tf.tensor2d(rows, [labels.length, channels])), 1).dataSync());
      return labels.reduce((sum, label, i) => sum + Number(predicted[i] === label), 0) / labels.length;
    },
  };
}
