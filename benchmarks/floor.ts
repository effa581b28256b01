/**
 * The least that any algorithm of this kind has to move and compute, and how long that takes at the machine's limits.
 *
 * Bytes are those of inputs that have to be read once and outputs that have to be written once, read and written bytes
 * alike, as in the copy that gives the bandwidth; what lies in between may stay in caches. Flops are those of matrix
 * products, two per multiply-add; sums, roots and exponentials are left out, because their number is of a lower order.
 */
import type { Features, Workload } from './cases.js';
import type { DType, Floor, Limits, Mode } from './record.js';

export type Method = 'pairwise' | 'moments';

export interface Work {
  bytes: number;
  flops: number;
}

export interface Task extends Pick<Workload, 'operation' | 'sizes'> {
  mode: Mode;
}

/**
 * Flops of the relation loss over m rows of K classes. `own` of them take part in the pairwise products; the others are
 * means of theirs, and so are their distances.
 */
export function relationFlops(method: Method, m: number, K: number, mode: Mode, own = m): number {
  if (method === 'pairwise') {
    // Two Gram matrices, of which symmetry leaves half to compute: m²K each.
    const gram = 2 * own * own * K;
    // The gradient is a full m×m matrix times the student's m×K rows.
    return mode === 'gradients' ? gram + 2 * own * own * K : gram;
  }
  // In units of mK². Σ xxᵀ and Σ yyᵀ are symmetric, 1 each; Σ xyᵀ is full, 2.
  const moments = 1 + 1 + 2;
  // Per row x'Gxx·x over a triangle, 1; x'Gxy·y, 2; and y'Gyy·y over a triangle, 1: or 2 for all of Gyy·y, which the
  // gradient needs as a vector.
  const rows = 1 + 2 + (mode === 'gradients' ? 2 : 1);
  // The moments weighted with the rows' slopes: Σ a·xyᵀ is full, 2; Σ b·yyᵀ symmetric, 1. Then both times the rows, 2
  // each.
  const rest = mode === 'gradients' ? 2 + 1 + 2 + 2 : 0;
  return (moments + rows + rest) * m * K * K;
}

/** The rows that take part in products: where the cells tile the map evenly, the global logits are a mean of theirs. */
function ownRows({ n, m, H, W, grid }: Features): number {
  return H % grid === 0 && W % grid === 0 ? m - n : m;
}

/** Without a method the relation term counts as whichever takes fewer flops. */
export function work({ operation, sizes, mode }: Task, dtype: DType, method?: Method): Work {
  const size = dtype === 'float64' ? 8 : 4;
  const { n, m, K } = sizes;
  const whole = sizes as Features;
  const backward = mode === 'gradients' ? 1 : 0;
  const relation = (own = m) =>
    Math.min(
      ...(method ? [method] : (['pairwise', 'moments'] as const)).map((one) => relationFlops(one, m, K, mode, own)),
    );
  switch (operation) {
    case 'gld': {
      // Both maps and both weights are read; the gradients of the student's are written.
      const elements = (2 + backward) * (whole.C * n * whole.H * whole.W + K * whole.C);
      // One product per side, and two for the gradients with respect to the student's weight and pooled rows.
      const products = (2 + 2 * backward) * 2 * ownRows(whole) * whole.C * K;
      return { bytes: size * elements, flops: products + relation(ownRows(whole)) };
    }
    case 'pool': {
      // The map is read and the means are written; for the gradient the other way round.
      const elements = n * whole.C * whole.H * whole.W + m * whole.C;
      return { bytes: size * elements * (1 + backward), flops: 0 };
    }
    case 'classifier': {
      // Rows and weight are read, logits written. Then the gradient of the logits is read, and those of rows and weight
      // are written.
      const elements = m * whole.C + K * whole.C + m * K;
      return { bytes: size * elements * (1 + backward), flops: (1 + 2 * backward) * 2 * m * whole.C * K };
    }
    case 'cross_entropy':
      return { bytes: size * n * K * (1 + backward), flops: 0 };
    case 'normalized_kd':
      return { bytes: size * m * K * (2 + backward), flops: 0 };
    case 'relation':
      return { bytes: size * m * K * (2 + backward), flops: relation() };
  }
}

export function floorOf(work: Work, dtype: DType, limits: Limits): Floor {
  return floorAt(work, limits.copyBytesPerSecond, limits.flopsPerSecond[dtype]);
}

export function floorAt({ bytes, flops }: Work, bytesPerSecond: number, flopsPerSecond: number): Floor {
  const moving = bytes / bytesPerSecond;
  const computing = flops / flopsPerSecond;
  return { bytes, flops, seconds: Math.max(moving, computing), bound: moving > computing ? 'bytes' : 'flops' };
}
