/** Wrong calls of the stages. */
import * as gld from 'gld-loss';
import { tensor, type Loose } from './inputs.js';
import type { Expected } from './index.js';

const call = gld as Loose;
const rows = (n: number, classes: number): Loose => ({ logits: tensor(n, classes) });
const pair = { teacher: tensor(2, 3), student: tensor(2, 3) };
const map = tensor(2, 3, 4, 5);

/** What is wrong; the call; the error. */
export const wrongStageCalls: (readonly [name: string, call: () => unknown, ...Expected])[] = [
  ['pool: nothing', () => call.pool(undefined), 'ARG_TYPE', 'inputs',
    'inputs: expected { features, layout? }, got undefined'],
  ['pool: a tensor instead of inputs', () => call.pool(map), 'OPTION', 'data', /one of features, layout/],
  ['pool: rank', () => call.pool({ features: tensor(3, 4) }), 'RANK', 'features',
    /\[n, C, H, W\], got rank 2: \[3, 4\]$/],
  ['pool: grid', () => call.pool({ features: map }, { grid: 5 }), 'GRID', 'grid',
    "grid: expected at most [4, 5], the size of features' map, got [5, 5]"],
  ['pool: upstream', () => call.pool({ features: map }, { upstream: tensor(2, 4, 3) }), 'SHAPE', 'upstream',
    'upstream: expected shape [2, 5, 3], as pooled has, got [2, 4, 3]'],
  ['pool: rank of upstream', () => call.pool({ features: map }, { upstream: tensor(10, 3) }), 'RANK', 'upstream',
    /\[2, 5, 3\], as pooled has, got rank 2/],
  ['pool: option', () => call.pool({ features: map }, { gird: 2 }), 'OPTION', 'gird', /did you mean grid\?/],
  ['classify: weight', () => call.classify({ pooled: tensor(6, 3), weight: tensor(4, 5) }), 'SHAPE', 'weight',
    "weight: expected shape [4, 3] to match pooled's 3 channels, got [4, 5]"],
  ['classify: bias', () => call.classify({ pooled: tensor(6, 3), weight: tensor(4, 3), bias: tensor(3) }), 'SHAPE',
    'bias', "bias: expected shape [4] to match weight's 4 classes, got [3]"],
  ['classify: upstream',
    () => call.classify({ pooled: tensor(6, 3), weight: tensor(4, 3) }, { upstream: tensor(6, 3) }), 'SHAPE',
    'upstream', 'upstream: expected shape [6, 4], as the logits have, got [6, 3]'],
  ['classify: rank', () => call.classify({ pooled: tensor(6), weight: tensor(4, 3) }), 'RANK', 'pooled',
    /\[n, C\] or \[n, R, C\], got rank 1: \[6\]$/],
  ['crossEntropy: label', () => call.crossEntropy({ ...rows(2, 3), labels: [0, 3] }), 'LABEL', 'labels[1]',
    'labels[1]: expected an integer in [0, 3), got 3'],
  ['crossEntropy: no labels', () => call.crossEntropy(rows(2, 3)), 'ARG_TYPE', 'labels',
    'labels: expected class indices [n] or soft labels [n, K], got undefined'],
  ['crossEntropy: rank', () => call.crossEntropy({ logits: tensor(2, 5, 3), labels: [0, 1] }), 'RANK', 'logits',
    'logits: expected shape [n, K], got rank 3: [2, 5, 3]'],
  ['crossEntropy: one class', () => call.crossEntropy({ ...rows(2, 1), labels: [0, 0] }), 'CLASSES', 'logits',
    /at least 2 classes, got 1 in shape \[2, 1\]$/],
  ['normalizedKd: classes', () => call.normalizedKd({ teacher: tensor(2, 3), student: tensor(2, 4) }), 'CLASSES',
    'teacher', 'teacher: expected 4 classes, as student has, got 3'],
  ['normalizedKd: shapes', () => call.normalizedKd({ teacher: tensor(2, 1, 3), student: tensor(2, 3) }), 'SHAPE',
    'teacher', 'teacher: expected shape [2, 3], as student has, got [2, 1, 3]'],
  ['normalizedKd: gradients',
    () => call.normalizedKd(pair, { gradients: ['logits'] }), 'ARG_TYPE',
    'gradients', /true or false, got an array of length 1$/],
  ['relation: method',
    () => call.relation(pair, { method: 'moments', metric: 'euclidean' }),
    'OPTION', 'method', /metric 'euclidean', got 'moments'$/],
  ['relation: nothing', () => call.relation({ teacher: tensor(2, 3) }), 'ARG_TYPE', 'student',
    'student: expected a tensor { data, shape }, got undefined'],
];
