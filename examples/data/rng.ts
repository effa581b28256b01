/** State of an `Rng`: four 32-bit unsigned integers, plain JSON. */
export type RngState = [number, number, number, number];

/**
 * Small seeded generator of pseudo-random numbers: xoshiro128** (Blackman & Vigna, "Scrambled linear pseudorandom
 * number generators", ACM TOMS 2021), period 2^128 − 1, seeded through a mixing function as its authors advise. Same
 * seeds, same numbers on every machine. Not for cryptography.
 */
export class Rng {
  readonly #s = new Uint32Array(4);

  /** @param seeds one or more finite numbers; different lists give unrelated streams. */
  constructor(...seeds: number[]) {
    // Each seed is folded in as the two halves of its float64 bits, so 1, 1.5, −1 and 2^40 are all different seeds.
    const words = new Uint32Array(new Float64Array(seeds.map((seed) => checkedSeed(seed))).buffer);
    let hash = mix(words.length);
    for (const word of words) hash = mix((Math.imul(hash, 31) ^ word) >>> 0);
    for (let i = 0; i < 4; i++) this.#s[i] = mix((hash + Math.imul(i + 1, 0x9e3779b9)) >>> 0);
  }

  /** A generator that goes on where `state()` was taken. */
  static fromState(state: readonly number[]): Rng {
    const words = state.map((word) => word >>> 0);
    if (state.length !== 4 || words.some((word, i) => word !== state[i]) || words.every((word) => word === 0)) {
      throw new TypeError(`state: expected four 32-bit unsigned integers, not all zero, got ${JSON.stringify(state)}`);
    }
    const rng = new Rng(0);
    rng.#s.set(words);
    return rng;
  }

  /** The present state, for a checkpoint. */
  state(): RngState {
    return [...this.#s] as RngState;
  }

  /** The next 32 random bits, an integer in 0 … 2^32 − 1. */
  bits(): number {
    const s = this.#s;
    const a = s[0];
    const b = s[1];
    const c = s[2];
    const d = s[3];
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0;
    const nextC = c ^ a;
    const nextD = d ^ b;
    s[1] = b ^ nextC;
    s[0] = a ^ nextD;
    s[2] = nextC ^ (b << 9);
    s[3] = rotl(nextD, 11);
    return result;
  }

  /** Uniform in [low, high), on a grid of 2^32 steps. */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.bits() / 2 ** 32);
  }

  /** Normal, by the Box–Muller transform. It draws twice and keeps nothing, so that four words are the whole state. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log((this.bits() + 1) / 2 ** 32));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An integer in 0 … n − 1, 1 ≤ n ≤ 2^32. The bias is below n / 2^32. */
  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Puts the elements in random order, in place (Fisher–Yates), and returns the same array. */
  shuffle<T extends { [index: number]: unknown; length: number }>(array: T): T {
    for (let i = array.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      const kept = array[i];
      array[i] = array[j];
      array[j] = kept;
    }
    return array;
  }
}

const rotl = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** A bijection of 32-bit integers in which every input bit changes about half of the output bits. */
function mix(x: number): number {
  let h = (x + 0x9e3779b9) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function checkedSeed(seed: number): number {
  if (!Number.isFinite(seed)) throw new TypeError(`seed: expected a finite number, got ${String(seed)}`);
  return seed;
}
