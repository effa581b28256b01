/** The least that a case takes at the limits that were measured on this GPU. */
import { work, type Task } from '../../floor.js';
import type { Limits, Precision, Timing } from '../record.js';

/**
 * float32 products: whichever is faster, the plain ones, or three TF32 products each, from whose sum the float32 one
 * results (csrc/cuda/product.cuh).
 */
export function productRate({ productFlopsPerSecond: rates }: Limits, precision: Precision): number {
  return precision === 'float32' ? Math.max(rates.float32, rates.tf32 / 3) : rates[precision];
}

/** The larger of bytes over bandwidth and flops over rate, and one launch of a graph. */
export function floorOf(
  task: Task,
  precision: Precision,
  limits: Limits,
  method: Timing['method'],
): NonNullable<Timing['floor']> {
  const { bytes, flops } = work(task, 'float32', method);
  const moving = bytes / limits.copyBytesPerSecond;
  const computing = flops / productRate(limits, precision);
  const seconds = Math.max(moving, computing) + (limits.graphSeconds ?? 0);
  return { bytes, flops, seconds, bound: moving > computing ? 'bytes' : 'flops' };
}
