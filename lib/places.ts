import type { Call } from './call.js';
import type { Place } from './engine.js';
import { cpu, native } from './engines/native.js';
import { fail } from './errors.js';
import { words } from './schema.js';
import type { View } from './tensor.js';
import type { DeviceOption, Precision } from './types.js';

/** A GPU as options and messages name it. */
export type CudaName = 'cuda' | `cuda:${number}`;

/** The number in a GPU's name; undefined for 'cuda' alone, which has none, and for what is no name. */
export function gpuNumber(name: string): number | undefined {
  const match = /^cuda:(0|[1-9]\d{0,8})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** By what the place of a call is chosen. */
export interface PlaceSettings {
  readonly device: DeviceOption | undefined;
  readonly precision: Precision;
}

/**
 * Decides where a call is computed whose inputs have been read, and refuses what that place does not do. The only function
 * that decides; the outputs and the engine go by `call.place`.
 */
export function choosePlace(call: Call, { device, precision }: PlaceSettings): void {
  const at = locate(call);
  call.place = device === undefined ? (at ?? cpu) : resolve(call, device, at);
  if (!call.place.isApart) {
    if (precision !== 'float32' && device !== 'auto') {
      fail('ERR_GLD_OPTION', 'precision', "'float32' on the CPU, which always computes so", `'${precision}'`);
    }
    call.set('precision', words.precision.indexOf('float32'));
    return;
  }
  const { name } = call.place;
  const { hostNeed } = call;
  if (hostNeed.argument !== '') {
    const expected = `${hostNeed.expected} on ${name}, unlike on the CPU`;
    fail('ERR_GLD_DEVICE', hostNeed.argument, expected, hostNeed.received);
  }
  for (let index = 0; index < call.views.length; index += 1) {
    const view = call.views[index];
    if (view.data !== null && view.dtype === 'float64') {
      const expected = `float32, float16 or bfloat16 elements on ${name}`;
      fail('ERR_GLD_DTYPE', view.argument, expected, 'float64, for the CPU only');
    }
  }
}

/** The place in whose memory inputs lie; undefined: all are in the CPU's. */
function locate({ views }: Call): Place | undefined {
  for (let index = 0; index < views.length; index += 1) {
    const { argument, data, place } = views[index];
    if (data !== null && place !== undefined) return expectTogether(views, argument, place);
  }
  return undefined;
}

function expectTogether(views: readonly View[], first: string, at: Place): Place {
  for (const { argument, data, place } of views) {
    if (data === null || place === undefined || place === at) continue;
    fail('ERR_GLD_DEVICE', argument, `a tensor on ${at.name}, where ${first} is`, `one on ${place.name}`);
  }
  return at;
}

/** The place that the option means, which was there when the option was checked. */
function resolve(call: Call, device: DeviceOption, at: Place | undefined): Place {
  if (device === 'cpu') {
    if (at !== undefined) refuse(call, at, "a tensor in CPU memory for device 'cpu'");
    return cpu;
  }
  if (device === 'auto') return at ?? (suitsGpu(call) ? native.places()[1] : cpu);
  const number = gpuNumber(device);
  const place = number === undefined ? (at ?? native.places()[1]) : native.places()[number + 1];
  if (at !== undefined && at !== place) {
    refuse(call, at, `a tensor on ${place.name}, as the option device says, or in CPU memory`);
  }
  return place;
}

/** Whether there is a GPU, and nothing asks for what only the CPU does, such as computing in float64. */
function suitsGpu(call: Call): boolean {
  if (call.hostNeed.argument !== '') return false;
  return !call.views.some(({ data, dtype }) => data !== null && dtype === 'float64') && native.places().length > 1;
}

function refuse(call: Call, at: Place, expected: string): never {
  const view = call.views.find(({ data, place }) => data !== null && place === at);
  return fail('ERR_GLD_DEVICE', view?.argument ?? 'inputs', expected, `one on ${at.name}`);
}
