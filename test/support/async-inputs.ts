/** Inputs for the tests of asynchronous work. */
import type { GldOptions, Inputs, LogitSide, TensorLike } from 'gld-loss';
import { problem } from './problems.js';
import { encodeInputs } from './tensors.js';

const side = { channels: 12, map: [6, 6] } as const;

/** A call of well under a millisecond. */
export function small(seed = 1): Inputs & { student: { features: TensorLike; weight: TensorLike; bias: TensorLike } } {
  const inputs = problem({ seed, samples: 6, classes: 10, teacher: side, student: side });
  return encodeInputs(inputs, 'float32').given as ReturnType<typeof small>;
}

/** A call of milliseconds at least, growing with the square of the rows when it is `slow`. */
export function big(rows = 2000): Inputs & { student: LogitSide } {
  const [n, classes] = [rows / 5, 32];
  const logits = (phase: number): LogitSide => {
    const data = Float32Array.from({ length: rows * classes }, (_, i) => 3 * Math.sin(i * (1 + phase / 7) + phase));
    return { logits: { data, shape: [n, 5, classes] } };
  };
  return { teacher: logits(1), student: logits(2) };
}

export const slow: GldOptions = { relation: { method: 'pairwise' } };
