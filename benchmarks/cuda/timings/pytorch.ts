/** PyTorch on the same GPU: eager or compiled, with float32 products as they are or in TF32. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Absent, type Outputs, type Participant } from '../../contenders/index.js';
import { environment, findPython, PythonServer } from '../../contenders/python.js';
import type { Data } from '../../data.js';
import type { Scratch } from '../../scratch.js';
import type { Limits, Precision } from '../record.js';

export interface Hello {
  torch: string;
  cuda: string | null;
  device: string;
  compile: boolean;
}

const program = fileURLToPath(new URL('../pytorch/server.py', import.meta.url));

/** @throws Absent when there is no Python with a PyTorch that reaches the device */
export function findTorch(device: string): string {
  const python = findPython();
  if (device === 'cpu') return python;
  const seen = spawnSync(python, ['-c', 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)'], {
    env: environment(1),
  });
  if (seen.status !== 0) throw new Absent(`the PyTorch of ${python} cannot use CUDA`);
  return python;
}

function readRaw(file: string, shape: readonly number[]): Float32Array {
  const array = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const descriptor = openSync(file, 'r');
  try {
    for (let at = 0; at < array.byteLength;) at += readSync(descriptor, array, at, array.byteLength - at, null);
  } finally {
    closeSync(descriptor);
  }
  return array;
}

export interface Kind {
  compiled: boolean;
  precision: Precision;
}

export class Torch {
  private readonly server: PythonServer;

  constructor(
    python: string,
    device: string,
    { compiled, precision }: Kind,
    private readonly scratch: Scratch,
  ) {
    const args = [device, ...(compiled ? ['--compile'] : []), ...(precision === 'tf32' ? ['--tf32'] : [])];
    const threads = device === 'cpu' ? 1 : 4;
    this.server = new PythonServer(python, args, environment(threads), program);
  }

  hello(): Promise<Hello> {
    return this.server.ask({ do: 'hello' });
  }

  limits(quick: boolean): Promise<Limits> {
    return this.server.ask({ do: 'limits', quick });
  }

  async prepare(data: Data): Promise<Participant> {
    const { operation, layout, sizes } = data.workload;
    await this.server.ask({ do: 'prepare', operation, layout, grid: sizes.grid ?? 1, inputs: data.files() });
    return {
      result: () => this.result(),
      time: async (calls) => (await this.server.ask<{ seconds: number }>({ do: 'time', calls })).seconds,
      close: async () => void (await this.server.ask({ do: 'release' })),
    };
  }

  private async result(): Promise<Outputs> {
    const folder = join(this.scratch.folder, 'outputs');
    mkdirSync(folder, { recursive: true });
    try {
      const { outputs } = await this.server.ask<{ outputs: Record<string, number[]> }>({ do: 'result', folder });
      const read = (name: string) => readRaw(join(folder, name), outputs[name]!);
      const { value: shape = [], ...gradients } = outputs;
      const value = read('value');
      return {
        value: shape.length === 0 ? value[0]! : value,
        gradients: Object.fromEntries(Object.keys(gradients).map((name) => [name, read(name)])),
      };
    } finally {
      this.scratch.remove('outputs');
    }
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
