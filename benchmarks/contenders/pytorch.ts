/**
 * PyTorch on the CPU: eager with autograd as it comes, with an allocator that keeps its memory, with the slow BLAS, or
 * through torch.compile.
 */
import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { present } from '../../tools/present.js';
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import { relationFlops } from '../floor.js';
import type { DType } from '../record.js';
import type { Scratch } from '../scratch.js';
import { Absent, type Contender, type Entry, type Participant, tooLarge, tooLong } from './index.js';
import { findPython, keepingMemory } from './python.js';
import { type Hello, TorchServer } from './torch-server.js';

/** Where Debian puts its choices of libblas.so.3, and of the LAPACK that would bring its own BLAS along. */
const folder = `/usr/lib/${{ x64: 'x86_64', arm64: 'aarch64' }[process.arch as 'x64' | 'arm64']}-linux-gnu`;
const libraries = { open: [`${folder}/openblas-pthread`], reference: [`${folder}/blas`, `${folder}/lapack`] };
const isReference = ({ blas }: Hello) => blas.startsWith('reference');

async function hello(python: string, libraries?: string): Promise<Hello> {
  const server = new TorchServer(python, { threads: 1, libraries });
  try {
    return await server.hello();
  } finally {
    await server.close();
  }
}

/** What is there: the interpreter, and the LD_LIBRARY_PATH of each BLAS, where it takes one. */
export interface Found {
  python: string;
  torch: string;
  compile: boolean;
  fast: { blas: string; path?: string };
  /** The slow one, when there is a faster one to compare with. */
  reference?: { blas: string; path?: string };
}

export async function findPyTorch(): Promise<Found> {
  const python = findPython();
  const plain = await hello(python);
  const at = async (folders: string[], wanted: boolean) => {
    if (!folders.every((name) => existsSync(name))) return undefined;
    const path = folders.join(':');
    const found = await hello(python, path);
    return isReference(found) === wanted ? { blas: found.blas, path } : undefined;
  };
  const { torch, compile } = plain;
  const itself = { blas: plain.blas };
  if (!isReference(plain)) {
    const reference = await at(libraries.reference, true);
    return { python, torch, compile, fast: itself, ...(reference && { reference }) };
  }
  const fast = await at(libraries.open, false);
  return { python, torch, compile, fast: fast ?? itself, ...(fast && { reference: itself }) };
}

interface Kind {
  name: 'pytorch' | 'pytorch-tuned' | 'pytorch-refblas' | 'pytorch-compile';
  path?: string;
  environment?: NodeJS.ProcessEnv;
  versions: Record<string, string>;
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
    private readonly python: string,
    private readonly kind: Kind,
    private readonly scratch: Scratch,
  ) {
    this.name = kind.name;
    this.versions = kind.versions;
  }

  private server(threads: number): TorchServer {
    let server = this.servers.get(threads);
    if (!server) {
      const { path: libraries, environment } = this.kind;
      const compiled = this.name === 'pytorch-compile';
      server = new TorchServer(this.python, { threads, compiled, libraries, environment });
      this.servers.set(threads, server);
    }
    return server;
  }

  entries(on: Case, threads: number): Entry[] {
    if (on.group === 'calls') return [];
    const { m, K } = on.sizes;
    if (this.name === 'pytorch-refblas') {
      // Enough to show what the choice of a BLAS does; the largest step would take minutes.
      const few =
        on.group === 'step' &&
        on.dtype === 'float32' &&
        on.layout === 'NCHW' &&
        relationFlops('pairwise', m, K, 'gradients') <= 1e10;
      if (!few) return [];
    }
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

  async close(): Promise<void> {
    await Promise.all([...this.servers.values()].map((server) => server.close()));
    this.servers.clear();
  }
}

/** @throws Absent */
export function openPyTorch(kind: Kind['name'], found: Found, scratch: Scratch): PyTorch {
  const { torch, fast, reference } = found;
  if (kind === 'pytorch-compile' && !found.compile) throw new Absent(`PyTorch ${torch} has no torch.compile`);
  if (kind === 'pytorch-refblas' && !reference) {
    throw new Absent(`there is no reference BLAS beside the one of 'pytorch', ${fast.blas}`);
  }
  const { blas, path } = kind === 'pytorch-refblas' ? present(reference) : fast;
  const versions: Record<string, string> = kind === 'pytorch-refblas' ? { refblas: blas } : { pytorch: torch, blas };
  const tuned = kind === 'pytorch-tuned' && { environment: keepingMemory };
  return new PyTorch(found.python, { name: kind, versions, ...(path !== undefined && { path }), ...tuned }, scratch);
}
