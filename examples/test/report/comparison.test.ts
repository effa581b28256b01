// Differences between arms: their confidence intervals against published numbers, and what the tables say of them.
import { parseHTML } from 'linkedom';
import t, { type Test } from 'tap';
import { mean } from 'gld-loss-pages/numbers';
import { scoreTables } from '../../report/table.js';
import { present } from '../../present.js';
import { baselinesOf, confidenceInterval, differences, intervalText } from '../../report/comparison.js';
import { resultTable } from '../../report/headline.js';
import type { ScoredArm, Scores } from '../../report/scores.js';

const near = (t: Test, value: number, expected: number, tolerance: number, text: string) =>
  t.ok(Math.abs(value - expected) <= tolerance, `${text}: ${value}, expected ${expected}`);

/** An arm with a score for each seed 1, 2, … */
const armOf = (label: string, scores: number[]): ScoredArm => ({
  label,
  description: '',
  runs: scores.map((score, i) => ({ seed: i + 1, score, epochs: [{ epoch: 1, score }] })),
});

const first = armOf('First', [0.5, 0.6, 0.7]);
const better = armOf('Better', [0.52, 0.63, 0.72]);
const wild = armOf('Wild', [0.6, 0.55, 0.75]);
const scores: Scores = { measure: 'Test accuracy', arms: [first, better, wild] };

t.test('the 95 % confidence interval of a mean', async (t) => {
  // Quantiles of Student's t at 0.975 as tables print them, by degrees of freedom. Of these values the mean is 0 and the
  // standard error 1, so that the interval is the quantile.
  const table = { 1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 7: 2.365, 9: 2.262, 19: 2.093, 29: 2.045 };
  for (const [degrees, quantile] of Object.entries(table)) {
    const n = Number(degrees) + 1;
    const size = Math.sqrt((n * (n - 1)) / 2);
    const [low, high] = present(confidenceInterval([size, -size, ...new Array<number>(n - 2).fill(0)]));
    near(t, high, quantile, 5e-4, `n = ${n}`);
    near(t, low, -quantile, 5e-4, `n = ${n}, below`);
  }
  // Two drugs and the hours of sleep that ten patients gained by each ("Student", Biometrika 1908); the interval is that
  // which R prints for t.test of the pairs.
  const one = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2];
  const other = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
  const arms = [armOf('1', one), armOf('2', other)];
  const pairs = differences(arms, arms[1], arms[0]);
  const [low, high] = present(confidenceInterval(pairs));
  near(t, mean(pairs), 1.58, 1e-12, 'mean');
  near(t, low, 0.7001142, 5e-8, 'low');
  near(t, high, 2.4598858, 5e-8, 'high');
  t.equal(confidenceInterval([3]), undefined, 'a single value has none');
});

t.test('differences are those of the seeds that both arms have', async (t) => {
  const short = armOf('Short', [0.9]);
  short.runs[0].seed = 2;
  const arms = [first, short];
  near(t, differences(arms, short, first)[0], 0.3, 1e-12, 'seed 2');
  t.equal(differences(arms, short, first).length, 1);
  t.strictSame(differences(arms, first, first), [], 'none to itself');
  t.strictSame(differences(arms, first, short), [], 'none to a later one');
});

t.test('a star where the interval does not contain 0', async (t) => {
  t.equal(intervalText([0.02, 0.03, 0.02]), ' [+0.9, +3.8] *');
  t.equal(intervalText([-0.02, -0.03, -0.02]), ' [−3.8, −0.9] *');
  t.equal(intervalText([0.1, -0.05, 0.05]), ' [−15.6, +22.3]');
  t.equal(intervalText([0, 0]), ' [+0.0, +0.0]');
  t.equal(intervalText([0.1]), '', 'one seed has no interval');
});

t.test('the arms to compare with', async (t) => {
  const labels = (baselines?: string[]) =>
    baselinesOf({ ...scores, ...(baselines && { baselines }) }).map(({ label }) => label);
  t.strictSame(labels(), ['First'], 'the first if none is named');
  t.strictSame(labels(['Better', 'First']), ['First', 'Better'], 'in the order of the arms');
  t.strictSame(labels(['Better', 'Not run']), ['Better'], 'those that were run');
});

/** The cells of a table for the terminal, row by row. */
const cells = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('│'))
    .map((line) =>
      line
        .split('│')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

t.test('tables: differences to every baseline before an arm', async (t) => {
  const two: Scores = { ...scores, baselines: ['First', 'Better'] };
  const expected = [
    ['–', '–'],
    ['+2.3 [+0.9, +3.8] *', '–'],
    ['+3.3 [−15.6, +22.3]', '+1.0 [−19.3, +21.3]'],
  ];
  const text = scoreTables([['Title', two]]);
  const [head, ...rows] = cells(text);
  t.strictSame(head, ['arm', 'Test accuracy, %', 'vs. First, points', 'vs. Better, points', 'each seed, %']);
  t.strictSame(
    rows.map((row) => row.slice(2, 4)),
    expected,
  );
  t.match(text, /± is the sample standard deviation over 3 seeds.*95 % confidence.*2 degrees of freedom/s);

  const { document } = parseHTML(resultTable(two).toString());
  const page = [...document.querySelectorAll('tbody tr')].map((row) =>
    [...row.querySelectorAll('[data-label^="vs."]')].map((cell) => cell.textContent),
  );
  t.strictSame(page, expected, 'the page says the same');
  t.equal(document.querySelectorAll('thead th').length, document.querySelectorAll('tbody tr')[0].children.length);
  t.match(document.querySelector('.note')?.textContent, 'the 95 % confidence\ninterval');
});

t.test('tables of one seed have no intervals', async (t) => {
  const one: Scores = { ...scores, arms: [armOf('First', [0.5]), armOf('Other', [0.6])] };
  const text = scoreTables([['Title', one]]);
  t.strictSame(cells(text)[2], ['Other', '60.0', '+10.0', '60.0']);
  t.match(text, 'One seed shows no spread');
  t.notMatch(text, /±|\[/);
});
