// Test images and local logits in the report.
import { parseHTML } from 'linkedom';
import t from 'tap';
import { unpackBytes } from '../../report/packed-bytes.js';
import { type Answer, renderReport, type RunRecord } from '../../report/index.js';
import { present } from '../../present.js';
import { madeUpRun } from './made-up-run.js';
import { decodePng } from './png.js';

/** The text a reader sees, in one line. */
const seen = (node: Element | null): string => (node?.textContent ?? '').replace(/\s+/g, ' ').trim();

function section(run: RunRecord, heading: string): Element | undefined {
  const { document } = parseHTML(renderReport(run));
  return [...document.querySelectorAll('section')].find((one) => seen(one.querySelector('h2')) === heading);
}

const names = ['Teacher', 'Cross-entropy', 'Hinton KD', 'GLD without relation', 'Full GLD'];
const pixelsOf = (svg: Element | null): number[] =>
  decodePng(present(svg?.querySelector('image')?.getAttribute('href'))).rows.flat();
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

t.test('each image has its true class, and what each network takes it for', async (t) => {
  const run = madeUpRun({ seeds: [7, 8] });
  const images = present(section(run, 'Test images'));
  t.match(seen(images), 'The students are those of seed 7.');
  t.match(seen(images), /the first 200 test images are sorted .* and the first of each kind are shown/);
  t.strictSame([...images.querySelectorAll('h3')].map(seen), [
    'The arms differ: 57 of 200',
    'The arms agree, the teacher differs: 0 of 200',
    'Teacher and arms agree: 143 of 200',
  ]);
  const [differing, agreed, ...more] = images.querySelectorAll('figure');
  t.equal(more.length, 0);
  t.equal(seen(differing.querySelector('figcaption')), 'class <3>Test image 1');
  t.equal(seen(agreed.querySelector('figcaption')), 'class <9>Test image 5');
  t.equal(differing.querySelector('svg')?.getAttribute('aria-label'), 'Test image 1: class <3>');

  const { groups } = present(run.pictures);
  const [{ teacher, arms, pixels }] = groups[0].shown;
  t.strictSame(pixelsOf(differing.querySelector('svg')), [...unpackBytes(pixels)]);
  t.strictSame([...differing.querySelectorAll('dt')].map(seen), names);
  const answer = ({ class: taken, probability }: Answer) =>
    `${taken === 3 ? '✓' : '✗'} class <${taken}> ${percent(probability)}`;
  t.strictSame([...differing.querySelectorAll('dd')].map(seen), [teacher, ...arms].map(answer));
  t.strictSame(
    [...differing.querySelectorAll('dd span[role=img]')].map((mark) => mark.getAttribute('aria-label')),
    ['right', 'wrong', 'right', 'right', 'right'],
    'said in words too',
  );
});

t.test('local logits: a cell of colour for each probability, on one scale', async (t) => {
  const run = madeUpRun({ grid: [3, 2] });
  const { groups } = present(run.pictures);
  const [shown] = groups[0].shown;
  shown.arms[3].cells = [0, 1, 0.5, 0.25, 0.25, Number.NaN];
  const local = present(section(run, 'Local logits'));
  t.match(seen(local), /3 × 2 cells .* probability of the true class/);
  t.match(seen(local.querySelector('.scale')), /^0 % 100 %$/);
  t.strictSame([...local.querySelectorAll('h3')].map(seen), ['class <3>Test image 1', 'class <9>Test image 5']);
  const figures = [...present(local.querySelector('.cells')).querySelectorAll('figure')];
  t.strictSame(
    figures.map((figure) => seen(figure.querySelector('figcaption'))),
    ['Image', ...names],
  );
  for (const figure of figures) t.strictSame(pixelsOf(figure.querySelector('svg')), [...unpackBytes(shown.pixels)]);
  t.strictSame(
    figures.map((figure) => figure.querySelectorAll('rect').length),
    [0, 6, 6, 6, 6, 6],
  );

  const svg = present(figures[5].querySelector('svg'));
  t.equal(
    svg.getAttribute('aria-label'),
    'Test image 1, Full GLD: probability of class <3> by cell: 0.0 %, 100.0 %; 50.0 %, 25.0 %; 25.0 %, not finite',
  );
  const cells = [...svg.querySelectorAll('rect')];
  const number = (cell: Element, name: string): number => Number(cell.getAttribute(name));
  const colours = cells.map((cell) => cell.getAttribute('fill'));
  t.equal(colours[0], 'rgb(0,0,4)', 'the dark end of magma');
  t.equal(colours[1], 'rgb(252,253,191)', 'and its bright one');
  t.equal(colours[3], colours[4]);
  t.equal(colours[5], 'none');
  for (const [i, cell] of cells.entries()) {
    t.equal(cell.getAttribute('stroke'), colours[i], 'the frame has the colour itself');
    const half = number(cell, 'stroke-width') / 2;
    const [row, column] = [Math.floor(i / 2), i % 2];
    const near = (name: string, expected: number) =>
      t.ok(Math.abs(number(cell, name) - expected) < 2e-3, `${name} of cell ${i}`);
    near('x', column * 8 + half);
    near('y', (row * 16) / 3 + half);
    near('width', 8 - 2 * half);
    near('height', 16 / 3 - 2 * half);
  }
});

t.test('grey images', async (t) => {
  const run = madeUpRun({ channels: 1 });
  const grey = [...unpackBytes(present(run.pictures).groups[0].shown[0].pixels)];
  t.equal(grey.length, 256);
  t.strictSame(
    pixelsOf(present(section(run, 'Test images')?.querySelector('figure svg'))),
    grey.flatMap((value) => [value, value, value]),
  );
});

t.test('records with less in them', async (t) => {
  const global = madeUpRun({ grid: [0, 0] });
  t.ok(section(global, 'Test images'), 'without local rows, images have their answers');
  t.notOk(section(global, 'Local logits'), 'and no maps');

  const without = madeUpRun();
  delete without.pictures;
  t.notOk(section(without, 'Test images'));
  t.notOk(section(without, 'Local logits'));

  const diverged = madeUpRun();
  const [{ arms }] = present(diverged.pictures).groups[0].shown;
  arms[0] = { class: -1, probability: Number.NaN, cells: [Number.NaN, Number.NaN, Number.NaN, Number.NaN] };
  for (const run of [diverged, JSON.parse(JSON.stringify(diverged)) as RunRecord]) {
    t.equal(seen(present(section(run, 'Test images')?.querySelectorAll('dd')[1])), '✗ no class: logits are not finite');
    t.match(section(run, 'Local logits')?.querySelectorAll('svg')[2].getAttribute('aria-label'), /: not finite, not /);
  }
});
