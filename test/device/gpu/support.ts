/** Tensors on a GPU for the tests, and what an emulated one tells about itself. */
import { setImmediate as turn } from 'node:timers/promises';
import { CudaTensor, deviceInfo, type AnyInputs, type AnyTensor, type DeviceTensor, type Inputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../../tools/present.js';
import { fromBfloat16, fromFloat16 } from '../../support/half.js';

t.setTimeout(600_000); // an emulated GPU takes its time

/** Where the tensors of a call are: in CPU memory, in a CudaTensor each, at addresses, or some here and some there. */
export const homes = ['host', 'tensor', 'pointer', 'mixed'] as const;
export type Home = (typeof homes)[number];

interface HostLike {
  data: ArrayBufferView & ArrayLike<number>;
  shape: number[];
  dtype?: string;
  strides?: number[];
  offset?: number;
}

/** Owners of memory that is known by its address only: calls cannot keep them, as they keep CudaTensors. */
const owners: CudaTensor[] = [];

function arrayType({ data, dtype }: HostLike): 'float32' | 'float16' | 'bfloat16' | 'int32' {
  return (dtype ?? (data instanceof Int32Array ? 'int32' : 'float32')) as 'float32';
}

/** The tensor on the GPU, strides and all, as an address. */
export function pointer(tensor: HostLike, deviceId = 0): DeviceTensor {
  const { shape, strides, offset } = tensor;
  const dtype = arrayType(tensor);
  const whole = { data: tensor.data, shape: [tensor.data.length], dtype };
  const owner = CudaTensor.from(whole, { device: `cuda:${deviceId}` });
  const made = { device: 'cuda' as const, ptr: owner.ptr, shape, dtype, deviceId, ...(strides && { strides, offset }) };
  owners.push(owner);
  return made;
}

let moves = 0;

export function moved(tensor: HostLike, home: Home, deviceId = 0): AnyTensor {
  const to = home === 'mixed' ? homes[(moves += 1) % 3] : home;
  if (to === 'host') return tensor as AnyTensor;
  if (to === 'pointer') return pointer(tensor, deviceId);
  return CudaTensor.from(tensor as never, { device: `cuda:${deviceId}` });
}

/** The inputs with all tensors, labels included, brought there. */
export function move(inputs: Inputs, home: Home, deviceId = 0): AnyInputs {
  const side = (of: object) =>
    Object.fromEntries(
      Object.entries(of).map(([name, value]) => [
        name,
        typeof value === 'object' ? moved(value as HostLike, home, deviceId) : value,
      ]),
    );
  const { teacher, student, labels } = inputs;
  const listed = Array.isArray(labels) || ArrayBuffer.isView(labels);
  const tensor = listed ? { data: Int32Array.from(labels as number[]), shape: [(labels as number[]).length] } : labels;
  return {
    teacher: side(teacher),
    student: side(student),
    ...(tensor !== undefined && { labels: home === 'host' ? labels : moved(tensor as HostLike, home, deviceId) }),
  } as unknown as AnyInputs;
}

/** The values of a tensor wherever it is. */
export function valuesOf(tensor: object | undefined): ArrayLike<number> {
  if (tensor === undefined) return [];
  const { data, dtype } = tensor instanceof CudaTensor ? tensor.toHost() : (tensor as HostLike);
  const array = data as ArrayLike<number>;
  if (dtype === 'float16') return Float64Array.from(array, fromFloat16);
  if (dtype === 'bfloat16') return Float64Array.from(array, fromBfloat16);
  return array;
}

/** What the emulated runtime counts on a device; undefined on a GPU. The engine's streams have three of CUDA's each. */
export function counts(deviceId = 0): { streams: number; works: number; blocks: number } | undefined {
  const numbers = /: streams (\d+), works (\d+), blocks (\d+)$/.exec(deviceInfo().cuda.devices[deviceId].name);
  if (numbers === null) return undefined;
  const [streams, works, blocks] = numbers.slice(1).map(Number) as [number, number, number];
  return { streams: streams / 3, works, blocks };
}

export const skipUnlessEmulated = counts()
  ? {}
  : { skip: 'needs an emulated runtime, which counts and fails as it is told' };
export const isStandIn = deviceInfo().cuda.devices[0].name.startsWith('stand-in');
export const skipUnlessStandIn = isStandIn
  ? {}
  : { skip: 'needs the stand-in, whose calls take as long as they are told' };
export const devices = deviceInfo().cuda.devices.length;

/** Until the device has got more to do than before; where nothing counts that, for a turn of the loop. */
export async function submitted(before = counts()): Promise<void> {
  do await turn();
  while (before !== undefined && present(counts()).works === before.works);
}

async function withVariable<T>(name: string, value: string, work: () => T | Promise<T>): Promise<T> {
  process.env[name] = value;
  try {
    return await work();
  } finally {
    delete process.env[name];
  }
}

/** For as long as the work takes, calls on the stand-in take so many milliseconds. */
export const delayed = <T>(milliseconds: number, work: () => T | Promise<T>): Promise<T> =>
  withVariable('GLD_STAND_IN_DELAY', String(milliseconds), work);

/** The first calls of a function of the emulated runtime fail while the work is done. */
export const failing = <T>(
  name: 'cudaMalloc' | 'cudaMemcpy' | 'cudaMemsetAsync' | 'cudaEventSynchronize',
  error: 'memory' | 'illegal address',
  times: number,
  work: () => T | Promise<T>,
): Promise<T> => withVariable('GLD_EMULATED_FAIL', `${name} ${error === 'memory' ? 2 : 700} ${times}`, work);

/** Collects garbage until nothing more comes free: finalizers run between turns of the loop. Needs node --expose-gc. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 6; i += 1) {
    present(globalThis.gc)();
    await turn();
  }
}
