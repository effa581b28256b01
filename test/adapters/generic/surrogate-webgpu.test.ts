/**
 * TensorFlow.js on WebGPU, whose data comes asynchronously only: the surrogate against the wasm backend. Needs an adapter,
 * and two packages that are no dependencies of this one because of their size:
 * `npm install --no-save --ignore-scripts webgpu @tensorflow/tfjs-backend-webgpu`.
 */
import '@tensorflow/tfjs-backend-wasm';
import { surrogateGld } from 'gld-loss/surrogate';
import { tfjsGld } from 'gld-loss/tfjs';
import t from 'tap';
import { tf } from '../../support/tfjs.js';

/** Why there is no WebGPU here, or undefined after it was set up. */
async function setUp(): Promise<string | undefined> {
  const names = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;
  try {
    // Not installed as a rule, so that TypeScript must not look for them.
    const webgpu = (await import(names[0] as string)) as { create(flags: string[]): GPU; globals: object };
    Object.assign(globalThis, webgpu.globals);
    if (globalThis.navigator === undefined) Object.assign(globalThis, { navigator: {} });
    Object.defineProperty(globalThis.navigator, 'gpu', { value: webgpu.create([]), configurable: true });
    const { gpu } = globalThis.navigator as { gpu?: GPU };
    if (!(await gpu?.requestAdapter())) return 'no WebGPU adapter';
    await import(names[1] as string);
    return (await tf.setBackend('webgpu')) ? undefined : 'the backend does not start';
  } catch (error) {
    return `no WebGPU: ${(error as Error).message.split('\n')[0]}`;
  }
}
interface GPU {
  requestAdapter(): Promise<object | null>;
}

const skip = (await setUp()) ?? false;

t.test('the surrogate on WebGPU', { skip }, async (t) => {
  const N = 2;
  const K = 4;
  // More than the backend keeps on the CPU.
  const values = (shape: number[]) =>
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i * shape.length));
  const tensor = (...shape: number[]) => tf.tensor(values(shape), shape);
  const make = () => ({
    images: tensor(N, 48),
    dense: tensor(48, 16 * 16 * 32),
    weight: tensor(32, K),
    bias: tensor(K),
    target: tensor(N, 5, K),
  });
  const student = ({ images, dense, weight, bias }: ReturnType<typeof make>) => ({
    features: tf.reshape(tf.matMul(images as tf.Tensor2D, dense as tf.Tensor2D), [N, 16, 16, 32]),
    weight,
    bias,
  });

  async function gradients(kind: 'tfjs' | 'surrogate'): Promise<[number, Float32Array]> {
    const given = make();
    const inputs = { teacher: { logits: given.target }, labels: [1, 3] };
    const generic = surrogateGld<tf.Tensor>({
      isTensor: (value) => value instanceof tf.Tensor,
      read: async (x) => ({ data: await x.data(), shape: x.shape }),
      constant: (data, shape) => tf.tensor(data as Float32Array, shape),
    });
    const layouts = { layout: 'NHWC', weightLayout: 'CK' } as const;
    const side = (dense: tf.Tensor) => ({ ...student({ ...given, dense }), ...layouts });
    const at =
      kind === 'tfjs'
        ? await tfjsGld(tf).surrogate({ ...inputs, student: side(given.dense) })
        : await generic.surrogate({ ...inputs, student: side(given.dense) });
    const gradient = tf.grad((dense) => at.scalar(side(dense)))(given.dense);
    return [at.loss, (await gradient.data()) as Float32Array];
  }

  const there = [await gradients('tfjs'), await gradients('surrogate')];
  await tf.setBackend('wasm');
  const [loss, expected] = await gradients('tfjs');
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [value, gradient] of there) {
    t.ok(Math.abs(value - loss) < 1e-4 * loss);
    t.ok(gradient.every((x, i) => Math.abs(x - expected[i]) < 1e-3 * largest));
  }
});
