/** The benchmark suite: its counts, filters and fit, and a small run from the command line to the record. */
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { cases, memoryName } from '../../cases.js';
import { parseCommandLine } from '../../command-line.js';
import { choose, cost, fit, header, keptBytes, nonNegativeFit, type Point, regret, terms } from '../../cost-model.js';
import { wayNames } from '../../contenders/names.js';
import { checkPython } from '../../contenders/python.js';
import { labelOf } from '../../contenders/pytorch.js';
import { floorOf, relationFlops, work } from '../../floor.js';
import { makeInputs } from '../../inputs.js';
import { crippledBelow, productRate, productShare, productSizes, type Rates, standing } from '../../products.js';
import type { Limits } from '../../record.js';
import { report } from '../../report/index.js';
import { fromJson } from '../../report/json.js';
import { run } from '../../run.js';
import { matches, patterns } from '../../select.js';
import { median } from '../../statistics.js';
import { plan, timeSideBySide } from '../../timing.js';
import { present } from '../../../tools/present.js';

const step = { operation: 'gld', sizes: { n: 2, K: 5, m: 10, C: 3, H: 4, W: 4, grid: 2 } } as const;

t.test('the least work of a step, by hand', async (t) => {
  // Features 2·3·4·4 = 96 and weights 15 of both sides; relation of 10 rows pairwise 2·10²·5 = 1000.
  // The grid divides the map: 8 rows are classified at 2·8·3·5 = 240 per product, and compared at 2·8²·5 = 640.
  t.same(work({ ...step, mode: 'forward' }, 'float32'), { bytes: 4 * 2 * 111, flops: 2 * 240 + 640 });
  t.same(work({ ...step, mode: 'gradients' }, 'float64'), { bytes: 8 * 3 * 111, flops: 4 * 240 + 1280 });
  t.same(work({ ...step, mode: 'gradients' }, 'float32', 'moments').flops, 4 * 240 + 4000);
  const uneven = { ...step, sizes: { ...step.sizes, H: 5 } };
  // It does not: 10 rows at 300 per product.
  t.same(work({ ...uneven, mode: 'forward' }, 'float32'), { bytes: 4 * 2 * (120 + 15), flops: 2 * 300 + 1000 });
});

t.test('the least work of each stage, by hand', async (t) => {
  const { sizes } = step;
  const at = (operation: Parameters<typeof work>[0]['operation'], mode: 'forward' | 'gradients') =>
    work({ operation, sizes, mode }, 'float32');
  t.same(at('pool', 'forward'), { bytes: 4 * (96 + 30), flops: 0 });
  t.same(at('pool', 'gradients'), { bytes: 4 * 2 * (96 + 30), flops: 0 });
  t.same(at('classifier', 'forward'), { bytes: 4 * (30 + 15 + 50), flops: 300 });
  t.same(at('classifier', 'gradients'), { bytes: 4 * 2 * (30 + 15 + 50), flops: 900 });
  t.same(at('cross_entropy', 'gradients'), { bytes: 4 * 2 * 10, flops: 0 });
  t.same(at('normalized_kd', 'gradients'), { bytes: 4 * 3 * 50, flops: 0 });
  t.same(at('relation', 'forward'), { bytes: 4 * 2 * 50, flops: 1000 });
  t.equal(relationFlops('pairwise', 1000, 10, 'gradients'), 4e7);
  t.equal(relationFlops('moments', 1000, 10, 'forward'), 8e5);
  t.equal(relationFlops('moments', 1000, 10, 'gradients'), 16e5);
});

t.test('the floor is the larger of moving and computing', async (t) => {
  const limits: Limits = {
    threads: 1,
    copyBytesPerSecond: 100,
    flopsPerSecond: { float32: 10, float64: 5 },
    flopsBy: 'registers',
  };
  t.same(floorOf({ bytes: 300, flops: 20 }, 'float32', limits), { bytes: 300, flops: 20, seconds: 3, bound: 'bytes' });
  t.same(floorOf({ bytes: 300, flops: 20 }, 'float64', limits), { bytes: 300, flops: 20, seconds: 4, bound: 'flops' });
});

