/** PyTorch on the CPU: any interpreter that has it, eager or compiled, with the allocator as it comes or tuned. */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import { relationFlops } from '../floor.js';
import type { DType } from '../record.js';
import type { Scratch } from '../scratch.js';
import { Absent, type Contender, type Entry, type Participant, type Product, tooLarge, tooLong } from './index.js';
import { qualified, type WayName, ways } from './names.js';
import { checkPython, findPython, keepingMemory } from './python.js';
import { type Hello, TorchServer } from './torch-server.js';

/** A Python with PyTorch. */
export interface Interpreter {
  python: string;
  /** The version of PyTorch; tells the interpreters of a run apart. */
  label: string;
  hello: Hello;
}

async function hello(python: string): Promise<Hello> {
  const server = new TorchServer(python, { threads: 1 });
  try {
    return await server.hello();
  } finally {
    await server.close();
  }
}

/** The version without what it was built for, with a number where it is not the only one. */
export function labelOf(torch: string, taken: readonly string[]): string {
  const [version] = torch.split('+');
  const labels = [version, ...taken.map((_, i) => `${version}-${i + 2}`)];
  return labels.find((label) => !taken.includes(label)) ?? version;
}

/**
 * @throws UsageError for one that was named and has no PyTorch
 * @throws Absent when none was named and none is found
 */
export async function openInterpreters(pythons: readonly string[]): Promise<Interpreter[]> {
  pythons.forEach(checkPython);
  const opened: Interpreter[] = [];
  for (const python of pythons.length === 0 ? [findPython()] : new Set(pythons)) {
    const greeting = await hello(python);
    const label = labelOf(
      greeting.torch,
      opened.map((one) => one.label),
    );
    opened.push({ python, label, hello: greeting });
  }
  return opened;
}

/** m × m matrices that are alive at once in the relation loss with autograd, as the memory curves show. */
const squareMatrices = 6;
export const memoryLimit = Math.min(6 * 2 ** 30, totalmem() / 3);

export const relationBytes = (m: number, dtype: DType = 'float32') =>
  squareMatrices * m * m * (dtype === 'float64' ? 8 : 4);

/** Its threads wait busily for more work, OpenBLAS' for about 2^26 cycles. */
const spinMilliseconds = 30;

export class PyTorch implements Contender {
  readonly name: string;
  readonly versions: Record<string, string>;
  private readonly servers = new Map<number, TorchServer>();

  constructor(
    private readonly interpreter: Interpreter,
    private readonly way: WayName,
    private readonly scratch: Scratch,
  ) {
    const { label, hello } = interpreter;
    this.name = qualified(way, label);
    this.versions = { [qualified('pytorch', label)]: `with ${hello.libraries.join(' and ')}` };
  }

  private server(threads: number): TorchServer {
    let server = this.servers.get(threads);
    if (!server) {
      const { compiled, tuned } = ways[this.way];
      const environment = {
        ...(tuned && keepingMemory),
        ...(compiled && { TORCHINDUCTOR_CACHE_DIR: join(this.scratch.folder, 'compiled') }),
      };
      server = new TorchServer(this.interpreter.python, { threads, compiled, environment });
      this.servers.set(threads, server);
    }
    return server;
  }

  entries(on: Case, threads: number): Entry[] {
    // To compile takes longer than all repetitions: of whole steps alone.
    if (on.group === 'calls' || (ways[this.way].compiled && on.group !== 'step')) return [];
    const { m, K } = on.sizes;
    if (on.operation === 'relation') {
      const skipped =
        tooLarge(relationBytes(m, on.dtype), memoryLimit) ?? tooLong(relationFlops('pairwise', m, K, on.mode));
      if (skipped) return [{ skipped }];
    }
    return [{ prepare: (data) => this.prepare(on, data, threads) }];
  }

  async prepare(on: Case, data: Data, threads: number): Promise<Participant> {
    const participant = await this.server(threads).prepare(on, data, this.scratch);
    return { ...participant, settles: threads > 1 ? spinMilliseconds : 0 };
  }

  async secondsOfProduct({ threads, ...product }: Product): Promise<number> {
    return this.server(threads).secondsOfProduct(product);
  }

  async close(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.close()));
    this.servers.clear();
  }
}

/** @throws Absent */
export function openPyTorch(way: WayName, interpreter: Interpreter, scratch: Scratch): PyTorch {
  if (ways[way].compiled && !interpreter.hello.compile) {
    throw new Absent(`PyTorch ${interpreter.label} has no torch.compile`);
  }
  return new PyTorch(interpreter, way, scratch);
}
