// The output half of the benchmarks, on made-up times: nothing here measures anything.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import t from 'tap';
import type { RunRecord } from '../../record.js';
import { compare } from '../../report/compare.js';
import { change, digits, share, size, time, timeTick, times } from '../../report/format.js';
import { report } from '../../report/index.js';
import { fastest } from '../../report/headline.js';
import { fromJson, toJson } from '../../report/json.js';
import { lineups, measured } from '../../report/lineup.js';
import { highlights, images, intoBlock, summary } from '../../report/markdown.js';
import { page } from '../../report/page.js';
import { plotNames, plots } from '../../report/plots/index.js';
import { logTicks } from '../../report/plots/lines.js';
import { terminalReport } from '../../report/terminal.js';
import { median, quantile, ratio, spread } from '../../statistics.js';
import { present } from '../../../tools/present.js';
import { madeUpBenchmarks } from '../made-up-benchmarks.js';

const run = madeUpBenchmarks();

const find = (record: RunRecord, name: string, contender: string, threads = 2) =>
  present(
    record.measurements.find(
      (one) =>
        one.case === name &&
        one.contender === contender &&
        one.threads === threads &&
        one.mode === 'gradients' &&
        one.dtype === 'float32',
    ),
  );

t.test('statistics', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.equal(quantile([10, 20, 30, 40, 50], 0.25), 20);
  t.equal(spread([1, 2, 3, 4, 5]), 2);
  t.equal(spread([7]), 0);
  t.ok(Number.isNaN(median([])));
  t.equal(ratio([2, 40, 6], [1, 10, 2]), 3, 'the median of the quotients, not the quotient of the medians');
  t.equal(ratio([2, 4, 1000, 1000], [1, 2]), 2, 'what ran side by side only');
});

t.test('numbers', async (t) => {
  t.strictSame([1.234, 0.01234, 999.6e-6, 12e-6, 5e-10].map(time), [
    '1.23 s',
    '12.3 ms',
    '1.00 ms',
    '12.0 µs',
    '0.50 ns',
  ]);
  t.strictSame([1e-3, 1e-2, 1, 2e-5].map(timeTick), ['1 ms', '10 ms', '1 s', '20 µs']);
  t.strictSame([999, 1500, 2.5e7].map(size), ['999 B', '1.50 kB', '25.0 MB']);
  t.strictSame([3.214, 0.85, 14.05, 123.4, 1234].map(times), ['3.21×', '0.85×', '14.1×', '123×', '1,230×']);
  t.strictSame([0.0605, 9.996, 0].map(digits), ['0.0605', '10.0', '0.00']);
  t.strictSame([0.823, 1.04, 0.012, 0].map(share), ['82 %', '104 %', '1.2 %', '0 %']);
  t.strictSame([0.034, -0.5, -1e-6].map(change), ['+3.4 %', '−50 %', '0.0 %']);
  t.strictSame(logTicks([2e-5, 0.5]), [1e-4, 1e-3, 1e-2, 1e-1]);
  t.strictSame(logTicks([0.9, 12]), [1, 2, 5, 10], 'short axes have more than powers of ten');
});

t.test('line-ups: ours as it is called, all others beside it', async (t) => {
  const [row] = lineups(run, { group: 'relation', threads: 2 });
  t.equal(row.own?.variant, 'auto');
  t.strictSame(
    row.others.map(({ contender, variant }) => `${contender} ${variant}`),
    ['gld-loss pairwise', 'gld-loss moments', 'pytorch@2.13.0 undefined', 'tfjs undefined'],
  );
  const steps = lineups(run, { group: 'step', threads: 1, mode: 'gradients' });
  t.strictSame(
    steps.map(({ of }) => `${of.case} ${of.dtype}`),
    ['cifar float32', 'imagenet float32', 'large-batch float32', 'small float32', 'cifar float64'],
  );
});