t.test('standing: crippled where the best product is below half of the machine’s rate', async (t) => {
  const [size, other] = productSizes;
  const product = (by: string, flopsPerSecond: number, of = size) =>
    ({ by, threads: 1, dtype: 'float32', ...of, flopsPerSecond }) as const;
  const rates: Rates = {
    limits: [
      { threads: 1, copyBytesPerSecond: 1, flopsPerSecond: { float32: 200, float64: 100 }, flopsBy: 'registers' },
    ],
    products: [product('a', 99), product('b', 30), product('b', 100, other)],
  };
  const of = (contender: string) => ({ contender, threads: 1, dtype: 'float32' }) as const;
  t.equal(crippledBelow, 0.5);
  t.equal(standing(rates, of('a')), 'crippled');
  t.equal(standing(rates, of('b')), 'sound', 'by the best of its products');
  t.equal(productRate(rates, of('b')), 100);
  t.equal(productShare(rates, of('b')), 0.5);
  t.equal(standing(rates, { ...of('b'), threads: 2 }), 'unknown');
  t.equal(standing(rates, { ...of('b'), dtype: 'float64' }), 'unknown');
});

t.test('interpreters are told apart by the version of their PyTorch', async (t) => {
  t.equal(labelOf('2.13.0+cpu', []), '2.13.0');
  t.equal(labelOf('2.13.0+cpu', ['1.13.0']), '2.13.0');
  t.equal(labelOf('2.13.0', ['2.13.0']), '2.13.0-2');
  t.equal(labelOf('2.13.0', ['2.13.0', '2.13.0-2']), '2.13.0-3');
});

t.test('filters', async (t) => {
  t.ok(matches('relation/*', 'relation/m=100,K=10'));
  t.ok(matches('relation/m=?00,K=10', 'relation/m=100,K=10'));
  t.notOk(matches('cifar', 'cifar/pool'), 'a name is a whole name');
  t.notOk(matches('cifa.', 'cifar'));
  t.same(patterns(['cifar,relation/m=320,K=100, wide', 'imagenet']), [
    'cifar',
    'relation/m=320,K=100',
    'wide',
    'imagenet',
  ]);
  const selected = (...argv: string[]) => {
    const command = parseCommandLine(argv);
    return command.do === 'run' ? command.settings : undefined;
  };
  t.match(selected(), { cases, memory: true, quick: false, selection: 'full' });
  const some = selected(
    '--case',
    'cifar/pool,overhead/*',
    '--case',
    'wide',
    '--contender',
    'gld-loss,tfjs',
    '--threads',
    '1',
  );
  t.same(new Set(some?.cases.map(({ name }) => name)), new Set(['wide', 'cifar/pool', 'overhead/n=1']));
  t.match(some, { memory: false, contenders: ['gld-loss', 'tfjs'], threads: [1] });
  t.match(selected('--case', memoryName), { cases: [], memory: true });
  t.same(selected()?.pythons, [], 'the first interpreter that is found');
  t.same(selected('--python', 'a/python', '--python=b,c', '--python', 'a/python')?.pythons, ['a/python', 'b,c']);
  t.same(selected('--contender', 'pytorch*')?.contenders, wayNames);
  const quick = selected('--quick');
  t.ok(quick?.cases.every((on) => on.quick) && quick.cases.length > 3);
  t.match(quick, { memory: false, selection: 'quick' });
});

t.test('what is wrong on the command line is named, with what there is', async (t) => {
  t.throws(() => parseCommandLine(['--case', 'nothing']), /--case nothing: .*\n[\s\S]*imagenet[\s\S]*memory/);
  t.throws(() => parseCommandLine(['--quick', '--case', 'wide']), /--case wide: .*\n[\s\S]*imagenet/);
  t.throws(() => parseCommandLine(['--contender', 'jax']), /--contender jax: .*\n[\s\S]*pytorch/);
  t.throws(() => parseCommandLine(['--threads', '0']), /--threads: expected integers from 1 to \d+, got '0'/);
  t.throws(() => parseCommandLine(['--python', '']), /--python: expected the path of an interpreter, got ''/);
  t.throws(() => parseCommandLine(['--python']), /--python/);
  t.throws(
    () => checkPython('/nowhere/python'),
    /--python \/nowhere\/python: expected an interpreter that can import torch/,
  );
  t.throws(() => checkPython('false'), { name: 'Error', message: /--python false: expected/ });
  t.throws(() => parseCommandLine(['--fast']), /--fast/);
  t.throws(() => parseCommandLine(['fast']), /'fast'/);
  t.throws(() => parseCommandLine(['--compare', 'a.json']), /expected two files, got 1/);
  t.same(parseCommandLine(['--report', 'a.json', '--out', 'b']), { do: 'report', file: 'a.json', directory: 'b' });
  t.same(parseCommandLine(['--compare', 'a.json', 'b.json']), { do: 'compare', files: ['a.json', 'b.json'] });
});

t.test('cases are told apart by name, mode, dtype and layout', async (t) => {
  const keys = cases.map(({ name, mode, dtype, layout }) => [name, mode, dtype, layout].join());
  t.equal(new Set(keys).size, keys.length);
});

