import type { CallTurns } from './call-turns.js';
import type { ArgumentErrorCode, GldError } from './errors.js';

/**
 * The door between the API and what computes: everything above it knows an engine by this file alone. An engine has places to
 * compute at, memory there, and streams that run one call after the other. Places come and go with the machine, so that
 * nothing here counts on a number of them, on memory having an address, or on an engine being loaded before it is needed.
 */
export interface Engine {
  /** Where it computes on this machine, the CPU first. The first call may load a driver. */
  places(): readonly Place[];
  /** Why there is no place but the CPU, for people. */
  absence(): string;
  /** The memory at one of its places that a tensor names, of which each property is read once; undefined: CPU memory. */
  placeOf(argument: string, tensor: Readonly<Record<string | symbol, unknown>>): Located | undefined;
  /** Why it does not compute a call at the place that the call names; undefined: it does. Nothing runs. */
  supports(call: EngineCall, stage: number): Refusal | undefined;

  allocate(place: Place, bytes: number): Memory;
  /** Frees memory that allocate() gave; calls that have begun keep it until they are done. */
  release(memory: Memory): void;
  /** Copies all of an array to the beginning of the memory. */
  write(memory: Memory, from: ArrayBufferView): void;
  /** Copies the beginning of the memory to all of an array. */
  read(memory: Memory, into: ArrayBufferView): void;

  /** A stream that keeps its memory from call to call. */
  open(place: Place): Stream;
}

/** Somewhere to compute at: the CPU, or one GPU. */
export interface Place {
  readonly engine: Engine;
  /** As options and messages name it: 'cpu', 'cuda:1'. */
  readonly name: string;
  /** What calls name it by. */
  readonly number: number;
  /** Whether memory there is other memory than the CPU's. */
  readonly isApart: boolean;
  /** Whether submitted calls read inputs in CPU memory later than submit() returns. */
  readonly readsLate: boolean;
  /** For asynchronous calls, of which so many at a time keep it busy. */
  readonly turns: CallTurns;
  /** For calls that keep no memory, several at a time. */
  readonly shared: Stream;
}

/** Memory at a place as its engine knows it: an object of its own, or an address. Nobody else looks into it. */
export type Memory = object | bigint;

/** Memory that a tensor names. */
export interface Located {
  readonly place: Place;
  readonly memory: Memory;
}

/** Why a call is not computed, as errors have it; `argument` is a view of the call, or an option. */
export type Refusal = Pick<GldError, 'argument' | 'expected' | 'received'> & { readonly code: ArgumentErrorCode };

/** A call as engines take it: numbers and buffers in the order of the call's schema. */
export interface EngineCall {
  readonly numbers: Float64Array;
  readonly buffers: readonly (Memory | null)[];
  /** Where the outcome goes. */
  readonly result: Float64Array;
}

/** A queue of calls at one place, one at a time, and the memory that they work in. */
export interface Stream {
  readonly place: Place;
  /** Submits a call and waits until it is finished. */
  run(call: EngineCall, stage: number): void;
  /** Begins a call and returns; `done` is called later, once, unless cancel() said that the call will never run. */
  submit(call: EngineCall, stage: number, done: (error: Error | null) => void): Submission;
  /** Frees its memory, once no call uses it any more. */
  close(): void;
}

/** A call that was submitted. */
export interface Submission {
  /** True: it had not begun, and never will; `done` is not called. False: it runs on until it notices, or is done. */
  cancel(): boolean;
}
