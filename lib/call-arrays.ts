import { allocateArray, kinds, type ElementType, type ViewArray } from './elements.js';

/** Arrays begin at multiples of this many bytes, which suits every element type. */
const ALIGNMENT = 64;

/**
 * Memory for the arrays that only one call sees, and the next ones again: to have new pages from the system each time
 * takes several times as long as to fill them. What the first call needs is allocated piece by piece, then as a whole.
 */
export class CallArrays {
  #memory = new ArrayBuffer(0);
  #used = 0;
  #most = 0;

  /** An array for so many elements of that type, its contents anything, until `clear`. */
  array(argument: string, dtype: ElementType, length: number): ViewArray {
    if (this.#used === 0 && this.#most > this.#memory.byteLength) this.#grow();
    const start = this.#used;
    const bytes = length * kinds[dtype].BYTES_PER_ELEMENT;
    this.#used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (this.#used > this.#memory.byteLength) return allocateArray(argument, dtype, length);
    return new kinds[dtype](this.#memory, start, length);
  }

  /** Nobody reads or writes the arrays any more. */
  clear(): void {
    this.#most = Math.max(this.#most, this.#used);
    this.#used = 0;
  }

  #grow(): void {
    this.#memory = new ArrayBuffer(0);
    try {
      this.#memory = new ArrayBuffer(this.#most);
    } catch {
      // There may still be that much in pieces.
    }
  }
}
