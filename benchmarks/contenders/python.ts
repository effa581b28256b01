/** Finding a Python that has PyTorch, and talking to a program in it by lines of JSON. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { present } from '../../tools/present.js';
import { UsageError } from '../select.js';
import { Absent } from './index.js';

const program = (name: string) => fileURLToPath(new URL(`pytorch/${name}`, import.meta.url));

/** Why an interpreter cannot import torch; undefined if it can. */
function troubleOf(python: string): string | undefined {
  const { status, error, stderr } = spawnSync(python, ['-c', 'import torch'], {
    encoding: 'utf8',
    env: environment(1),
  });
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1));
}

/** @throws UsageError */
export function checkPython(python: string): void {
  const trouble = troubleOf(python);
  if (trouble !== undefined) {
    throw new UsageError(`--python ${python}: expected an interpreter that can import torch, got '${trouble}'`);
  }
}

/** The first interpreter that can import torch; a version manager's may lack what the system's has. */
export function findPython(): string {
  const candidates = ['python3', '/usr/bin/python3', '/usr/local/bin/python3', 'python'];
  const found = candidates.find((python) => troubleOf(python) === undefined);
  if (!found) {
    throw new Absent(`none of ${candidates.join(', ')} can import torch; on Debian: apt-get install python3-torch`);
  }
  return found;
}

/** Has glibc keep what it once had from the system, instead of giving large blocks back and faulting them in again. */
export const keepingMemory = {
  MALLOC_MMAP_MAX_: '0',
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
  MALLOC_TOP_PAD_: String(2 ** 26),
};

/** OpenBLAS does not listen to torch.set_num_threads, so that every number of threads gets a process of its own. */
export function environment(threads: number, more?: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE: _core, OPENBLAS_L2_SIZE: _size, ...rest } = process.env;
  const count = String(threads);
  return {
    ...rest,
    OPENBLAS_NUM_THREADS: count,
    OMP_NUM_THREADS: count,
    MKL_NUM_THREADS: count,
    PYTHONDONTWRITEBYTECODE: '1',
    ...more,
  };
}

export interface Answer {
  error?: string;
}

export class PythonServer {
  private readonly child: ChildProcess;
  private readonly waiting: { resolve(answer: unknown): void; reject(error: Error): void }[] = [];
  private errors = '';
  private readonly kill = () => this.child.kill('SIGKILL');

  constructor(python: string, args: string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(python, [program('server.py'), ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    process.on('exit', this.kill);
    const answers = createInterface({ input: present(this.child.stdout) });
    answers.on('line', (line) => this.waiting.shift()?.resolve(JSON.parse(line)));
    present(this.child.stderr).on(
      'data',
      (text: Buffer) => (this.errors = (this.errors + text.toString()).slice(-4000)),
    );
    // A request to a process that is gone fails through 'close'.
    present(this.child.stdin).on('error', () => undefined);
    this.child.on('error', (error) => this.fail(error.message));
    this.child.on('close', (code, signal) => this.fail(`Python ended with ${signal ?? code}: ${this.errors}`));
  }

  private fail(message: string): void {
    for (const { reject } of this.waiting.splice(0)) reject(new Error(message));
  }

  async ask<T>(request: { do: string; [name: string]: unknown }): Promise<T> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`Python ended: ${this.errors}`);
    const answer = await new Promise<unknown>((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      present(this.child.stdin).write(`${JSON.stringify(request)}\n`);
    });
    const { error } = answer as Answer;
    if (error !== undefined) throw new Error(error);
    return answer as T;
  }

  async close(): Promise<void> {
    process.off('exit', this.kill);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.child.once('close', resolve));
    present(this.child.stdin).end();
    await closed;
  }
}

/** What a program prints, as JSON; an error says its last line. */
export function runPython<T>(python: string, file: string, args: readonly string[], env: NodeJS.ProcessEnv): T {
  const child = spawnSync(python, [file, ...args], { env, encoding: 'utf8' });
  if (child.status !== 0) throw new Error(child.stderr.trim().split('\n').at(-1));
  return JSON.parse(child.stdout) as T;
}

/** Peak bytes of the relation loss in a process of its own. */
export function pythonMemory(python: string, threads: number, m: number, K: number): number {
  return runPython(python, program('memory.py'), [threads, m, K].map(String), environment(threads));
}
