/** TensorFlow.js on its WebAssembly backend, which has one thread in Node.js. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import { work } from '../floor.js';
import { productFlops } from '../products.js';
import { Absent, type Contender, type Entry, type Participant, type Product, tooLarge, tooLong } from './index.js';
import { classify, crossEntropy, gld, type Named, normalizedKd, pool, relation } from './tfjs-loss.js';

/** With autodiff, all m × m matrices of both sides and of the way back are held until the end. */
const squareMatrices = 14;
/** WebAssembly's heap is at most 4 GiB and never shrinks. */
const memoryLimit = 2 * 2 ** 30;
/** Its products are an order of magnitude slower than native ones. */
const flopLimit = 3e9;

type Compute = (t: Named) => tf.Tensor;

function operation({ operation, layout, sizes }: Case): { names: string[]; compute: Compute } {
  const grid = sizes.grid ?? 1;
  switch (operation) {
    case 'gld':
      return {
        names: ['student.features', 'student.weight', 'student.bias'],
        compute: (t) => gld(t, layout, grid),
      };
    case 'pool':
      return { names: ['student.features'], compute: (t) => pool(t['student.features'], layout, grid) };
    case 'classifier':
      return {
        names: ['pooled', 'student.weight', 'student.bias'],
        compute: (t) => classify(t.pooled, t['student.weight'], t['student.bias']),
      };
    case 'cross_entropy':
      return { names: ['student.logits'], compute: (t) => crossEntropy(t['student.logits'], t.labels) };
    case 'normalized_kd':
      return {
        names: ['student.logits'],
        compute: (t) => normalizedKd(t['teacher.logits'], t['student.logits'], sizes.n),
      };
    case 'relation':
      return {
        names: ['student.logits'],
        compute: (t) => relation(t['teacher.logits'], t['student.logits']),
      };
  }
}

function prepare(on: Case, data: Data): Participant {
  const tensors: Named = Object.fromEntries(
    Object.entries(data.inputs).map(([name, { data: values, shape }]) => [
      name,
      tf.tensor(values as Float32Array, shape, values instanceof Int32Array ? 'int32' : 'float32'),
    ]),
  );
  const { names, compute } = operation(on);
  const leaves = names.map((name) => tensors[name]);
  const { upstream } = tensors;
  const gradient = tf.valueAndGrads((...given: tf.Tensor[]) => {
    const replaced = Object.fromEntries(names.map((name, i) => [name, given[i]]));
    return compute({ ...tensors, ...replaced });
  });
  const run = (): tf.Tensor[] => {
    if (on.mode === 'forward') return [compute(tensors)];
    const { value, grads } = gradient(leaves, upstream);
    return [value, ...grads];
  };
  return {
    result: async () =>
      tf.tidy(() => {
        const [value, ...gradients] = run();
        const read = value.dataSync();
        return {
          value: value.rank === 0 ? read[0] : read.slice(),
          gradients: Object.fromEntries(gradients.map((tensor, i) => [names[i], tensor.dataSync().slice()])),
        };
      }),
    async time(calls) {
      const begin = performance.now();
      for (let call = 0; call < calls; call++) tf.tidy(() => void run());
      return (performance.now() - begin) / 1000 / calls;
    },
    close: async () => tf.dispose(tensors),
  };
}

function entriesOf(on: Case, threads: number): Entry[] {
  if (threads > 1 || on.dtype === 'float64' || on.group === 'calls') return [];
  const { m } = on.sizes;
  const related = on.operation === 'gld' || on.operation === 'relation';
  const { flops } = work(on, 'float32', 'pairwise');
  const bytes = related ? squareMatrices * m * m * 4 : 0;
  const skipped = tooLarge(bytes, memoryLimit) ?? tooLong(flops, flopLimit);
  return [skipped ? { skipped } : { prepare: async (data) => prepare(on, data) }];
}

async function secondsOfProduct({ dtype, threads, ...size }: Product): Promise<number | undefined> {
  if (threads > 1 || dtype === 'float64' || productFlops(size) > flopLimit) return undefined;
  const { rows, columns, depth } = size;
  const pooled = tf.fill([rows, depth], 0.5);
  const weight = tf.fill([columns, depth], 0.25);
  const seconds = () => {
    const begin = performance.now();
    tf.tidy(() => void tf.matMul(pooled, weight, false, true));
    return (performance.now() - begin) / 1000;
  };
  seconds();
  const best = Math.min(seconds(), seconds());
  tf.dispose([pooled, weight]);
  return best;
}

/** @throws Absent */
export async function openTfjs(threads: readonly number[]): Promise<Contender> {
  if (!threads.includes(1)) throw new Absent('its WebAssembly backend has one thread in Node.js: --threads 1');
  if (!(await tf.setBackend('wasm'))) throw new Absent('its wasm backend could not be initialised');
  await tf.ready();
  return {
    name: 'tfjs',
    versions: { tfjs: `${tf.version_core} (wasm)` },
    entries: entriesOf,
    secondsOfProduct,
    close: async () => undefined,
  };
}
