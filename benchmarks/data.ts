/** The inputs of the workload that is being measured, in memory and, once somebody asks for that, as raw files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../tools/present.js';
import type { Workload } from './cases.js';
import { makeInputs, type Inputs } from './inputs.js';
import type { DType } from './record.js';
import type { Scratch } from './scratch.js';

/** Path, element type and shape. */
export type StoredTensor = [file: string, dtype: string, shape: number[]];

export class Data {
  private made: Inputs | undefined;
  private folder: string | undefined;
  private stored: Record<string, StoredTensor> = {};
  private readonly wide: Inputs = {};

  constructor(
    readonly workload: Workload,
    private readonly scratch: Scratch,
  ) {}

  /** Made when first used: where every contender is skipped they may be larger than the machine. */
  get inputs(): Inputs {
    return (this.made ??= makeInputs(this.workload));
  }

  /** An input in the element type of the case. */
  tensor(name: string, dtype: DType): Inputs[string] {
    const tensor = this.inputs[name];
    if (dtype === 'float32' || tensor.data instanceof Int32Array) return tensor;
    return (this.wide[name] ??= { data: Float64Array.from(tensor.data), shape: tensor.shape });
  }

  files(): Record<string, StoredTensor> {
    if (this.folder === undefined) {
      this.folder = join(this.scratch.folder, 'inputs');
      mkdirSync(this.folder, { recursive: true });
      this.stored = Object.fromEntries(
        Object.entries(this.inputs).map(([name, { data, shape }]) => {
          const file = join(present(this.folder), name);
          writeFileSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
          return [name, [file, data instanceof Int32Array ? 'int32' : 'float32', shape]];
        }),
      );
    }
    return this.stored;
  }

  close(): void {
    if (this.folder !== undefined) this.scratch.remove('inputs');
  }
}
