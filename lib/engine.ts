import type { Call } from './call.js';
import { countGpus, indexOf } from './cuda.js';
import { fail } from './errors.js';
import { words } from './schema.js';
import { host, type View } from './tensor.js';
import type { DeviceOption, Precision } from './types.js';

/** By what the engine of a call is chosen. */
export interface EngineSettings {
  readonly device: DeviceOption | undefined;
  readonly precision: Precision;
}

/**
 * Decides which engine computes a call whose inputs have been read, the CPU's or CUDA's on one of the GPUs, and refuses
 * what that one cannot do. The only place that decides; the outputs and the addon go by `call.device`.
 */
export function chooseEngine(call: Call, { device, precision }: EngineSettings): void {
  const at = locate(call);
  const chosen = device === undefined ? at : resolve(call, device, at);
  call.device = chosen;
  if (chosen === host) {
    if (precision !== 'float32' && device !== 'auto') {
      fail('ERR_GLD_OPTION', 'precision', "'float32' on the CPU, which always computes so", `'${precision}'`);
    }
    call.set('precision', words.precision.indexOf('float32'));
    return;
  }
  const { hostNeed } = call;
  if (hostNeed.argument !== '') {
    const expected = `${hostNeed.expected} on cuda:${chosen}, unlike on the CPU`;
    fail('ERR_GLD_DEVICE', hostNeed.argument, expected, hostNeed.received);
  }
  for (let index = 0; index < call.views.length; index += 1) {
    const view = call.views[index];
    if (view.data !== null && view.dtype === 'float64') {
      const expected = `float32, float16 or bfloat16 elements on cuda:${chosen}`;
      fail('ERR_GLD_DTYPE', view.argument, expected, 'float64, for the CPU only');
    }
  }
}

/** The GPU that inputs lie on, or `host`. */
function locate({ views }: Call): number {
  for (let index = 0; index < views.length; index += 1) {
    const view = views[index];
    if (view.data !== null && view.device !== host) return expectTogether(views, view);
  }
  return host;
}

function expectTogether(views: Call['views'], { argument: first, device: at }: View): number {
  for (const { argument, data, device } of views) {
    if (data === null || device === host || device === at) continue;
    fail('ERR_GLD_DEVICE', argument, `a tensor on cuda:${at}, where ${first} is`, `one on cuda:${device}`);
  }
  return at;
}

/** The GPU that the option means, which was there when the option was checked, or `host`. */
function resolve(call: Call, device: DeviceOption, at: number): number {
  if (device === 'cpu') {
    if (at !== host) refuse(call, at, "a tensor in CPU memory for device 'cpu'");
    return host;
  }
  if (device === 'auto') return at === host && suitsGpu(call) ? 0 : at;
  const index = indexOf(device) ?? (at === host ? 0 : at);
  if (at !== host && at !== index) {
    refuse(call, at, `a tensor on cuda:${index}, as the option device says, or in CPU memory`);
  }
  return index;
}

/** Whether there is a GPU, and nothing asks for what only the CPU does, such as computing in float64. */
function suitsGpu(call: Call): boolean {
  if (call.hostNeed.argument !== '') return false;
  return !call.views.some(({ data, dtype }) => data !== null && dtype === 'float64') && countGpus() > 0;
}

function refuse(call: Call, at: number, expected: string): never {
  const view = call.views.find(({ data, device }) => data !== null && device === at);
  return fail('ERR_GLD_DEVICE', view?.argument ?? 'inputs', expected, `one on cuda:${at}`);
}
