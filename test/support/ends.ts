/** Ways in which a thread or the process ends while work is under way, checked from outside: by exit code and signal. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

interface End {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

export type Ends = { [ending: string]: [code: number, stdout: string, stderr?: RegExp] };

function run(module: URL, ending: string, env: { [name: string]: string }): Promise<End> {
  const started = spawn(process.execPath, [fileURLToPath(module), ending], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  started.stdout.on('data', (chunk) => (stdout += chunk));
  started.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    started.on('error', reject);
    started.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** A test of every ending, which the module is given as its argument. */
export function checkEnds(t: Pick<Test, 'test'>, module: URL, ends: Ends, env: { [name: string]: string } = {}): void {
  for (const [ending, [code, stdout, stderr = /^$/]] of Object.entries(ends)) {
    t.test(ending, async (t) => {
      const end = await run(module, ending, env);
      t.match(end, { code, signal: null, stdout });
      t.match(end.stderr, stderr, 'nothing else is said');
    });
  }
}
