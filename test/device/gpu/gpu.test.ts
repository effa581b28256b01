/**
 * Calls on a GPU through the public API: the tests beside it, each in a process of its own. Where CUDA is available
 * (a GPU, or the build whose engine is emulated) they run on that; elsewhere on a stand-in for the engine whose
 * kernels are the CPU engine, which shows everything from JavaScript to what the host queues, and nothing of the kernels.
 */
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import t from 'tap';
import { standIn } from '../../../tools/stand-in.js';

const { available, reason, devices } = deviceInfo().cuda;
t.comment(
  available ? `CUDA: ${devices.map(({ name }) => name).join(', ')}` : `on a stand-in, as there is no CUDA: ${reason}`,
);

const env = { ...process.env, ...(!available && standIn(process.env.GLD_LOSS_PREBUILD)) };

for (const name of ['conformance', 'calls', 'stages', 'tensors', 'choice', 'descriptor', 'async', 'errors', 'ends']) {
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  t.spawn(process.execPath, [...process.execArgv, file], { env, timeout: 600_000 }, name);
}
