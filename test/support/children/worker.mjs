// A worker that computes: posts whether asynchronous calls, many at once, give what a synchronous one gives.
import { parentPort, workerData } from 'node:worker_threads';
import { GldLoss, gldLoss, gldLossAsync } from 'gld-loss';
import { small } from './inputs.mjs';

const inputs = small(workerData.seed);
const { loss } = gldLoss(inputs);
const kept = new GldLoss();
const call = (_, i) => (i % 2 === 0 ? gldLossAsync(inputs) : kept.computeAsync(inputs));
const results = await Promise.all(Array.from({ length: workerData.calls }, call));
parentPort.postMessage({ seed: workerData.seed, loss, same: results.every((result) => result.loss === loss) });
