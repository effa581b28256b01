/** Worker threads, and every way in which a thread or the process ends while a GPU works. Checked from outside. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

interface End {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function run(ending: string): Promise<End> {
  const file = fileURLToPath(new URL('children/ends.mjs', import.meta.url));
  const started = spawn(process.execPath, [file, ending], { env: { ...process.env, GLD_STAND_IN_DELAY: '300' } });
  let [stdout, stderr] = ['', ''];
  started.stdout.on('data', (chunk) => (stdout += chunk));
  started.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    started.on('error', reject);
    started.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

const ends: { [ending: string]: [code: number, stdout: string, stderr?: RegExp] } = {
  'pending work keeps the process alive': [0, 'done\n'],
  'an idle stream and tensors do not': [0, 'done\n'],
  'process.exit() with calls under way': [4, ''],
  'an error that nobody catches': [1, '', /Error: on purpose/],
  'process.exit() in an abort listener': [5, ''],
  'workers, many at once': [0, 'done\n'],
  'terminate() while calls are under way': [0, 'done\n'],
  'process.exit() while workers have calls under way': [8, ''],
};

for (const [ending, [code, stdout, stderr = /^$/]] of Object.entries(ends)) {
  t.test(ending, async (t) => {
    const end = await run(ending);
    t.match(end, { code, signal: null, stdout });
    t.match(end.stderr, stderr, 'nothing else is said');
  });
}
