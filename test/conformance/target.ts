/**
 * What is checked: a GPU through the CUDA engine, an emulated GPU, or the CPU engine in a GPU's place, which shows that the
 * checks themselves work where there is no GPU.
 *
 * All memory that the library is lent here has margins on both sides, filled with bytes of 0xFF. That is NaN in every
 * floating-point type and -1 as a label, so that reading a margin shows in the result; writing to one shows in the margin.
 */
import { cpus } from 'node:os';
import { CudaTensor, deviceInfo, type DeviceOption, type DType } from 'gld-loss';
import type { DeviceFacts, Precision } from './record.js';

export type Elements = Float32Array | Float64Array | Uint16Array | Int32Array;
export type ElementType = DType | 'int32';
export type Memory = 'host' | 'device';

export interface Placement {
  shape: readonly number[];
  dtype: ElementType;
  strides?: readonly number[];
  offset?: number;
}

/** A tensor in memory that is watched. */
export interface Held {
  /** To be given to the library. */
  readonly tensor: object;
  /** Its elements as they are now, with what lies between strided ones. */
  read(): Elements;
  /** What is wrong with the margins; undefined if nothing is. */
  damage(): string | undefined;
  dispose(): void;
}

export interface Target {
  readonly facts: DeviceFacts;
  /** For every call of the library. */
  readonly device: DeviceOption;
  readonly precisions: readonly Precision[];
  /** Element types that it computes with. */
  readonly dtypes: readonly DType[];
  /** Where tensors can lie. */
  readonly memories: readonly Memory[];
  /** Whether it computes maps of one and three axes, pyramids, masks, maps of logits, weights, and labels to ignore. */
  readonly wide: boolean;
  /** Whether gradients may be in the student's own 16-bit type. */
  readonly halfGradients: boolean;
  /** A copy of the elements in the device's own memory. */
  hold(elements: Elements, placement: Placement): Held;
}

/** Bytes on either side, more than any kernel reads at once. */
const margin = 4096;

/** Where the elements begin: at an address of the same alignment as theirs. */
const beginOf = ({ byteOffset }: Elements) => margin + (byteOffset % 64);

/** The memory with its margins, as bytes that can be looked at. */
function withMargins(elements: Elements): Uint8Array<ArrayBuffer> {
  const size = Math.ceil((beginOf(elements) + elements.byteLength) / 4) * 4;
  const bytes = new Uint8Array(size + margin).fill(0xff);
  bytes.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), beginOf(elements));
  return bytes;
}

/** An array over the elements between the margins. */
function inside(bytes: Uint8Array<ArrayBuffer>, elements: Elements): Elements {
  const Kind = elements.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => Elements;
  return new Kind(bytes.buffer, bytes.byteOffset + beginOf(elements), elements.length);
}

function damageOf(bytes: Uint8Array, elements: Elements): string | undefined {
  const begin = beginOf(elements);
  const end = begin + elements.byteLength;
  for (let at = 0; at < bytes.length; at++) {
    if (at === begin) at = end;
    if (at < bytes.length && bytes[at] !== 0xff) {
      const where = at < begin ? `${begin - at} bytes before its begin` : `${at - end} bytes after its end`;
      return `memory of ${elements.length} elements was written to ${where}`;
    }
  }
  return undefined;
}

/** In CPU memory: what stands for the device in the CPU's place, and host inputs everywhere. */
export function holdOnHost(elements: Elements, placement: Placement): Held {
  const bytes = withMargins(elements);
  const data = inside(bytes, elements);
  return {
    tensor: { data, ...placement },
    read: () => data,
    damage: () => damageOf(bytes, elements),
    dispose: () => undefined,
  };
}

function holdOnGpu(
  device: `cuda:${number}`,
  elements: Elements,
  { shape, dtype, strides, offset = 0 }: Placement,
): Held {
  const bytes = withMargins(elements);
  const words = new Int32Array(bytes.buffer);
  const memory = CudaTensor.from({ data: words, shape: [words.length] }, { device });
  const fetch = () => {
    const { data } = memory.toHost();
    return new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  };
  const ptr = memory.ptr + BigInt(beginOf(elements));
  const deviceId = memory.deviceId;
  return {
    tensor: { device: 'cuda', ptr, deviceId, shape, dtype, ...(strides && { strides, offset }) },
    read: () => inside(fetch(), elements),
    damage: () => damageOf(fetch(), elements),
    dispose: () => memory.dispose(),
  };
}

/** There is no such GPU; the message says why. */
export class Unavailable extends Error {}

function gpu(index: number): Target {
  const { cuda } = deviceInfo();
  const found = cuda.devices[index];
  if (!found)
    throw new Unavailable(cuda.available ? `there is no GPU ${index}` : `CUDA is not available: ${cuda.reason}`);
  const { name, computeCapability, memory } = found;
  const device = `cuda:${index}` as const;
  return {
    facts: {
      kind: /emulated|stand-in/i.test(name) ? 'emulated' : 'gpu',
      name,
      capability: computeCapability,
      ...(cuda.driver !== undefined && { driver: cuda.driver }),
      ...(cuda.runtime !== undefined && { runtime: cuda.runtime }),
      memoryBytes: memory,
    },
    device,
    precisions: ['float32', 'tf32', 'bf16'],
    dtypes: ['float32', 'float16', 'bfloat16'],
    memories: ['host', 'device'],
    wide: false,
    halfGradients: true,
    hold: (elements, placement) => holdOnGpu(device, elements, placement),
  };
}

function cpu(): Target {
  return {
    facts: { kind: 'cpu', name: `${cpus()[0]?.model.trim() ?? 'a CPU'}, ${deviceInfo().cpu.level}` },
    device: 'cpu',
    precisions: ['float32'],
    dtypes: ['float32', 'float64', 'float16', 'bfloat16'],
    memories: ['host'],
    wide: true,
    halfGradients: false,
    hold: holdOnHost,
  };
}

/** @param device 'cuda', 'cuda:<number>', or 'cpu' for the CPU engine in a GPU's place */
export function openTarget(device: string): Target {
  if (device === 'cpu') return cpu();
  return gpu(device === 'cuda' ? 0 : Number(device.slice('cuda:'.length)));
}
