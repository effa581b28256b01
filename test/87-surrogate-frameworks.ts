/** Frameworks as `gld-loss/surrogate` takes them, each in a few lines; with what the tests need of each besides. */
import * as tf from '@tensorflow/tfjs';
import * as deepbox from 'deepbox/ndarray';
import type { SurrogateFramework } from 'gld-loss/surrogate';
import { torch } from 'js-pytorch';

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
    constant: (data, shape) => tf.tensor(data as Float32Array, shape),
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

const grad: Kit<deepbox.GradTensor> = {
  framework: {
    isTensor: (value) => deepbox.GradTensor.isGradTensor(value),
    read: (x) => x.tensor as never,
    constant: (data, shape) => deepbox.GradTensor.fromTensor(deepbox.tensor(data as Float32Array).reshape(shape)),
  },
  parameter: (data, shape) => deepbox.parameter(deepbox.tensor(data).reshape(shape)),
  matmul: (a, b) => a.matmul(b),
  reshape: (x, shape) => x.reshape(shape),
  differentiate: (f, parameters, factor) => {
    const value = f(...parameters).mul(deepbox.GradTensor.scalar(factor));
    value.backward();
    return [Number(value.tensor.data[0]), parameters.map((x) => Float32Array.from(x.grad.data as Float32Array))];
  },
};

const all: unknown = { 'TensorFlow.js': tfjs, 'js-pytorch': pytorch, deepbox: grad };
export const kits = all as Record<string, Kit<object>>;
