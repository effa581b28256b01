// A worker that is never done: says so once its work is under way, and then waits to be ended, or ends itself.
import { parentPort, workerData } from 'node:worker_threads';
import { GldLoss, gldLossAsync } from 'gld-loss';
import { big, slow } from './inputs.mjs';

const kept = new GldLoss(slow);
const inputs = big();
for (let i = 0; i < 4; i += 1) {
  void gldLossAsync(inputs, slow);
  void kept.computeAsync(inputs);
}
if (workerData?.exit !== undefined) setTimeout(() => process.exit(workerData.exit), 20);
parentPort.postMessage('busy');