t.test('inputs are seeded and of the scale asked for', async (t) => {
  const workload = { operation: 'relation', sizes: { n: 1000, K: 10, m: 1000 }, layout: 'NCHW' } as const;
  const data = Array.from(makeInputs(workload)['student.logits'].data);
  t.same(Array.from(makeInputs(workload)['student.logits'].data), data);
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
  t.ok(Math.abs(mean) < 0.1 && Math.abs(Math.sqrt(variance) - 3) < 0.1, `mean ${mean}, variance ${variance}`);
});

t.test('every round has all contenders, in the order of the last one reversed', async (t) => {
  const timed: number[] = [];
  const participants = [0, 1, 2].map((number) => ({
    result: () => Promise.reject(new Error('not asked for')),
    time: async () => {
      timed.push(number);
      return 0.2;
    },
  }));
  const budget = { seconds: 0.6, fewest: 3, fewestOfSlow: 3, most: 3, leastSeconds: 0.1 };
  const samples = await timeSideBySide(participants, [budget, budget, budget]);
  t.same(samples, Array(3).fill([0.2, 0.2, 0.2]));
  t.same(timed, [0, 1, 2, 0, 1, 2, 2, 1, 0, 0, 1, 2], 'after one call of each, which is not counted');
});

t.test('repetitions by time, and the median', async (t) => {
  const budget = { seconds: 1.5, fewest: 5, fewestOfSlow: 3, most: 25, leastSeconds: 0.002 };
  t.same(plan(10, budget), { calls: 1, repetitions: 3 });
  t.same(plan(1, budget), { calls: 1, repetitions: 5 });
  t.same(plan(0.1, budget), { calls: 1, repetitions: 15 });
  t.same(plan(0.0005, budget), { calls: 4, repetitions: 25 });
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
});

t.test('the fit of the cost model finds the constants that made the numbers', async (t) => {
  const rows = [
    [1, 10],
    [2, 10],
    [3, 10],
    [4, 20],
  ].map(([a, b]) => [a / (2 * a + b), b / (2 * a + b)]);
  const fitted = nonNegativeFit(rows);
  t.ok(Math.abs(fitted[0] - 2) < 1e-6 && Math.abs(fitted[1] - 1) < 1e-6, String(fitted));
  t.same(
    nonNegativeFit([
      [1, 1],
      [-1, 1],
    ]).map((value) => Number(value.toFixed(6))),
    [0, 1],
  );
  t.same(
    nonNegativeFit([
      [1, 2],
      [-1, -1],
    ])[0],
    0,
    'never below zero',
  );

  const made = {
    pairwise: { forward: [2000, 0, 1, 0.5, 0.05, 0.05], gradients: [3000, 10, 2, 1, 0.08, 0.12] },
    moments: { forward: [3000, 20, 0.5, 3, 0.1], gradients: [5000, 40, 1, 5, 0.3] },
  };
  const points = [50, 200, 800, 3200].flatMap((m) =>
    [4, 30, 300].flatMap((K) =>
      (['forward', 'gradients'] as const).map((mode, i): Point => {
        const noise = 1 + 0.01 * (-1) ** (m / 50 + i);
        const of = (method: 'pairwise' | 'moments') => cost(made, method, mode, m, K) * 1e-9 * noise;
        return { m, K, mode, seconds: { pairwise: of('pairwise'), moments: of('moments') } };
      }),
    ),
  );
  const constants = fit(points);
  for (const point of points) {
    for (const method of ['pairwise', 'moments'] as const) {
      const ratio = (cost(constants, method, point.mode, point.m, point.K) * 1e-9) / point.seconds[method];
      t.ok(Math.abs(ratio - 1) < 0.05, `${method} ${point.mode} m ${point.m} K ${point.K}: ${ratio}`);
    }
    t.ok(regret(point, choose(constants, point)) < 1.05);
  }
  t.same(terms.moments.of(3, 2), [1, 3, 6, 4, 12]);
  t.same(terms.pairwise.of(3, 2), [1, 3, 6, 9, 18, 0]);
  t.same(terms.pairwise.of(5000, 2)[5], terms.pairwise.of(5000, 2)[4], 'distances that are not kept');
});

t.test('the cost model knows the limit of the kept distances', async (t) => {
  const engine = readFileSync(new URL('../../../csrc/cpu/relation_pairwise.cpp', import.meta.url), 'utf8');
  const [, factor, shift] = /kKeptBytes = (\d+) << (\d+);/.exec(engine) ?? [];
  t.equal(keptBytes, Number(factor) * 2 ** Number(shift));
});

