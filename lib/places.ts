import type { Call, Stage } from './call.js';
import type { Place } from './engine.js';
import { cpu, native } from './engines/native.js';
import { fail } from './errors.js';
import { words } from './schema.js';
import type { View } from './tensor.js';
import type { DeviceOption } from './types.js';

/** A GPU as options and messages name it. */
export type CudaName = 'cuda' | `cuda:${number}`;

/** The number in a GPU's name; undefined for 'cuda' alone, which has none, and for what is no name. */
export function gpuNumber(name: string): number | undefined {
  const match = /^cuda:(0|[1-9]\d{0,8})$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/**
 * Decides where a call is computed of which everything but the outputs has been read, by the option and by where the inputs
 * lie, and refuses what a GPU does not compute before anything is done for it. What the CPU refuses, it says when it is to
 * compute: a call on the CPU asks nobody.
 */
export function choosePlace(call: Call, stage: Stage, device: DeviceOption | undefined): void {
  const at = locate(call);
  if (device === 'auto' && at === undefined) return chooseFreely(call, stage);
  call.place = resolve(call, device, at);
  if (!call.place.isApart) return;
  const refusal = call.refusal(stage);
  if (refusal !== undefined) fail(refusal.code, refusal.argument, refusal.expected, refusal.received);
}

/** The first GPU if it computes the call, else the CPU, which always computes products in float32. */
function chooseFreely(call: Call, stage: Stage): void {
  const [, gpu] = native.places();
  if (gpu !== undefined) {
    call.place = gpu;
    if (call.refusal(stage) === undefined) return;
  }
  call.place = cpu;
  call.set('precision', words.precision.indexOf('float32'));
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
function resolve(call: Call, device: DeviceOption | undefined, at: Place | undefined): Place {
  if (device === undefined || device === 'auto') return at ?? cpu;
  if (device === 'cpu') {
    if (at !== undefined) refuse(call, at, "a tensor in CPU memory for device 'cpu'");
    return cpu;
  }
  const number = gpuNumber(device);
  const place = number === undefined && at !== undefined ? at : native.places()[(number ?? 0) + 1];
  if (at !== undefined && at !== place) {
    refuse(call, at, `a tensor on ${place.name}, as the option device says, or in CPU memory`);
  }
  return place;
}

function refuse(call: Call, at: Place, expected: string): never {
  const view = call.views.find(({ data, place }) => data !== null && place === at);
  return fail('ERR_GLD_DEVICE', view?.argument ?? 'inputs', expected, `one on ${at.name}`);
}
