import { addon } from '../binding.js';
import { CallTurns } from '../call-turns.js';
import { describe } from '../describe.js';
import type { Engine, EngineCall, Located, Memory, Place, Refusal, Stream, Submission } from '../engine.js';
import { fail, type GldError } from '../errors.js';
import type { Buffers, Device, DeviceMemory, Workspace } from '../native.cjs';

/**
 * How many asynchronous calls of a thread may be on one GPU at a time: enough that it should be busy while others copy. Each
 * has a stream with memory of its own.
 */
const MOST_ON_GPU = 4;

/** Where a CudaTensor has its memory; the same for all copies of this package in a process. */
export const memoryOf: unique symbol = Symbol.for('gld-loss.DeviceMemory') as never;

/** What the addon computes: on the CPU, and with CUDA on GPUs. It is loaded by the first who asks for something. */
class NativeEngine implements Engine {
  /** The CPU, which is there before the addon is. */
  readonly cpu: Place = new NativePlace(this, 0);
  #places: readonly Place[] | undefined;

  places(): readonly Place[] {
    return (this.#places ??= [
      this.cpu,
      ...Array.from({ length: addon().countDevices() }, (_, gpu) => new NativePlace(this, gpu + 1)),
    ]);
  }

  absence(): string {
    const found = this.describeGpus();
    return typeof found === 'string' ? found : '';
  }

  /** The GPUs in the order of their places, or why there is none. */
  describeGpus(): Device[] | string {
    return addon().devices();
  }

  numberOfGpu({ number }: Place): number {
    return number - 1;
  }

  /** The GPU of that number. One that is not there is refused: `given` names it, and `expected` would have been right. */
  gpu(argument: string, number: number, expected: string, given: string): Place {
    const places = this.places();
    if (number + 1 < places.length) return places[number + 1];
    if (places.length === 1) {
      fail('ERR_GLD_DEVICE', argument, expected, `${given}, which is not available: ${this.absence()}`);
    }
    const { name } = places[places.length - 1];
    const there = places.length === 2 ? `the only one is ${name}` : `the last one is ${name}`;
    return fail('ERR_GLD_DEVICE', argument, expected, `${given}, which is not there (${there})`);
  }

  placeOf(argument: string, tensor: Readonly<Record<string | symbol, unknown>>): Located | undefined {
    const { device, ptr } = tensor;
    if (device !== 'cuda') {
      if (ptr === undefined || tensor.data !== undefined) return undefined;
      fail('ERR_GLD_ARG_TYPE', `${argument}.device`, "'cuda', which a tensor with a ptr is on", describe(device));
    }
    const number = readNumber(argument, tensor.deviceId);
    const place = this.gpu(argument, number, 'a tensor in CPU memory', `one on cuda:${number}`);
    const memory = tensor[memoryOf];
    if (memory === undefined) return { place, memory: readAddress(argument, ptr) };
    // The addon knows a DeviceMemory when it sees one, but a typed array would be memory of the CPU there.
    if (typeof memory !== 'object' || memory === null || ArrayBuffer.isView(memory)) {
      fail('ERR_GLD_ARG_TYPE', argument, 'memory on a GPU', describe(memory));
    }
    return { place, memory };
  }

  supports({ numbers, buffers }: EngineCall, stage: number): Refusal | undefined {
    return addon().supports(stage, numbers, buffers as Buffers) as Refusal | undefined;
  }

  /** Memory that idle streams hold is given back first where it is needed. */
  allocate(place: Place, bytes: number): DeviceMemory {
    const { DeviceMemory, trim } = addon();
    const gpu = this.numberOfGpu(place);
    try {
      return new DeviceMemory(gpu, bytes);
    } catch (error) {
      if ((error as GldError).code !== 'ERR_GLD_MEMORY' || !trim(gpu)) throw error;
      return new DeviceMemory(gpu, bytes);
    }
  }

  /** Stands for memory of somebody else on a GPU, which release() leaves alone. */
  borrow(place: Place, address: bigint, bytes: number, argument: string): DeviceMemory {
    const { DeviceMemory } = addon();
    return new DeviceMemory(this.numberOfGpu(place), bytes, address, argument);
  }

  release(memory: Memory): void {
    (memory as DeviceMemory).dispose();
  }

  write(memory: Memory, from: ArrayBufferView): void {
    (memory as DeviceMemory).write(from);
  }

  read(memory: Memory, into: ArrayBufferView): void {
    (memory as DeviceMemory).read(into);
  }

  open(place: Place): Stream {
    const { Workspace } = addon();
    return new NativeStream(place, new Workspace());
  }
}

/** The CPU by the number 0, or a GPU by its own and one. */
class NativePlace implements Place {
  readonly name: string;
  readonly isApart: boolean;
  readonly readsLate: boolean;
  readonly turns: CallTurns;
  readonly shared: Stream;

  constructor(
    readonly engine: NativeEngine,
    readonly number: number,
  ) {
    const isCpu = number === 0;
    this.name = isCpu ? 'cpu' : `cuda:${number - 1}`;
    this.isApart = !isCpu;
    this.readsLate = isCpu;
    this.turns = new CallTurns(isCpu ? Infinity : MOST_ON_GPU);
    this.shared = new NativeStream(this, null);
  }
}

/** Memory of the addon for the calls of one place; without it, each call takes what it needs from the addon's idle streams. */
class NativeStream implements Stream {
  readonly #workspace: Workspace | null;

  constructor(
    readonly place: Place,
    workspace: Workspace | null,
  ) {
    this.#workspace = workspace;
  }

  run({ numbers, buffers, result }: EngineCall, stage: number): void {
    addon().run(stage, numbers, buffers as Buffers, result, this.#workspace);
  }

  submit({ numbers, buffers, result }: EngineCall, stage: number, done: (error: Error | null) => void): Submission {
    // A list of its own, which keeps the buffers as long as the call runs.
    return addon().start(stage, numbers, [...buffers] as Buffers, result, this.#workspace, done);
  }

  close(): void {
    this.#workspace?.dispose();
  }
}

export const native = new NativeEngine();
export const { cpu } = native;

function readNumber(argument: string, value: unknown): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    fail('ERR_GLD_ARG_TYPE', `${argument}.deviceId`, 'the number of a GPU, from 0', describe(value));
  }
  return value as number;
}

function readAddress(argument: string, value: unknown): bigint {
  if (typeof value !== 'bigint' || value <= 0n || value >= 1n << 64n) {
    const expected = 'an address as a bigint, greater than 0 and less than 2^64';
    fail('ERR_GLD_ARG_TYPE', `${argument}.ptr`, expected, describe(value));
  }
  return value;
}
