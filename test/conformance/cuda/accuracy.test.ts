/**
 * The CUDA engine against the reference: on a GPU, or in the build whose engine is emulated (npm run test:emulated), where
 * a selection is as much as there is time for.
 */
import { deviceInfo } from 'gld-loss';
import t from 'tap';
import { conform } from '../suite.js';

const { available, reason, devices } = deviceInfo().cuda;
if (available) await conform(t, 'cuda', { quick: /emulated/.test(devices[0].name) });
else t.pass(`no CUDA: ${reason}`, { skip: true });
