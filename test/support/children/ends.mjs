// The ends of a process whose GPU is at work, by name: `node ends.mjs <name>`. What each must print and exit with is in
// ../ends.ts. As a worker, starts calls and says so, or computes a few and says what came out.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CudaTensor, GldLoss, gldLoss, gldLossAsync } from 'gld-loss';

const tensor = (shape, step) =>
  ({ data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * step)), shape });
const inputs = () => ({ teacher: { logits: tensor([4, 5, 6], 1) }, student: { logits: CudaTensor.from(tensor([4, 5, 6], 2)) } });
const worker = (data) => new Worker(new URL(import.meta.url), { workerData: data });

/** More calls than may be on a GPU at a time. */
function startCalls(options = {}) {
  const kept = new GldLoss({ device: 'cuda' });
  return [1, 2, 3, 4].flatMap(() => [gldLossAsync(inputs(), options), kept.computeAsync(inputs(), options)]);
}

const endings = {
  async 'pending work keeps the process alive'() {
    gldLossAsync(inputs()).then(() => console.log('done'));
  },

  async 'an idle stream and tensors do not'() {
    globalThis.kept = [new GldLoss({ device: 'cuda' }), inputs()];
    globalThis.kept[0].compute(inputs());
    gldLoss(inputs());
    console.log('done');
  },

  async 'process.exit() with calls under way'() {
    startCalls();
    await delay(20);
    process.exit(4);
  },

  async 'an error that nobody catches'() {
    startCalls();
    await delay(20);
    throw new Error('on purpose');
  },

  async 'process.exit() in an abort listener'() {
    const controller = new AbortController();
    controller.signal.addEventListener('abort', () => process.exit(5));
    for (const call of startCalls({ signal: controller.signal })) call.catch(() => {});
    await delay(20);
    controller.abort();
  },

  async 'workers, many at once'() {
    const { loss } = gldLoss(inputs());
    const workers = [0, 1, 2, 3, 4, 5].map(() => worker('compute'));
    const ends = await Promise.all(workers.map((one) => Promise.all([once(one, 'message'), once(one, 'exit')])));
    for (const [[losses], [code]] of ends) {
      if (code !== 0 || losses.some((one) => one !== loss)) throw new Error(`${losses}, ${code}`);
    }
    console.log('done');
  },

  async 'terminate() while calls are under way'() {
    const { loss } = gldLoss(inputs());
    for (let round = 0; round < 4; round += 1) {
      const workers = [0, 1, 2].map(() => worker('start'));
      await Promise.all(workers.map((one) => once(one, 'message')));
      await delay(15 * round);
      await Promise.all(workers.map((one) => one.terminate()));
      const after = await gldLossAsync(inputs());
      if (after.loss !== loss) throw new Error(`round ${round}: ${after.loss}`);
    }
    console.log('done');
  },

  async 'process.exit() while workers have calls under way'() {
    const workers = [0, 1].map(() => worker('start'));
    await Promise.all(workers.map((one) => once(one, 'message')));
    process.exit(8);
  },
};

const parts = {
  async compute() {
    const losses = [gldLoss(inputs()).loss];
    for (const { loss } of await Promise.all([1, 2, 3].map(() => gldLossAsync(inputs())))) losses.push(loss);
    parentPort.postMessage(losses);
  },

  async start() {
    startCalls();
    parentPort.postMessage('started');
  },
};

await (isMainThread ? endings[process.argv[2]] : parts[workerData])();
