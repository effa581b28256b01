/**
 * Fits the cost model by which method 'auto' of the relation loss chooses, and writes it to csrc/cpu/relation_cost.h.
 * Usage: npm run bench:fit [-- --dry-run]. Runs on one thread; the next build uses the new constants.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { relation, type TensorLike } from 'gld-loss';
import { present } from '../tools/present.js';
import { at } from '../tools/support.js';
import { choose, fit, header, type Point, regret } from './cost-model.js';
import type { Method } from './floor.js';
import { makeInputs } from './inputs.js';
import { createProgress } from './progress.js';
import type { Mode } from './record.js';

const rowCounts = [50, 100, 200, 400, 800, 1600, 2800, 3200, 5000];
const classCounts = [4, 10, 30, 100, 300, 1000];
const modes: Mode[] = ['forward', 'gradients'];
const methods: Method[] = ['pairwise', 'moments'];

/** Times that the grid is gone through: what disturbs a point in one of them does not in the other. */
const passes = 2;
/** Seconds per method, mode, point and pass. */
const budget = 0.1;
/** A repetition is several calls where one is shorter. */
const leastSeconds = 1e-3;

function seconds(run: () => unknown, calls: number): number {
  const begin = performance.now();
  for (let call = 0; call < calls; call++) run();
  return (performance.now() - begin) / 1000 / calls;
}

/** The least of several repetitions, which take turns between the methods. */
function measure(teacher: TensorLike, student: TensorLike, mode: Mode): Record<Method, number> {
  const runs = methods.map((method) => {
    const options = { method, gradients: mode === 'gradients', threads: 1 };
    const run = () => relation({ teacher, student }, options);
    const calls = Math.ceil(leastSeconds / seconds(run, 1));
    const best = seconds(run, calls);
    return { method, run, calls, best, left: Math.min(Math.floor(budget / (best * calls)), 30) };
  });
  while (runs.some(({ left }) => left > 0)) {
    for (const one of runs) {
      if (one.left-- > 0) one.best = Math.min(one.best, seconds(one.run, one.calls));
    }
  }
  return Object.fromEntries(runs.map(({ method, best }) => [method, best])) as Record<Method, number>;
}

function worst(points: readonly Point[], chosen: (point: Point) => Method): string {
  const ranked = points.map((point) => ({ point, ratio: regret(point, chosen(point)) }));
  const {
    point: { m, K, mode },
    ratio,
  } = ranked.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const wrong = ranked.filter((one) => one.ratio > 1).length;
  return (
    `at most ${ratio.toFixed(3)} times the better method's time (m ${m}, K ${K}, ${mode}); ` +
    `the slower method at ${wrong} of ${points.length} points`
  );
}

const { values } = parseArgs({ options: { 'dry-run': { type: 'boolean', default: false } } });
const points = new Map<string, Point>();
/** What the engine as it is built chooses. */
const built = new Map<Point, Method>();

function visit(m: number, K: number, mode: Mode, teacher: TensorLike, student: TensorLike): Point {
  const seconds = measure(teacher, student, mode);
  const key = [m, K, mode].join();
  const point = points.get(key) ?? { m, K, mode, seconds };
  for (const method of methods) point.seconds[method] = Math.min(point.seconds[method], seconds[method]);
  points.set(key, point);
  built.set(point, relation({ teacher, student }, { gradients: mode === 'gradients' }).method);
  return point;
}

const progress = createProgress(passes * classCounts.length * rowCounts.length);
for (let pass = 0; pass < passes; pass++) {
  for (const K of classCounts) {
    for (const m of rowCounts) {
      progress.next(`m ${m}, K ${K}`);
      const made = makeInputs({ operation: 'relation', sizes: { n: m, K, m }, layout: 'NCHW' });
      for (const mode of modes) {
        const { seconds: best } = visit(m, K, mode, made['teacher.logits'], made['student.logits']);
        const texts = methods.map((method) => `${method} ${(best[method] * 1e6).toFixed(1)} µs`);
        progress.tell(`${mode}: ${texts.join(', ')}`);
      }
    }
  }
}
progress.close();

const all = [...points.values()];
const constants = fit(all);
console.log(header(constants));
console.log(`auto with these constants: ${worst(all, (point) => choose(constants, point))}`);
console.log(`auto as it is built:       ${worst(all, (point) => present(built.get(point)))}`);
if (!values['dry-run']) {
  const file = at('csrc/cpu/relation_cost.h');
  writeFileSync(file, header(constants));
  console.log(`written to ${file}; npm run build:native makes it take effect`);
}
