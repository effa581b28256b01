/** PyTorch on the same GPU: eager or compiled, with float32 products as they are or in TF32. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Absent, type Participant } from '../../contenders/index.js';
import { environment, findPython, runPython } from '../../contenders/python.js';
import { TorchServer } from '../../contenders/torch-server.js';
import type { Data } from '../../data.js';
import type { Scratch } from '../../scratch.js';
import type { Limits } from '../record.js';

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

const threadsFor = (device: string) => (device === 'cpu' ? 1 : 4);

export function launch(python: string, device: string, kind: { compiled?: boolean; tf32?: boolean } = {}): TorchServer {
  return new TorchServer(python, { threads: threadsFor(device), device, ...kind });
}

export async function prepare(torch: TorchServer, data: Data, scratch: Scratch): Promise<Participant> {
  const participant = await torch.prepare({ mode: 'gradients', dtype: 'float32' }, data, scratch);
  // Compiles, and takes memory from the system, before anybody looks at the clock.
  await participant.time(3);
  return participant;
}

/** The limits of the device, in a process of its own. */
export function measureLimits(python: string, device: string, quick: boolean): Limits {
  const program = fileURLToPath(new URL('../pytorch/limits.py', import.meta.url));
  return runPython(python, program, [device, ...(quick ? ['--quick'] : [])], environment(threadsFor(device)));
}
