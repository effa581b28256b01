/** Frameworks as `gld-loss/surrogate` takes them, each in a few lines; with what the tests need of each besides. */
import type { SurrogateFramework } from 'gld-loss/surrogate';
import { torch } from 'js-pytorch';
import { tf } from '../../support/tfjs.js';

export interface Kit<T> {
  framework: SurrogateFramework<T>;
  /** Something to differentiate by. */
  parameter(data: Float32Array, shape: number[]): T;
  matmul(a: T, b: T): T;
  reshape(x: T, shape: number[]): T;
  /** The value of factor · f(...), and its gradients by the parameters. */
  differentiate(
    f: (...parameters: T[]) => T,
    parameters: T[],
    factor: number,
  ): [value: number, gradients: Float32Array[]];
}

const tfjs: Kit<tf.Tensor> = {
  framework: {
    isTensor: (value) => value instanceof tf.Tensor,
    read: (x) => ({ data: x.dataSync(), shape: x.shape }),
    constant: (data, shape) => tf.tensor(data, shape),
  },
  parameter: (data, shape) => tf.tensor(data, shape),
  matmul: (a, b) => tf.matMul(a, b),
  reshape: (x, shape) => tf.reshape(x, shape),
  differentiate: (f, parameters, factor) => {
    const { value, grads } = tf.valueAndGrads((...x) => tf.mul(f(...x), factor))(parameters);
    return [value.dataSync()[0], grads.map((gradient) => gradient.dataSync() as Float32Array)];
  },
};

type Torch = ReturnType<typeof torch.tensor>;
const numbers = (nested: unknown) => Float32Array.from([nested].flat(Infinity) as number[]);

const pytorch: Kit<Torch> = {
  framework: {
    isTensor: (value) => value instanceof torch.Tensor,
    read: (x) => ({ data: numbers(x.data), shape: x.shape }),
    constant: (data, shape) => torch.reshape(torch.tensor([...data]), shape.length === 0 ? [1] : shape),
    // Its sum() is one over the last axis.
    dot: (x, constant) =>
      x
        .mul(constant)
        .reshape([numbers(constant.data).length])
        .sum(),
  },
  parameter: (data, shape) => {
    const x = torch.reshape(torch.tensor([...data]), shape);
    return torch.tensor(x.data, true);
  },
  matmul: (a, b) => a.matmul(b),
  reshape: (x, shape) => x.reshape(shape),
  differentiate: (f, parameters, factor) => {
    const value = f(...parameters).mul(factor);
    value.backward();
    return [numbers(value.data)[0], parameters.map(({ grad }) => numbers(grad))];
  },
};

/** A value with its history: the least that a framework with methods and backward() consists of. */
class Variable {
  readonly grad: Float32Array;

  /** @param history the variables that it was computed from, and how its gradient becomes one of each */
  constructor(
    readonly elements: Float32Array,
    readonly shape: number[],
    private readonly history: (readonly [Variable, (upstream: Float32Array) => Float32Array])[] = [],
  ) {
    this.grad = new Float32Array(elements.length);
  }

  mul(other: Variable): Variable {
    const times = (by: Variable) => (values: Float32Array) => values.map((x, i) => x * by.elements[i]);
    return new Variable(times(other)(this.elements), this.shape, [
      [this, times(other)],
      [other, times(this)],
    ]);
  }

  add(other: Variable): Variable {
    const sum = this.elements.map((x, i) => x + other.elements[i]);
    return new Variable(
      sum,
      this.shape,
      [this, other].map((input) => [input, (upstream) => upstream] as const),
    );
  }

  sum(): Variable {
    const total = Float32Array.of(this.elements.reduce((a, b) => a + b, 0));
    return new Variable(total, [], [[this, ([upstream = 0]) => this.elements.map(() => upstream)]]);
  }

  reshape(shape: number[]): Variable {
    return new Variable(this.elements, shape, [[this, (upstream) => upstream]]);
  }

  matmul(other: Variable): Variable {
    const [rows = 0, inner = 0] = this.shape;
    const [, columns = 0] = other.shape;
    /** For every product of the sum: where something is added, and what, by the places of its three elements. */
    const walk = (into: Float32Array, f: (left: number, right: number, out: number) => [to: number, value: number]) => {
      for (let i = 0; i < rows; i++) {
        for (let k = 0; k < inner; k++) {
          for (let j = 0; j < columns; j++) {
            const [to, value] = f(i * inner + k, k * columns + j, i * columns + j);
            into[to] += value;
          }
        }
      }
      return into;
    };
    const [a, b] = [this.elements, other.elements];
    const product = walk(new Float32Array(rows * columns), (l, r, o) => [o, a[l] * b[r]]);
    return new Variable(
      product,
      [rows, columns],
      [
        [this, (upstream) => walk(new Float32Array(a.length), (l, r, o) => [l, upstream[o] * b[r]])],
        [other, (upstream) => walk(new Float32Array(b.length), (l, r, o) => [r, upstream[o] * a[l]])],
      ],
    );
  }

  /** Adds to the gradients of what it was computed from, along every way there. */
  backward(upstream: Float32Array = Float32Array.of(1)): void {
    upstream.forEach((x, i) => (this.grad[i] += x));
    for (const [input, pull] of this.history) input.backward(pull(upstream));
  }
}

const tape: Kit<Variable> = {
  framework: {
    isTensor: (value) => value instanceof Variable,
    read: ({ elements, shape }) => ({ data: elements, shape }),
    constant: (data, shape) => new Variable(Float32Array.from(data), shape),
  },
  parameter: (data, shape) => new Variable(data, shape),
  matmul: (a, b) => a.matmul(b),
  reshape: (x, shape) => x.reshape(shape),
  differentiate: (f, parameters, factor) => {
    const value = f(...parameters).mul(new Variable(Float32Array.of(factor), []));
    value.backward();
    return [value.elements[0], parameters.map(({ grad }) => grad)];
  },
};

const all: unknown = { 'TensorFlow.js': tfjs, 'js-pytorch': pytorch, 'a tape': tape };
export const kits = all as Record<string, Kit<object>>;