t.test('tables: every number, in 120 columns', async (t) => {
  const text = terminalReport(run);
  t.ok(text.split('\n').every((line) => line.length <= 120));
  t.notMatch(text, /NaN|undefined|\[object/);
  for (const contender of ['pytorch@2.13.0', 'tfjs']) {
    const [own, other] = ['gld-loss', contender].map((name) => find(run, 'imagenet', name).seconds);
    t.ok(text.includes(`${time(median(other))} ${times(ratio(other, own))}`), contender);
  }
  const own = find(run, 'cifar', 'gld-loss');
  t.ok(
    text.includes(time(median(own.seconds))) && text.includes(share(present(own.floor).seconds / median(own.seconds))),
  );
  for (const part of [
    '2e-7 / 3e-6',
    'of flops',
    'of bytes',
    '– 1)',
    '1) expected to take longer than 60 s per repetition',
    'needs 1.2 GB, more than the WebAssembly heap has',
    'out of memory',
    'Not measured: PyTorch 1.13.0 compiled: PyTorch 1.13.0 has no torch.compile',
    'Imagined <CPU> @ 3 GHz',
    'auto took',
    'vs better',
    'Largest errors of loss / gradients: pairwise 3e-7 / 2e-6',
    'calls per second',
    '3,120',
    'Gflop/s',
  ])
    t.ok(text.includes(part), part);
  const many = madeUpBenchmarks({ contenders: ['pytorch@2.13.0', 'pytorch-compile@2.13.0', 'tfjs', 'typescript'] });
  for (const { contender, ...one } of many.measurements.filter(({ contender }) => contender === 'pytorch@2.13.0')) {
    many.measurements.push({ ...one, contender, variant: 'channels last' }, { ...one, contender, variant: 'in place' });
  }
  t.ok(
    terminalReport(many)
      .split('\n')
      .every((line) => line.length <= 120),
    'wide tables go on below',
  );
});

t.test('auto: what a wrong choice costs', async (t) => {
  const wrong = structuredClone(run);
  for (const one of wrong.measurements) {
    if (one.case !== 'relation/m=5120,K=10' || one.variant !== 'auto') continue;
    const moments = present(
      wrong.measurements.find(
        (other) => other.case === one.case && other.variant === 'moments' && other.threads === one.threads,
      ),
    );
    Object.assign(one, { method: 'pairwise', seconds: moments.seconds.map((value) => 1.5 * value) });
  }
  t.match(terminalReport(wrong), /10 +│ 5,120 +│[^\n]*pairwise │ +\+50 % │/);
});

/** Fails where a tag is not closed; HTML parsers are more lenient than those of image viewers. */
function wellFormed(svg: string): boolean {
  const open: string[] = [];
  for (const [, close, name, rest] of svg.matchAll(/<(\/?)([a-z]\w*)((?:"[^"]*"|[^>"])*)>/gi)) {
    if (close === '/') {
      if (open.pop() !== name) return false;
    } else if (!rest.endsWith('/')) {
      open.push(name);
    }
  }
  const tags = [...svg.matchAll(/<[a-z]\w*((?:"[^"]*"|[^>"])*)>/gi)];
  const attributes = tags.map(([, text]) => text.replace(/\/$/, ''));
  return open.length === 0 && attributes.every((text) => /^(\s+[\w:-]+="[^"<&]*(&[#\w]+;[^"<&]*)*")*\s*$/.test(text));
}

t.test('plots: complete in themselves, with all that was measured', async (t) => {
  for (const [name, svg] of Object.entries(plots(run))) {
    if (!t.type(svg, 'string', name) || svg === undefined) continue;
    t.ok(wellFormed(svg), `${name} is well-formed`);
    t.notMatch(svg, /NaN|undefined|Infinity|⚠/);
    t.notMatch(svg.replaceAll('http://www.w3.org/2000/svg', ''), /https?:|url\(|@import|href/);
    t.match(svg, 'prefers-color-scheme: dark');
    t.match(svg, 'Imagined &#60;CPU&#62; @ 3 GHz');
    const used = new Set([...svg.matchAll(/var\((--[\w-]+)\)/g)].map(([, property]) => property));
    for (const property of used) t.ok(svg.includes(`${property}: #`), `${name} defines ${property} itself`);
  }
  const { ratios: bars, 'relation-time': lines } = plots(run);
  const other = ratio(find(run, 'imagenet', 'pytorch@2.13.0').seconds, find(run, 'imagenet', 'gld-loss').seconds);
  t.match(bars, `>${times(other)}<`);
  for (const text of ['2 threads', 'large-batch', 'TypeScript', 'not measured', '>100×<']) t.match(bars, text);
  for (const text of ['K = 1,000 classes', 'gld-loss moments', 'PyTorch', '>5,120<', '>10 ms<']) t.match(lines, text);
});

t.test('page: tables, plots, and what was not measured', async (t) => {
  const text = page(run, plots(run));
  const { document } = parseHTML(text);
  const loading = document.querySelectorAll('script, link, iframe, object, embed, base, img');
  t.equal(loading.length, 0, 'nothing is run or loaded');
  t.notMatch(text.replace(/<style>.*?<\/style>/gs, ''), /NaN|undefined|\[object|<CPU>/);
  t.equal(document.querySelectorAll('figure > svg').length, 4);
  const headings = [...document.querySelectorAll('h2')].map((node) => node.textContent);
  t.strictSame(headings, [
    'Whole steps',
    'The relation term',
    'Stages and the limits of the machine',
    'Memory',
    'Overhead and calls',
    'Not measured',
    'How to read this page',
    'Machine and versions',
  ]);
  t.match(text, 'PyTorch 1.13.0 compiled: PyTorch 1.13.0 has no torch.compile');
  t.match(text, 'expected to take longer than 60 s per repetition');
  t.match(
    present(document.querySelector('.lede')).textContent,
    /2 threads: the fastest contender \(PyTorch 2\.13\.0\) takes\s[\d.]+× to [\d.]+× as long/,
  );
});

t.test('runs with less in them', async (t) => {
  const shown = (record: RunRecord) => {
    const drawings = plots(record);
    t.notMatch(terminalReport(record) + summary(record), /NaN|undefined|Infinity/);
    t.notMatch(page(record, drawings).replace(/<style>.*?<\/style>/gs, ''), /NaN|undefined|Infinity/);
    return plotNames.filter((name) => drawings[name] !== undefined);
  };
  t.strictSame(shown({ ...run, measurements: [], memory: [], limits: [], products: [] }), []);
  t.match(
    page(
      { ...run, measurements: [], memory: [], limits: [], products: [] },
      plots({ ...run, measurements: [], memory: [] }),
    ),
    'memory: not in this run',
  );
  t.strictSame(shown(madeUpBenchmarks({ contenders: [], threads: [1] })), ['relation-time', 'floor', 'memory']);
  const alone = run.measurements.filter(({ contender }) => contender === 'pytorch@2.13.0');
  t.strictSame(shown({ ...run, measurements: alone }), ['relation-time', 'memory']);
  const skipped = run.measurements.map((one) => ({ ...one, seconds: [], skipped: 'no time' }));
  t.strictSame(shown({ ...run, measurements: skipped }), ['memory']);
  const forward = run.measurements.filter(({ mode, group }) => mode === 'forward' && group === 'step');
  t.strictSame(shown({ ...run, measurements: forward, memory: [] }), ['ratios', 'floor']);
  const one = run.measurements.map((one) => ({ ...one, seconds: one.seconds.slice(0, 1) }));
  t.strictSame(shown({ ...run, measurements: one }), [...plotNames]);
});

t.test('results.json: the same record again', async (t) => {
  const text = toJson(run);
  const again = fromJson(text);
  t.strictSame(toJson(again), text);
  t.strictSame({ ...again.environment }, run.environment);
  t.equal(terminalReport(again), terminalReport(run));
  t.throws(() => fromJson('{"format":3}'), { name: 'RangeError', message: /expected format 1 or 2, got 3/ });

  const broken = structuredClone(run);
  find(broken, 'imagenet', 'pytorch@2.13.0').error = { loss: Infinity, gradients: Infinity, reference: 'typescript' };
  t.match(terminalReport(fromJson(toJson(broken))), '∞ / ∞', 'an error without bound is not lost in JSON');
});

t.test('comparison: finds a planted slowdown and not the noise', async (t) => {
  const verdicts = (text: string) => text.split('\n').filter((line) => /SLOWER|faster/.test(line));
  const later = madeUpBenchmarks({ seed: 11 });
  const slow = find(later, 'imagenet', 'gld-loss');
  slow.seconds = slow.seconds.map((value) => 1.3 * value);
  const text = compare(run, later);
  t.notMatch(text, 'cannot be compared');
  const rows = text.split('\n').filter((line) => line.startsWith('│'));
  t.match(rows[1], /step imagenet gradients gld-loss 2t .* 1\.\d\d \+(29|3\d) % │ SLOWER/, 'largest change first');
  t.ok(verdicts(text).length <= 0.05 * run.measurements.length, 'hardly anything else is beyond the noise');
  t.strictSame(verdicts(compare(run, run)), []);
  t.ok(text.split('\n').every((line) => line.length <= 120));

  const fewer = { ...run, measurements: run.measurements.filter(({ contender }) => contender !== 'tfjs') };
  t.match(compare(run, fewer), /Only in a:\n {2}step cifar forward tfjs 1t/);
  t.match(compare(fewer, run), /Only in b:\n {2}step cifar forward tfjs 1t/);
  const single = run.measurements.map((one) => ({ ...one, seconds: one.seconds.slice(0, 1) }));
  t.match(compare(run, { ...run, measurements: single }), 'few samples');
});

t.test('comparison of different machines: by what was measured there', async (t) => {
  const other = structuredClone(run);
  other.environment.level = 'x86-64-v2';
  for (const one of other.limits) one.flopsPerSecond.float32 /= 2;
  for (const one of other.measurements) {
    one.seconds = one.seconds.map((value) => 2 * value);
    if (one.floor) one.floor.seconds *= 2;
  }
  const text = compare(run, other);
  t.match(text, /^These runs differ in what they ran on, so times cannot be compared/);
  t.match(text, 'level: x86-64-v4 and x86-64-v2');
  t.match(text, 'rate of float32 multiply-adds, 1t: changed by −50 %');
  t.match(text, /step cifar gradients PyTorch 2\.13\.0 2t +│ +[\d.]+× ours │ +[\d.]+× ours │ +1\.00 0\.0 %/);
  t.match(text.split('Nothing to compare it by:')[1], 'overhead overhead/n=1 gradients gld-loss 1t');
  t.notMatch(text, /SLOWER|faster/);
});

t.test('documents: the block is replaced, and nothing else', async (t) => {
  const mark = (what: string) => `<!-- benchmarks:${what} -->`;
  const before = `# Title\n\n${mark('begin')}\nold\n${mark('end')}\n\nafter\n`;
  const once = intoBlock(before, 'new');
  t.equal(once, `# Title\n\n${mark('begin')}\nnew\n${mark('end')}\n\nafter\n`);
  t.equal(intoBlock(once, 'new'), once, 'twice is as once');
  t.throws(() => intoBlock('nothing', 'new'), { name: 'RangeError', message: /benchmarks:begin/ });
  const shown = images('results', (name) => name === 'ratios.svg');
  t.strictSame(
    shown,
    ['![How many times as long contenders take for a step](results/ratios.svg)'],
    'files that are there',
  );

  const [own, other] = ['gld-loss', 'pytorch@2.13.0'].map((name) => find(run, 'imagenet', name));
  t.ok(measured(own) && measured(other));
  const [mine, theirs] = [own, other].map(({ seconds }) => digits(1e3 * median(seconds)));
  const cells = [mine, theirs, times(ratio(other.seconds, own.seconds))];
  t.ok(summary(run).includes(`| imagenet | 2 | ${cells.join(' | ')} |`));
  t.match(
    summary(run),
    /^Imagined <CPU> @ 3 GHz, 2 cores, engine level x86-64-v4; gld-loss 0\.1\.0, Node\.js 20\.20\.2,/,
  );
  t.match(summary(run), '2 January 2030, commit abc1234');
  const raised = [mine, `${theirs} ¹`, cells[2]];
  t.match(highlights({ A: run, B: run }), ` | ${[...raised, ...raised].join(' | ')} |`);
  t.match(highlights({ A: run, B: run }), /\n\n¹ PyTorch 2\.13\.0\.$/);
});

t.test('headlines: the fastest contender that is not crippled', async (t) => {
  const many = madeUpBenchmarks({
    contenders: ['pytorch@1.13.0', 'pytorch@2.13.0', 'pytorch-compile@2.13.0', 'tfjs', 'typescript'],
  });
  const row = (record: RunRecord) => {
    const [found] = lineups(record, { group: 'step', threads: 2, mode: 'gradients' });
    return fastest(record, found)?.contender;
  };
  t.equal(row(many), 'pytorch-compile@2.13.0');
  // The fastest of all, by a BLAS that is said to be slow.
  for (const one of many.measurements) {
    if (one.contender === 'pytorch@1.13.0') one.seconds = one.seconds.map((value) => value / 100);
  }
  t.equal(row(many), 'pytorch-compile@2.13.0');
  const { ratios } = plots(many);
  for (const text of [terminalReport(many), page(many, plots(many)), summary(many), present(ratios)]) {
    t.match(text, /\d× crippled/, 'the ratio of a crippled one says so');
  }
  t.match(terminalReport(many), /PyTorch 1\.13\.0 crippled/);
  t.match(terminalReport(many), '18.7 Gflop/s, 17 % crippled');
  t.notMatch(highlights({ A: many }), /crippled|1\.13/);
  t.match(highlights({ A: many }), '¹ PyTorch 2.13.0 compiled');
  const lede = present(parseHTML(page(many, plots(many))).document.querySelector('.lede')).textContent;
  t.match(lede, 'the fastest contender (PyTorch 2.13.0 compiled)');
  t.notMatch(lede, '1.13');
  t.match(summary(many), '| PyTorch 1.13.0 crippled | 2 | 37.4 Gflop/s, 17 % |');

  const alone = madeUpBenchmarks({ contenders: ['pytorch@1.13.0'] });
  t.equal(row(alone), undefined);
  const nothing = /no contender is on record whose products are known to reach half/;
  for (const text of [highlights({ A: alone }), summary(alone), page(alone, plots(alone))]) t.match(text, nothing);
  t.notMatch(highlights({ A: alone }), '×,');
  t.match(highlights({ A: alone }), ' | – | – |');
});

t.test('records of format 1: floors by a product, and no contender for a headline', async (t) => {
  const { products, limits, ...rest } = madeUpBenchmarks({ contenders: [] });
  t.ok(products.length > 0);
  const old = toJson({
    ...rest,
    format: 1,
    limits: limits.map(({ flopsPerSecond, flopsBy: _, ...one }) => ({ ...one, productFlopsPerSecond: flopsPerSecond })),
    measurements: rest.measurements.flatMap((one) => [one, { ...one, contender: 'pytorch-refblas' }]),
  } as never);
  const record = fromJson(old);
  t.match(record.limits, [{ flopsBy: 'Eigen', flopsPerSecond: limits[0].flopsPerSecond }, { threads: 2 }]);
  t.match(record.products, [{ by: 'Eigen', dtype: 'float32' }, { dtype: 'float64' }, { threads: 2 }, { threads: 2 }]);
  t.match(highlights({ A: record }), 'A: no contender is on record');
  t.match(terminalReport(record), 'multiply-adds in registers were not measured');
  t.match(terminalReport(record), 'PyTorch ref. BLAS');
  t.match(summary(record), 'floors are by a large product of Eigen');
  t.notMatch(terminalReport(record) + summary(record), /crippled|NaN|undefined/);
  t.match(plots(record).floor, 'a large product by Eigen');
  t.notMatch(compare(record, run), 'rate of float32', 'rates of products and of registers are not compared');
});

t.test('report: all files, and none of an earlier run', async (t) => {
  const folder = join(t.testdir(), 'new/results');
  const printed: unknown[] = [];
  t.intercept(console, 'log', { value: (text: unknown) => void printed.push(text) });
  await report(run, folder);
  const files = ['index.html', 'results.json', ...plotNames.map((name) => `${name}.svg`)].sort();
  t.strictSame(readdirSync(folder).sort(), files);
  t.strictSame(printed, [terminalReport(run)]);
  await report({ ...run, memory: [] }, folder);
  t.notOk(existsSync(join(folder, 'memory.svg')));
});