t.test('the header in the repository has the form that the fit prints', async (t) => {
  const form = (text: string) => text.replace(/^ {4}\{.*\},$/gm, '{}');
  const zeros = (size: number) => ({ forward: Array(size).fill(0), gradients: Array(size).fill(0) });
  const stored = readFileSync(new URL('../../../csrc/cpu/relation_cost.h', import.meta.url), 'utf8');
  t.equal(form(stored), form(header({ pairwise: zeros(6), moments: zeros(5) })));
});

/** A path at which a stand-in for Python can be run. */
const fakePython = (directory: string) => (name: string) => {
  const path = join(directory, name);
  copyFileSync(new URL('fake-python.cjs', import.meta.url), path);
  chmodSync(path, 0o755);
  return path;
};

// The suite measures the build in build/, which another build's tests need not have.
const elsewhere = ['GLD_LOSS_PREBUILD', 'PREBUILDS_ONLY'].some((name) => process.env[name]) && 'tests another build';
t.test('a small run, end to end', { skip: elsewhere }, async (t) => {
  const directory = t.testdir();
  const pythons = ['fast-python', 'slow-python'].map(fakePython(directory));
  const command = parseCommandLine([
    '--quick',
    '--threads',
    '1',
    '--out',
    directory,
    '--case',
    'overhead/*,relation/m=320,K=100',
    ...pythons.flatMap((path) => ['--python', path]),
  ]);
  if (command.do !== 'run') throw new Error('not a run');
  await report(await run(command.settings), command.directory);
  const record = fromJson(readFileSync(join(directory, 'results.json'), 'utf8'));

  t.match(record, { format: 2, environment: { selection: /^quick --case overhead/ }, memory: [] });
  t.equal(record.limits.length, 1);
  const [{ threads, copyBytesPerSecond, readBytesPerSecond = 0, writeBytesPerSecond = 0, flopsPerSecond, flopsBy }] =
    record.limits;
  const { float32, float64 } = flopsPerSecond;
  t.equal(flopsBy, 'registers');
  t.ok(threads === 1 && copyBytesPerSecond > 0 && readBytesPerSecond > 0 && writeBytesPerSecond > 0);
  t.ok(float32 > 0 && float64 > 0);

  const names = new Set(record.measurements.map(({ contender }) => contender));
  for (const name of ['gld-loss', 'tfjs', 'typescript']) t.ok(names.has(name), `${name} takes part`);
  for (const name of wayNames.slice(1)) t.match(record.environment.absent[name], 'quick run');
  t.match(record.environment.versions, {
    'pytorch@9.9.9': 'with a BLAS and threads',
    'pytorch@9.9.9-2': 'with a BLAS and threads',
  });

  const multipliers = new Set(record.products.map(({ by }) => by));
  t.same(multipliers, new Set(['Eigen', 'gld-loss', 'pytorch@9.9.9', 'pytorch@9.9.9-2', 'tfjs']));
  t.ok(record.products.every((one) => one.threads === 1 && one.flopsPerSecond > 0));
  const of = { threads: 1, dtype: 'float32' } as const;
  t.equal(standing(record, { ...of, contender: 'pytorch@9.9.9' }), 'sound');
  t.equal(standing(record, { ...of, contender: 'pytorch@9.9.9-2' }), 'crippled');
  t.equal(standing(record, { ...of, contender: 'typescript' }), 'unknown');
  const related = record.measurements.filter(({ group }) => group === 'relation');
  const tooSlow = related.filter(({ skipped }) => skipped !== undefined).map(({ contender }) => contender);
  t.same(tooSlow, ['pytorch@9.9.9-2'], 'what takes too long at the rate that was measured is not computed');

  for (const one of record.measurements.filter(({ contender }) => !contender.startsWith('pytorch'))) {
    const name = `${one.case} ${one.contender} ${one.variant ?? ''}`;
    if (!t.notOk(one.skipped, `${name} ran`)) continue;
    t.ok(one.seconds.length >= 3 && one.seconds.every((value) => value > 0), `${name} was timed`);
    const { loss, gradients = Infinity, reference } = present(one.error);
    t.ok(loss < 1e-4 && gradients < 1e-4, `${name}: errors ${JSON.stringify(one.error)}`);
    t.equal(reference, 'typescript');
    t.equal(one.floor !== undefined, one.contender === 'gld-loss', `${name}: the floor`);
    if (one.group === 'relation' && one.contender === 'gld-loss') {
      t.equal(one.method, one.variant === 'auto' ? 'pairwise' : one.variant);
    }
    if (one.group === 'overhead' && one.contender === 'gld-loss') t.type(one.bytesPerCall, 'number');
  }
});
