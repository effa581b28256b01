/** Prints digests of everything that a set of calls returns, by call: the same bits give the same digest. */
import { createHash } from 'node:crypto';
import { classify, gldLoss, gldLossAsync, relation, type GldOptions, type GldResult } from 'gld-loss';
import { problem, type ProblemSpec } from '../problems.js';
import { Random } from '../random.js';
import { encode, encodeInputs } from '../tensors.js';

const side = { channels: 40, map: [7, 7] } as const;
const recipes: { [name: string]: [ProblemSpec, GldOptions] } = {
  pairwise: [{ samples: 70, classes: 37, teacher: side, student: side }, { relation: { method: 'pairwise' } }],
  moments: [{ samples: 150, classes: 37, teacher: side, student: side }, { relation: { method: 'moments' } }],
  euclidean: [{ samples: 60, classes: 10, teacher: 'logits', student: side }, { relation: { metric: 'euclidean' } }],
  'many classes': [{ samples: 20, classes: 700, teacher: side, student: { ...side, layout: 'NHWC' } }, {}],
  'many cells': [
    { samples: 33, classes: 20, grid: 7, teacher: side, student: { ...side, weightLayout: 'CK' } },
    { grid: 7 },
  ],
};

function digest({ loss, terms, gradients }: Pick<GldResult, 'loss' | 'gradients'> & Partial<GldResult>): string {
  const hash = createHash('sha256').update(Float64Array.of(loss, ...Object.values(terms ?? {})));
  for (const gradient of Object.values(gradients ?? {})) hash.update(gradient.data);
  return hash.digest('hex');
}

const digests: { [call: string]: string[] } = {};
const note = (call: string, result: Parameters<typeof digest>[0]): void => {
  (digests[call] ??= []).push(digest(result));
};

for (const [name, [spec, options]] of Object.entries(recipes)) {
  for (const dtype of ['float32', 'float64'] as const) {
    const inputs = problem(spec);
    const { given } = encodeInputs(inputs, dtype);
    const misaligned = encodeInputs(inputs, dtype, 'offset').given;
    const call = `${name} ${dtype}`;
    for (let threads = 1; threads <= 7; threads++) note(call, gldLoss(given, { ...options, threads }));
    note(call, gldLoss(given, options));
    note(call, gldLoss(misaligned, options));
    note(call, await gldLossAsync(given, options));
    for (const result of await Promise.all([3, 7].map((threads) => gldLossAsync(given, { ...options, threads })))) {
      note(call, result);
    }
  }
}

const random = new Random(64);
const [m, classes] = [1500, 20];
const [teacher, student] = [0, 1].map(() => random.normals(m * classes, 3));
for (const method of ['pairwise', 'moments'] as const) {
  for (const placement of ['dense', 'offset'] as const) {
    const shape = [m, classes];
    const [zt, zs] = [teacher, student].map((data) => encode({ data, shape }, 'float32', placement).tensor);
    for (const threads of [1, 2, 5, 7]) {
      note(`relation ${method}`, relation({ teacher: zt, student: zs }, { method, threads }));
    }
  }
}

// Products of small and odd shapes, whose every element could meet other instructions at another address.
for (const [rows, channels, classes] of [
  [2, 4, 5],
  [2, 4, 13],
  [3, 5, 9],
  [1, 7, 8],
]) {
  for (const dtype of ['float32', 'float64'] as const) {
    const draw = (...shape: number[]) => ({ data: random.normals(shape.reduce((a, b) => a * b)), shape });
    const dense = { pooled: draw(rows, channels), weight: draw(classes, channels), upstream: draw(rows, classes) };
    // New results lie at new addresses every time.
    for (let time = 0; time < 40; time++) {
      const placement = time % 2 === 0 ? 'dense' : 'offset';
      const { pooled, weight, upstream } = Object.fromEntries(
        Object.entries(dense).map(([name, tensor]) => [name, encode(tensor, dtype, placement).tensor]),
      );
      const { logits, gradients } = classify({ pooled, weight }, { upstream });
      const results = { logits, ...gradients } as object;
      note(`classify ${rows} ${channels} ${classes} ${dtype}`, { loss: 0, gradients: results });
    }
  }
}

console.log(JSON.stringify(digests));
