// The ends of a process, by name: `node lifecycle.mjs <name>`. What each must print and exit with is in
// 78-workers.test.ts.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const worker = (name, workerData) => new Worker(new URL(`${name}.mjs`, import.meta.url), { workerData });
const library = () => Promise.all([import('gld-loss'), import('./inputs.mjs')]);

/** Starts jobs, more than there are threads, that run for seconds. */
async function startJobs() {
  const [{ GldLoss, gldLossAsync }, { big, slow }] = await library();
  const kept = new GldLoss(slow);
  const inputs = big();
  return [1, 2, 3, 4, 5].flatMap(() => [gldLossAsync(inputs, slow), kept.computeAsync(inputs)]);
}

const endings = {
  async 'pending work keeps the process alive'() {
    const [{ gldLossAsync }, { big, slow }] = await library();
    gldLossAsync(big(2000), slow).then(() => console.log('done'));
  },

  async 'process.exit() at once'() {
    await startJobs();
    process.exit(3);
  },

  async 'process.exit() with jobs running'() {
    await startJobs();
    await delay(50);
    process.exit(4);
  },

  async 'an error that nobody catches'() {
    await startJobs();
    await delay(20);
    throw new Error('on purpose');
  },

  async 'process.exit() in an abort listener'() {
    const [{ gldLossAsync }, { big, slow }] = await library();
    const controller = new AbortController();
    controller.signal.addEventListener('abort', () => process.exit(5));
    for (let i = 0; i < 4; i += 1) gldLossAsync(big(), { ...slow, signal: controller.signal }).catch(() => {});
    await delay(20);
    controller.abort();
  },

  async 'only workers load the library, one after the other'() {
    for (let seed = 0; seed < 6; seed += 1) {
      const one = worker('worker', { seed, calls: 4 });
      // Both at once: the exit may follow the message before this goes on.
      const [[{ same }], [code]] = await Promise.all([once(one, 'message'), once(one, 'exit')]);
      if (!same || code !== 0) throw new Error(`worker ${seed}: ${same}, ${code}`);
    }
    console.log('done');
  },

  async 'terminate() while jobs run'() {
    const [{ gldLoss, gldLossAsync }, { small }] = await library();
    const { loss } = gldLoss(small(1));
    for (let round = 0; round < 5; round += 1) {
      const workers = [0, 1, 2].map(() => worker('busy-worker'));
      await Promise.all(workers.map((each) => once(each, 'message')));
      await delay(5 * round);
      await Promise.all(workers.map((each) => each.terminate()));
      const after = await gldLossAsync(small(1));
      if (after.loss !== loss) throw new Error(`round ${round}: ${after.loss}`);
    }
    console.log('done');
  },

  async 'terminate() while a worker loads the library'() {
    for (let round = 0; round < 12; round += 1) {
      const one = worker('worker', { seed: round, calls: 8 });
      await once(one, 'online');
      await delay(8 * round);
      await one.terminate();
    }
    console.log('done');
  },

  async 'process.exit() in a worker with jobs running'() {
    const workers = [6, 7].map((exit) => worker('busy-worker', { exit }));
    const codes = await Promise.all(workers.map(async (each) => (await once(each, 'exit'))[0]));
    console.log(codes.join());
  },

  async 'process.exit() while workers have jobs running'() {
    const workers = [0, 1].map(() => worker('busy-worker'));
    await Promise.all(workers.map((each) => once(each, 'message')));
    process.exit(8);
  },
};

await endings[process.argv[2]]();
