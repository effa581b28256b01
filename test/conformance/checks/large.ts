/** Sizes whose indices pass 2^31: many samples or rows that are all the same, so that only where they lie differs. */
import { crossEntropy, CudaTensor, normalizedKd, pool } from 'gld-loss';
import { pool as poolReference } from '../../reference/pool.js';
import { arrayError, lossError } from '../../support/compare.js';
import { fromBfloat16, toBfloat16 } from '../../support/half.js';
import { Random } from '../../support/random.js';
import { present } from '../../../tools/present.js';
import type { Target } from '../target.js';
import type { Check } from '../check.js';

const limit = 2 ** 31;

/** Bytes of device memory that each check takes at most, per element of its input. */
const mapBytes = 2 + 1;
const rowBytes = 2 * (2 + 4) + 2 * 4;

const needs =
  (bytes: number) =>
  ({ facts }: Target): string | undefined => {
    if (facts.kind !== 'gpu') return 'for a GPU with the memory for it';
    const { memoryBytes = 0 } = facts;
    const gigabytes = (count: number) => (count / 1e9).toFixed(0);
    return memoryBytes < bytes
      ? `needs ${gigabytes(bytes)} GB of device memory, there are ${gigabytes(memoryBytes)}`
      : undefined;
  };

const random = (count: number, seed: number) => {
  const source = new Random(seed);
  return Uint16Array.from({ length: count }, () => toBfloat16(source.normal()));
};

/** `piece` again and again, on the device. */
function repeated(target: Target, piece: Uint16Array, times: number, shape: readonly number[]): CudaTensor {
  const data = new Uint16Array(times * piece.length);
  for (let at = 0; at < times; at++) data.set(piece, at * piece.length);
  return CudaTensor.from({ data, shape: [...shape], dtype: 'bfloat16' }, { device: target.device as `cuda:${number}` });
}

/** Part of a float32 tensor on the device. */
function part(tensor: CudaTensor, first: number, count: number): Float32Array {
  const { ptr, deviceId } = tensor;
  const view = CudaTensor.at({
    device: 'cuda',
    deviceId,
    ptr: ptr + BigInt(4 * first),
    shape: [count],
    dtype: 'float32',
  });
  const { data } = view.toHost();
  view.dispose();
  return data as Float32Array;
}

const equal = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);

export const largeChecks: Check[] = [
  {
    group: 'large',
    name: 'a map of more than 2^31 elements',
    quick: false,
    skip: needs(1.1 * mapBytes * limit),
    async run(judge, target) {
      const map = { samples: 1, channels: 1024, size: [32, 32] };
      const perSample = map.channels * 32 * 32;
      const samples = limit / perSample + 3;
      const one = random(perSample, 31);
      const features = repeated(target, one, samples, [samples, map.channels, ...map.size]);
      const { pooled } = pool({ features }, { device: target.device });
      const { data: rows } = pooled.toHost() as { data: Float32Array };
      const expected = poolReference(Float64Array.from(one, fromBfloat16), map, [[2, 2]]);
      const size = expected.length;
      const first = rows.subarray(0, size);
      judge.add('the first sample', arrayError(first, expected), 1e-6, `${samples} samples`);
      for (let at = 1; at < samples; at++) {
        judge.ok(
          equal(rows.subarray(at * size, (at + 1) * size), first),
          `sample ${at} differs from the first, of which it is a copy`,
        );
      }
      features.dispose();
      pooled.dispose();
    },
  },
  {
    group: 'large',
    name: 'more than 2^31 logits',
    quick: false,
    skip: needs(1.1 * rowBytes * limit),
    async run(judge, target) {
      const classes = 1024;
      const count = limit / classes + 3;
      const [teacher, student] = [1, 2].map((seed) =>
        repeated(target, random(classes, seed), count, [count, classes]),
      ) as [CudaTensor, CudaTensor];
      const few = [1, 2].map((seed) => repeated(target, random(classes, seed), 2, [2, classes])) as [
        CudaTensor,
        CudaTensor,
      ];
      const { device } = target;
      const labels = (n: number) =>
        CudaTensor.from({ data: new Int32Array(n).fill(7), shape: [n] }, { device: device as `cuda:${number}` });
      const [all, two] = [labels(count), labels(2)];
      for (const [name, run] of [
        [
          'cross_entropy',
          (n: number) => crossEntropy({ logits: n === 2 ? few[1] : student, labels: n === 2 ? two : all }, { device }),
        ],
        [
          'normalized_kd',
          (n: number) =>
            normalizedKd(n === 2 ? { teacher: few[0], student: few[1] } : { teacher, student }, { device }),
        ],
      ] as const) {
        const [whole, small] = [run(count), run(2)];
        const [of, like] = [present(whole.gradients).logits, present(small.gradients).logits] as unknown as [
          CudaTensor,
          CudaTensor,
        ];
        // Means over equal rows: the loss of one, and gradients that shrink with their number.
        judge.add(name, lossError(whole.loss, small.loss), 1e-6, `${count} rows`);
        const expected = part(like, 0, classes).map((value) => (value * 2) / count);
        for (const row of [0, 1, count / 2 - 1, count - 2, count - 1].map(Math.floor)) {
          judge.add(`${name}, gradient`, arrayError(part(of, row * classes, classes), expected), 1e-5, `row ${row}`);
        }
        of.dispose();
        like.dispose();
      }
      for (const tensor of [teacher, student, ...few, all, two]) tensor.dispose();
    },
  },
];
