import { options, type Check } from './check.js';
import { brackets, describe } from './describe.js';
import { allocateArray, kinds } from './elements.js';
import type { Place } from './engine.js';
import { memoryOf, native } from './engines/native.js';
import { fail } from './errors.js';
import { disposeMemory } from './held-memory.js';
import type { DeviceMemory } from './native.cjs';
import { gpuNumber, type CudaName } from './places.js';
import type { CudaDType, DeviceTensor, HostTensor, TensorLike } from './tensor-types.js';
import { copyDense, countElements, cudaDtypes, expectHost, isDense, lengthOf, readView, View } from './tensor.js';

/** Where a {@link CudaTensor} is to be. */
export interface CudaTensorOptions {
  /** 'cuda' is the first GPU, the same as 'cuda:0'. @default 'cuda' */
  readonly device?: CudaName | undefined;
}

const ranks = [1, 2, 3, 4, 5, 6, 7, 8] as const;

const device: Check<number> = (value, path) => {
  if (value === undefined || value === 'cuda') return 0;
  const expected = "'cuda', or the name of one GPU such as 'cuda:1'";
  if (typeof value !== 'string') fail('ERR_GLD_ARG_TYPE', path, expected, describe(value));
  return gpuNumber(value) ?? fail('ERR_GLD_OPTION', path, expected, describe(value));
};

const dtype: Check<CudaDType> = (value, path) => {
  if (value === undefined) return 'float32';
  if (cudaDtypes.includes(value as CudaDType)) return value as CudaDType;
  return fail('ERR_GLD_DTYPE', path, `one of ${cudaDtypes.join(', ')}`, describe(value));
};

const tables = { device: { device }, empty: { device, dtype } };

/** A tensor over that memory. */
let over: (memory: DeviceMemory, place: Place, shape: readonly number[], dtype: CudaDType) => CudaTensor;

/**
 * A dense, row-major tensor in the memory of a GPU. It can stand wherever a call takes a tensor, as an input or in `out`;
 * gradients of tensors on a GPU are tensors there. Nothing is copied then.
 *
 * The memory goes with `dispose()`, at the end of a `using` block, or with the object; a call under way keeps what it uses.
 * Copies to and from the GPU are done when they return.
 */
export class CudaTensor implements DeviceTensor {
  readonly device = 'cuda';
  /** The GPU's number. */
  readonly deviceId: number;
  readonly shape: readonly number[];
  readonly dtype: CudaDType;
  readonly #place: Place;
  readonly #memory: DeviceMemory;
  #disposed = false;

  /** Lets the functions of this module make tensors, and nobody else. */
  static {
    over = (...args) => new CudaTensor(...args);
  }

  // biome-ignore lint/style/useConsistentMemberAccessibility: a constructor has no other way to be private
  private constructor(memory: DeviceMemory, place: Place, shape: readonly number[], dtype: CudaDType) {
    this.#memory = memory;
    this.#place = place;
    this.deviceId = native.numberOfGpu(place);
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
  }

  /**
   * A copy of a tensor in CPU memory, of float32, float16, bfloat16 or int32 elements; strided ones become dense.
   *
   * @throws {GldError} `ERR_GLD_DEVICE` without that GPU, `ERR_GLD_MEMORY` when its memory is full; see
   * {@link GldErrorCode}.
   */
  static from(tensor: TensorLike, settings?: CudaTensorOptions): CudaTensor {
    const { device } = options(tables.device, settings);
    const view = readHost('tensor', tensor);
    const result = allocate('device', view.shape, view.dtype as CudaDType, gpu(device));
    try {
      result.#write(view);
    } catch (error) {
      result.dispose();
      throw error;
    }
    return result;
  }

  /** A tensor of that shape whose elements are still to be written. */
  static empty(
    shape: ArrayLike<number>,
    settings?: CudaTensorOptions & { readonly dtype?: CudaDType | undefined },
  ): CudaTensor {
    const { device, dtype } = options(tables.empty, settings);
    return allocate('device', readShape(shape), dtype, gpu(device));
  }

  /**
   * A tensor over memory of somebody else: dense `{ device: 'cuda', ptr, shape, dtype, deviceId? }`. The memory has to
   * outlast it; `dispose()` leaves it alone.
   */
  static at(tensor: DeviceTensor): CudaTensor {
    const view = new View();
    readView(view, 'tensor', tensor, ranks, 'of 1 to 8 sizes');
    return tensorOver('tensor', view);
  }

