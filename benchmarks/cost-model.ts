/** The cost model of the relation loss's two methods: its terms, its fit, and the C++ header with its constants. */
import type { Method } from './floor.js';
import type { Mode } from './record.js';

/** What the distances of both sides may take to be kept between the passes: kKeptBytes of relation_pairwise.cpp. */
export const keptBytes = 64 * 2 ** 20;
const again = (m: number): number => (2 * 4 * m * Math.ceil(m / 16) * 16 > keptBytes ? 1 : 0);

/** What the constants are factors of. */
export const terms: Record<Method, { names: string; of(m: number, K: number): number[] }> = {
  pairwise: {
    names: '1, m, mK, m², m²K, and m²K again where distances are not kept',
    of: (m, K) => [1, m, m * K, m * m, m * m * K, again(m) * m * m * K],
  },
  moments: { names: '1, m, mK, K² and mK²', of: (m, K) => [1, m, m * K, K * K, m * K * K] },
};

export type Constants = Record<Method, Record<Mode, number[]>>;

/** One point of the grid in one mode. */
export interface Point {
  m: number;
  K: number;
  mode: Mode;
  seconds: Record<Method, number>;
}

/**
 * Least squares without negative coefficients: minimises Σ (Σ_j row[j]·x[j] − 1)², by one coordinate after the other.
 * Rows divided by what they should give make that a fit of relative errors.
 */
export function nonNegativeFit(rows: readonly (readonly number[])[], sweeps = 20_000): number[] {
  const size = rows[0].length;
  // Columns of length one, so that coordinates of any magnitude move alike.
  const lengths = Array.from({ length: size }, (_, j) => Math.hypot(...rows.map((row) => row[j])) || 1);
  const columns = lengths.map((length, j) => rows.map((row) => row[j] / length));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const gram = columns.map((a) => columns.map((b) => dot(a, b)));
  const target = columns.map((column) => column.reduce((sum, value) => sum + value, 0));
  const x = new Array<number>(size).fill(0);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (let j = 0; j < size; j++) {
      const slope = target[j] - dot(gram[j], x);
      x[j] = Math.max(0, x[j] + slope / (gram[j][j] || 1));
    }
  }
  return x.map((value, j) => value / lengths[j]);
}

/** Constants in nanoseconds. */
export function fit(points: readonly Point[]): Constants {
  const of = (method: Method, mode: Mode) => {
    const rows = points
      .filter((point) => point.mode === mode)
      .map(({ m, K, seconds }) => terms[method].of(m, K).map((term) => term / (seconds[method] * 1e9)));
    // As the header has them, so that what is checked is what will run.
    return nonNegativeFit(rows).map((value) => Number(value.toPrecision(3)));
  };
  const both = (method: Method) => ({ forward: of(method, 'forward'), gradients: of(method, 'gradients') });
  return { pairwise: both('pairwise'), moments: both('moments') };
}

export function cost(constants: Constants, method: Method, mode: Mode, m: number, K: number): number {
  return terms[method].of(m, K).reduce((sum, term, j) => sum + term * constants[method][mode][j], 0);
}

export function choose(constants: Constants, { m, K, mode }: Point): Method {
  const pairwise = cost(constants, 'pairwise', mode, m, K);
  return pairwise <= cost(constants, 'moments', mode, m, K) ? 'pairwise' : 'moments';
}

/** How much longer the chosen method takes than the better one: 1 where the choice is right. */
export function regret({ seconds }: Point, chosen: Method): number {
  return seconds[chosen] / Math.min(seconds.pairwise, seconds.moments);
}

function array(name: string, method: Method, constants: Constants): string {
  const row = (mode: Mode) => `    {${constants[method][mode].join(', ')}},`;
  return [
    `// Factors of ${terms[method].names}: without gradients, then with them.`,
    `constexpr double ${name}[2][${constants[method].forward.length}] = {`,
    row('forward'),
    row('gradients'),
    '};',
  ].join('\n');
}

/** csrc/cpu/relation_cost.h */
export function header(constants: Constants): string {
  return `\
// The cost model by which method 'auto' of the relation loss chooses: what each method takes for m rows of K classes.
// Printed by \`npm run bench:fit\`, which measures both methods over a grid of m and K and fits the constants. They are
// nanoseconds on one thread of the machine it ran on; only their ratios count.
#pragma once

namespace gld {

${array('kPairwiseCost', 'pairwise', constants)}

${array('kMomentsCost', 'moments', constants)}

// products: rows that take part in the products; the distances of the others are means (relation_pairwise.h).
inline double pairwise_cost(double m, double products, double classes, bool gradients, bool kept) {
  const double* cost = kPairwiseCost[gradients ? 1 : 0];
  const double of_product = kept ? cost[4] : cost[4] + cost[5];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * m * m + of_product * products * products * classes;
}

inline double moments_cost(double m, double classes, bool gradients) {
  const double* cost = kMomentsCost[gradients ? 1 : 0];
  return cost[0] + cost[1] * m + cost[2] * m * classes + cost[3] * classes * classes + cost[4] * m * classes * classes;
}

}  // namespace gld
`;
}
