/** Seeded inputs of a workload, in float32: what is measured in float64 gets the same numbers, widened. */
import type { Features, Layout, Workload } from './cases.js';

export interface Tensor {
  data: Float32Array | Float64Array | Int32Array;
  shape: number[];
}

/** By the names of the engine's roles, such as 'student.features'. */
export type Inputs = Record<string, Tensor>;

/** About that of a trained network's logits. */
const logitScale = 3;

/** Fast, and good enough to time with: a xorshift generator whose halves are added up to a triangular distribution. */
class Noise {
  constructor(private state: number) {}

  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x;
  }

  /** Mean 0, standard deviation 1: the sum of two uniform 16-bit numbers has a variance of 2^32 / 6. */
  value(): number {
    const bits = this.next();
    return ((bits & 0xffff) + (bits >>> 16) - 0xffff) * (Math.sqrt(6) / 65536);
  }

  values(shape: number[], scale: number): Tensor {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    for (let i = 0; i < data.length; i++) data[i] = scale * this.value();
    return { data, shape };
  }
}

function featureMap(noise: Noise, { n, C, H, W }: Features, layout: Layout): Tensor {
  const tensor = noise.values(layout === 'NCHW' ? [n, C, H, W] : [n, H, W, C], 0.5);
  const levels = noise.values([n, C], 1).data;
  const positions = H * W;
  // Each channel has a level of its own per sample: white noise alone would leave nothing after the mean over the map.
  for (let i = 0; i < n; i++) {
    for (let at = 0; at < C * positions; at++) {
      const channel = layout === 'NCHW' ? Math.floor(at / positions) : at % C;
      tensor.data[i * C * positions + at] += levels[i * C + channel];
    }
  }
  return tensor;
}

function labels(noise: Noise, n: number, K: number): Tensor {
  return { data: Int32Array.from({ length: n }, () => (noise.next() >>> 0) % K), shape: [n] };
}

function classifier(noise: Noise, { C, K }: Features): { weight: Tensor; bias: Tensor } {
  return { weight: noise.values([K, C], logitScale / Math.sqrt(C)), bias: noise.values([K], 1) };
}

export function makeInputs({ operation, sizes, layout }: Workload): Inputs {
  const noise = new Noise(0x9e3779b9);
  const { n, K, m } = sizes;
  const pair = () => ({
    'teacher.logits': noise.values([m, K], logitScale),
    'student.logits': noise.values([m, K], logitScale),
  });
  // The operations on feature maps are given all of the sizes.
  const whole = sizes as Features;
  switch (operation) {
    case 'gld': {
      const side = (name: string) => {
        const { weight, bias } = classifier(noise, whole);
        return {
          [`${name}.features`]: featureMap(noise, whole, layout),
          [`${name}.weight`]: weight,
          [`${name}.bias`]: bias,
        };
      };
      return { ...side('teacher'), ...side('student'), labels: labels(noise, n, K) };
    }
    case 'pool':
      return {
        'student.features': featureMap(noise, whole, layout),
        upstream: noise.values([n, m / n, whole.C], 1 / m),
      };
    case 'classifier': {
      const { weight, bias } = classifier(noise, whole);
      return {
        pooled: noise.values([m, whole.C], 1),
        'student.weight': weight,
        'student.bias': bias,
        upstream: noise.values([m, K], 1 / m),
      };
    }
    case 'cross_entropy':
      return { 'student.logits': noise.values([n, K], logitScale), labels: labels(noise, n, K) };
    case 'normalized_kd':
    case 'relation':
      return pair();
  }
}
