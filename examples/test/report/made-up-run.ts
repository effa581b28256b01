/** A record with made-up numbers, shaped like a real one: what the tests of the report render. */
import { Rng } from '../../data/index.js';
import { packBytes } from '../../report/packed-bytes.js';
import {
  type Answer,
  type ArmRecord,
  type EpochRecord,
  type PictureRecord,
  type PicturesRecord,
  relationMatrix,
  type RelationMatrix,
  type RunRecord,
  type TermValues,
} from '../../report/index.js';
import { present } from '../../present.js';

const classes = Array.from({ length: 10 }, (_, k) => `class <${k}>`);

/** Relations of logits whose classes are `clear` times as far apart as the noise. */
function relations(rng: Rng, images: number, clear: number): RelationMatrix {
  const centres = new Rng(99);
  const centre = Array.from({ length: 100 }, () => centres.normal());
  const labels = Array.from({ length: images * 5 }, (_, row) => Math.floor(row / 5) % 10);
  const logits = labels.flatMap((label) =>
    Array.from({ length: 10 }, (_, k) => clear * centre[label * 10 + k] + rng.normal()),
  );
  return relationMatrix(logits, labels);
}

function epochs(rng: Rng, count: number, from: number, to: number, weights: TermValues): EpochRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const left = Math.exp((-4 * i) / count);
    const value = (start: number, end: number): number => (end + (start - end) * left) * (1 + 0.04 * rng.normal());
    const terms: TermValues = {};
    if (weights.task !== undefined) terms.task = value(2.3, 0.7);
    if (weights.global !== undefined) terms.global = value(0.4, 0.08);
    if (weights.local !== undefined) terms.local = value(1.9, 0.6);
    if (weights.relation !== undefined) terms.relation = value(1.6e-3, 4e-4);
    const names = Object.keys(terms) as (keyof TermValues)[];
    return {
      epoch: i + 1,
      terms,
      trainLoss: names.reduce((sum, term) => sum + present(weights[term]) * present(terms[term]), 0),
      score: to - (to - from) * left + 0.012 * rng.normal(),
      seconds: 0.7,
    };
  });
}

/** Two images of noise: one that the arms take for different classes, one that all networks are right about. */
function pictures(rng: Rng, arms: number, channels: number, cells: number): PicturesRecord {
  const answer = (taken: number): Answer => ({
    class: taken,
    probability: 0.5 + rng.int(40) / 100,
    cells: Array.from({ length: cells }, () => rng.int(100) / 100),
  });
  const picture = (position: number, label: number, wrong: number): PictureRecord => ({
    position,
    label,
    pixels: packBytes(Uint8Array.from({ length: 16 * 16 * channels }, () => rng.int(256))),
    teacher: answer(label),
    arms: Array.from({ length: arms }, (_, i) => answer(i < wrong ? (label + 1) % 10 : label)),
  });
  return {
    candidates: 200,
    groups: [
      { agreement: 'arms differ', count: 57, shown: [picture(0, 3, 1)] },
      { agreement: 'teacher differs', count: 0, shown: [] },
      { agreement: 'all agree', count: 143, shown: [picture(4, 9, 0)] },
    ],
  };
}

export interface MadeUp {
  seeds?: number[];
  images?: number;
  studentEpochs?: number;
  channels?: number;
  grid?: [number, number];
}

export function madeUpRun({
  seeds = [1, 2, 3],
  images = 40,
  studentEpochs = 15,
  channels = 3,
  grid = [2, 2],
}: MadeUp = {}): RunRecord {
  const rng = new Rng(4);
  const arm = (id: string, label: string, to: number, clear: number, weights: TermValues): ArmRecord => ({
    id,
    label,
    description: `What ${label} minimises, in one sentence that is about as long as a real one.`,
    weights,
    options: { alpha: 0.7, grid: [2, 2] },
    runs: seeds.map((seed) => {
      const list = epochs(rng, studentEpochs, 0.16, to + 0.02 * rng.normal(), weights);
      return {
        seed,
        epochs: list,
        testAccuracy: list[studentEpochs - 1].score,
        relationMatrix: relations(rng, images, clear),
      };
    }),
  });
  const teacher = epochs(rng, 15, 0.2, 0.93, { task: 1 });
  return {
    version: 1,
    settings: {
      dataset: 'shapes',
      datasetDescription: 'made-up numbers for a look at the page, no run at all',
      classes,
      imageShape: [16, 16, channels],
      trainSize: 3000,
      validationSize: 0,
      testSize: 1000,
      teacherEpochs: 15,
      studentEpochs,
      batchSize: 64,
      alpha: 0.7,
      beta: 500,
      localWeight: 1,
      grid,
      reduction: 'matrix',
      metric: 'sqeuclidean',
      seeds,
      optimizer: 'SGD, momentum 0.9, weight decay 0.0005, learning rate 0.1 to 0 along a cosine',
      command: 'npm start -- --seeds 1,2,3 --out "a & b"',
      more: { Augmentation: true, 'Temperature of Hinton KD': 4 },
    },
    environment: {
      cpu: 'Imagined CPU @ 3 GHz',
      cores: 2,
      memory: 2 ** 34,
      os: 'Linux 6.1',
      node: 'v20.20.2',
      framework: 'tfjs 4.22.0, wasm',
      version: '0.1.0',
      engineLevel: 'x86-64-v3',
      threads: 2,
      commit: 'abc1234',
    },
    teacher: {
      name: 'cnn16',
      parameters: 24_000,
      testAccuracy: teacher[14].score,
      epochs: teacher,
      relationMatrix: relations(rng, images, 2.5),
    },
    student: { name: 'cnn4', parameters: 2_100 },
    arms: [
      arm('ce', 'Cross-entropy', 0.66, 0.9, { task: 1 }),
      arm('kd', 'Hinton KD', 0.7, 1.2, { task: 0.3, global: 0.7 }),
      arm('gld-no-relation', 'GLD without relation', 0.77, 1.6, { task: 0.3, global: 0.7, local: 1 }),
      arm('gld', 'Full GLD', 0.785, 2, { task: 0.3, global: 0.7, local: 1, relation: 500 }),
    ],
    pictures: pictures(new Rng(5), 4, channels, grid[0] * grid[1]),
    startedAt: '2030-01-02T03:04:05.678Z',
    seconds: 134,
  };
}
