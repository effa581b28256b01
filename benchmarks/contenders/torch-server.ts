/** PyTorch in a process of its own that computes and times operations: pytorch/server.py, and what it is asked. */
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import type { ProductSize } from '../products.js';
import type { DType } from '../record.js';
import type { Scratch } from '../scratch.js';
import type { Outputs, Participant } from './index.js';
import { environment, PythonServer } from './python.js';

export interface Hello {
  torch: string;
  /** The CUDA version that it was built for. */
  cuda: string | null;
  /** What multiplies its matrices, and what its threads are: 'MKL 2024.2', 'oneDNN 3.12.0', 'OpenMP'. */
  libraries: string[];
  threads: number;
  compile: boolean;
}

export interface TorchSettings {
  threads: number;
  /** 'cpu' (default) or 'cuda:0'. */
  device?: string;
  compiled?: boolean;
  /** Lets a GPU round the factors of float32 products to TF32. */
  tf32?: boolean;
  environment?: NodeJS.ProcessEnv | undefined;
}

function readRaw(file: string, shape: readonly number[], dtype: DType): Float32Array | Float64Array {
  const array = new (dtype === 'float64' ? Float64Array : Float32Array)(shape.reduce((a, b) => a * b, 1));
  const descriptor = openSync(file, 'r');
  try {
    for (let at = 0; at < array.byteLength; ) at += readSync(descriptor, array, at, array.byteLength - at, null);
  } finally {
    closeSync(descriptor);
  }
  return array;
}

export class TorchServer extends PythonServer {
  constructor(python: string, settings: TorchSettings) {
    const { threads, device = 'cpu', compiled = false, tf32 = false, environment: more } = settings;
    const flags = [...(compiled ? ['--compile'] : []), ...(tf32 ? ['--tf32'] : [])];
    super(python, [String(threads), device, ...flags], environment(threads, more));
  }

  hello(): Promise<Hello> {
    return this.ask({ do: 'hello' });
  }

  /** One task at a time; preparing the next one ends it. */
  async prepare(on: Pick<Case, 'mode' | 'dtype'>, data: Data, scratch: Scratch): Promise<Participant> {
    const { mode, dtype } = on;
    const { operation, layout, sizes } = data.workload;
    await this.ask({ do: 'prepare', operation, layout, grid: sizes.grid ?? 1, dtype, inputs: data.files() });
    return {
      result: () => this.result(mode, dtype, scratch),
      time: async (calls) => (await this.ask<{ seconds: number }>({ do: 'time', mode, calls })).seconds,
      close: async () => void (await this.ask({ do: 'release' })),
    };
  }

  async secondsOfProduct(product: ProductSize & { dtype: DType }): Promise<number> {
    return (await this.ask<{ seconds: number }>({ do: 'product', ...product })).seconds;
  }

  private async result(mode: string, dtype: DType, scratch: Scratch): Promise<Outputs> {
    const folder = join(scratch.folder, 'outputs');
    mkdirSync(folder, { recursive: true });
    try {
      const { outputs } = await this.ask<{ outputs: Record<string, number[]> }>({ do: 'result', mode, folder });
      const read = (name: string) => readRaw(join(folder, name), outputs[name], dtype);
      const { value: shape = [], ...gradients } = outputs;
      const value = read('value');
      return {
        value: shape.length === 0 ? value[0] : value,
        gradients: Object.fromEntries(Object.keys(gradients).map((name) => [name, read(name)])),
      };
    } finally {
      scratch.remove('outputs');
    }
  }
}