  /** Address of the first element. */
  get ptr(): bigint {
    this.#expectInUse();
    return this.#memory.pointer;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** @internal */
  get [memoryOf](): DeviceMemory {
    this.#expectInUse();
    return this.#memory;
  }

  /** Overwrites the elements with those of a tensor in CPU memory of the same shape and element type. */
  write(tensor: TensorLike): void {
    this.#expectInUse();
    const view = readHost('tensor', tensor);
    if (view.dtype !== this.dtype) fail('ERR_GLD_DTYPE', 'tensor', `${this.dtype} elements`, view.dtype);
    if (view.shape.length !== this.shape.length || !view.shape.every((size, axis) => size === this.shape[axis])) {
      fail('ERR_GLD_SHAPE', 'tensor', `shape ${brackets(this.shape)}`, brackets(view.shape));
    }
    this.#write(view);
  }

  /** A copy in CPU memory: float16 and bfloat16 elements in a Uint16Array, the others in an array of their type. */
  toHost(): HostTensor {
    this.#expectInUse();
    const data = allocateArray('toHost', this.dtype, countElements('toHost', this.shape));
    this.#place.engine.read(this.#memory, data);
    return { data, shape: [...this.shape], dtype: this.dtype } as HostTensor;
  }

  /** Frees the memory; calls under way finish first. Further uses are errors, except of this method. */
  dispose(): void {
    this.#disposed = true;
    disposeMemory(this.#place.engine, this.#memory);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #write(view: View): void {
    this.#place.engine.write(this.#memory, copyDense(view));
  }

  #expectInUse(): void {
    if (this.#disposed) fail('ERR_GLD_DISPOSED', 'CudaTensor', 'a tensor in use', 'one that was disposed');
  }
}

function gpu(number: number): Place {
  return native.gpu('device', number, 'a GPU', `cuda:${number}`);
}

/** A new tensor on a GPU. */
export function allocate(argument: string, shape: readonly number[], dtype: CudaDType, place: Place): CudaTensor {
  const bytes = countElements(argument, shape) * kinds[dtype].BYTES_PER_ELEMENT;
  return over(native.allocate(place, bytes), place, shape, dtype);
}

/** A tensor over the memory that a view on a GPU lies on: whoever owned it still does. */
export function tensorOver(argument: string, view: View): CudaTensor {
  const { shape, strides, place, offset, data } = view;
  if (place === undefined) fail('ERR_GLD_DEVICE', argument, 'a tensor on a GPU', 'one in CPU memory');
  if (!isDense(view)) fail('ERR_GLD_STRIDE', argument, 'a dense tensor on a GPU', `strides ${brackets(strides)}`);
  const dtype = view.dtype as CudaDType;
  const size = kinds[dtype].BYTES_PER_ELEMENT;
  const address = (typeof data === 'bigint' ? data : (data as DeviceMemory).pointer) + BigInt(offset * size);
  if (address % BigInt(size) !== 0n) {
    fail(
      'ERR_GLD_DEVICE',
      argument,
      `an address that is a multiple of ${size}, the bytes of an element`,
      describe(address),
    );
  }
  const memory = native.borrow(place, address, countElements(argument, shape) * size, argument);
  return over(memory, place, shape, dtype);
}

function readHost(argument: string, tensor: unknown): View {
  const view = new View();
  readView(view, argument, tensor, ranks, 'of 1 to 8 sizes');
  expectHost(view, 'a tensor in CPU memory', 'one');
  if (!cudaDtypes.includes(view.dtype as CudaDType)) {
    const expected = `${cudaDtypes.join(', ')} elements (16-bit floats in a Float16Array, or a Uint16Array with its dtype)`;
    fail('ERR_GLD_DTYPE', argument, expected, view.dtype === 'uint16' ? 'a Uint16Array without a dtype' : view.dtype);
  }
  return view;
}

function readShape(shape: unknown): number[] {
  const rank = lengthOf(shape);
  if (rank === undefined || !(rank > 0 && rank <= ranks.length)) {
    fail('ERR_GLD_ARG_TYPE', 'shape', 'an array of 1 to 8 sizes', describe(shape));
  }
  const sizes = Array.from({ length: rank }, (_, axis) => (shape as ArrayLike<unknown>)[axis]);
  if (!sizes.every((size) => Number.isSafeInteger(size) && (size as number) >= 1)) {
    fail('ERR_GLD_SHAPE', 'shape', 'positive integers', brackets(sizes));
  }
  countElements('shape', sizes as number[]);
  return sizes as number[];
}
