// Worker threads, many at once, and every way in which a thread or the process ends while work is under way. Ends are
// checked from outside, by exit code and signal.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import t from 'tap';

const child = (name: string): URL => new URL(`children/${name}.mjs`, import.meta.url);

interface End {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

function run(ending: string): Promise<End> {
  const started = spawn(process.execPath, [fileURLToPath(child('lifecycle')), ending]);
  let [stdout, stderr] = ['', ''];
  started.stdout.on('data', (chunk) => (stdout += chunk));
  started.stderr.on('data', (chunk) => (stderr += chunk));
  return new Promise((resolve, reject) => {
    started.on('error', reject);
    started.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

interface Message {
  seed: number;
  loss: number;
  same: boolean;
}

/** What a computing worker posts before it ends. */
function messageOf(seed: number): Promise<Message> {
  const worker = new Worker(child('worker'), { workerData: { seed, calls: 20 }, execArgv: [] });
  return new Promise((resolve, reject) => {
    let message: Message;
    worker.on('message', (value) => (message = value));
    worker.on('error', reject);
    worker.on('exit', (code) => (code === 0 ? resolve(message) : reject(new Error(`exit code ${code}`))));
  });
}

t.test('workers, many at once', async (t) => {
  const seeds = Array.from({ length: 12 }, (_, i) => i);
  const messages = await Promise.all(seeds.map((seed) => messageOf(seed % 3)));
  t.ok(messages.every(({ same }) => same), 'asynchronous calls give what synchronous ones give');
  for (const { seed, loss } of messages) t.equal(loss, messages.find((other) => other.seed === seed)?.loss);
});

const ends: { [ending: string]: [code: number, stdout: string, stderr?: RegExp] } = {
  'pending work keeps the process alive': [0, 'done\n'],
  'process.exit() at once': [3, ''],
  'process.exit() with jobs running': [4, ''],
  'an error that nobody catches': [1, '', /Error: on purpose/],
  'process.exit() in an abort listener': [5, ''],
  'only workers load the library, one after the other': [0, 'done\n'],
  'terminate() while jobs run': [0, 'done\n'],
  'terminate() while a worker loads the library': [0, 'done\n'],
  'process.exit() in a worker with jobs running': [0, '6,7\n'],
  'process.exit() while workers have jobs running': [8, ''],
};

for (const [ending, [code, stdout, stderr = /^$/]] of Object.entries(ends)) {
  t.test(ending, async (t) => {
    const end = await run(ending);
    t.match(end, { code, signal: null, stdout });
    t.match(end.stderr, stderr, 'nothing else is said');
  });
}
