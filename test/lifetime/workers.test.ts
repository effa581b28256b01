// Worker threads, many at once, and every way in which a thread or the process ends while work is under way.
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { checkEnds } from '../support/ends.js';

const child = (name: string): URL => new URL(`../support/children/${name}.mjs`, import.meta.url);

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
  t.ok(
    messages.every(({ same }) => same),
    'asynchronous calls give what synchronous ones give',
  );
  for (const { seed, loss } of messages) t.equal(loss, messages.find((other) => other.seed === seed)?.loss);
});

checkEnds(t, child('lifecycle'), {
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
});
