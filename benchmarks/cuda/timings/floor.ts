/** The least that a case takes at the limits that were measured on this GPU. */
import { floorAt, work, type Method, type Task } from '../../floor.js';
import type { Floor } from '../../record.js';
import type { Precision } from '../../../test/conformance/record.js';
import type { Limits } from '../record.js';

/**
 * float32 products: whichever is faster, the plain ones, or three TF32 products each, from whose sum the float32 one
 * results (csrc/cuda/product.cuh).
 */
export function productRate({ productFlopsPerSecond: rates }: Limits, precision: Precision): number {
  return precision === 'float32' ? Math.max(rates.float32, rates.tf32 / 3) : rates[precision];
}

/** The larger of bytes over bandwidth and flops over rate, and one launch of a graph. */
export function floorOf(task: Task, precision: Precision, limits: Limits, method: Method | undefined): Floor {
  const { copyBytesPerSecond, graphSeconds = 0 } = limits;
  const floor = floorAt(work(task, 'float32', method), copyBytesPerSecond, productRate(limits, precision));
  return { ...floor, seconds: floor.seconds + graphSeconds };
}
