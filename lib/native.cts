/** The addon's view of memory that a call keeps between runs of the same shape. */
export interface Workspace {
  readonly bytes: number;
  dispose(): void;
}

/** A started call. */
export interface Job {
  /** True: it was still queued and will never run nor report. False: it runs, has run, or was cancelled before. */
  cancel(): boolean;
}

/** A block of memory on a device. A call that uses it keeps it, so that it may be disposed meanwhile. */
export interface DeviceMemory {
  /** Its address. */
  readonly pointer: bigint;
  /** Copies from an array of exactly its size. */
  write(from: ArrayBufferView): void;
  /** Copies into an array of exactly its size. */
  read(into: ArrayBufferView): void;
  dispose(): void;
}

/** A device as the addon describes it; versions are 1000 * major + 10 * minor, sizes in bytes. */
export interface Device {
  name: string;
  major: number;
  minor: number;
  driver: number;
  runtime: number;
  memory: number;
  freeMemory: number;
}

/** Of a call, by position; null where a role is not taken. */
export type Buffers = readonly (ArrayBufferView | DeviceMemory | bigint | null)[];

/** What the addon exports. Numbers and buffers of a call travel by position, see lib/schema.ts. */
export interface Native {
  /** Tells of which call.def it was made. */
  readonly schema: string;
  configure(parallelism: number, level?: string): void;
  info(): {
    version: string;
    level: string;
    available: string[];
    built: string[];
    threads: number;
  };
  /** What there is for a call's `device`, or why there is nothing. The first call of either loads the driver. */
  devices(): Device[] | string;
  /** Why the engine of the call's device does not compute it, as an error has it. */
  supports(
    stage: number,
    call: Float64Array,
    buffers: Buffers,
  ): { code: string; argument: string; expected: string; received: string } | undefined;
  /** Closes idle streams of a GPU; false if there are none. */
  trim(device: number): boolean;
  countDevices(): number;
  /** Allocates; or, with an address (of that argument), stands for memory of somebody else. */
  readonly DeviceMemory: new (
    device: number,
    bytes: number,
    address?: bigint,
    argument?: string,
  ) => DeviceMemory;
  readonly Workspace: new () => Workspace;
  run(stage: number, call: Float64Array, buffers: Buffers, result: Float64Array, workspace: Workspace | null): void;
  start(
    stage: number,
    call: Float64Array,
    buffers: Buffers,
    result: Float64Array,
    workspace: Workspace | null,
    done: (error: Error | null) => void,
  ): Job;
}

/**
 * Path of this file. CommonJS, because __filename has no equivalent that serves both module formats. A bundler moves this
 * code to another file, or to an ES module, where there is none.
 */
export const filename: string | undefined = typeof __filename === 'string' ? __filename : undefined;

/** Loads node-gyp-build, by a call that bundlers follow. */
export function nodeGypBuild(): { resolve(folder: string): string } {
  return require('node-gyp-build');
}
