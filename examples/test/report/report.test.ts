import { parseHTML } from 'linkedom';
import t from 'tap';
import { type RelationMatrix, relationMatrix, renderReport, type RunRecord } from '../../report/index.js';
import { significant } from 'gld-loss-pages/numbers';
import { present } from '../../present.js';
import { madeUpRun } from './made-up-run.js';
import { decodePng } from './png.js';

const open = (run: RunRecord): Document => parseHTML(renderReport(run)).document;

/** The text a reader sees, in one line. */
const seen = (node: Element | null): string => (node?.textContent ?? '').replace(/\s+/g, ' ').trim();

/** The section with this heading; fails when there is none. */
function section(document: Document, heading: string): Element {
  const found = [...document.querySelectorAll('section')].find((one) => seen(one.querySelector('h2')) === heading);
  if (found === undefined) throw new Error(`no section '${heading}'`);
  return found;
}

const headings = (document: Document): string[] => [...document.querySelectorAll('h2')].map(seen);

t.test('the page is complete in itself', async (t) => {
  const run = madeUpRun();
  const page = renderReport(run);
  t.ok(page.startsWith('<!doctype html>\n<html lang="en">'));
  const { document } = parseHTML(page);
  t.equal(document.querySelectorAll('script, link, iframe, object, embed, base').length, 0, 'nothing is run or loaded');
  for (const element of document.querySelectorAll('[src], [href], [xlink\\:href]')) {
    t.match(element.getAttribute('src') ?? element.getAttribute('href'), /^data:image\/png;base64,/);
  }
  const text = page.replaceAll('http://www.w3.org/2000/svg', '').replaceAll(/data:image\/png;base64,[\w+/=]+/g, '');
  t.strictSame(text.match(/https?:|url\(|@import/g), null, 'no address of anything');
  t.strictSame(text.match(/NaN|undefined|\[object/g), null);
  for (const svg of document.querySelectorAll('svg')) {
    t.ok(svg.getAttribute('aria-label'), 'every picture has a name');
    t.ok(svg.getAttribute('viewBox'), 'and scales');
  }
  t.notOk(/class <\d>/.test(page), 'names are escaped');
  t.match(seen(section(document, 'Settings and machine')), 'npm start -- --seeds 1,2,3 --out "a & b"');
  t.ok(renderReport(JSON.parse(JSON.stringify(run)) as RunRecord) === page, 'the record is plain JSON');
});

t.test('curves say which images they are of', async (t) => {
  const run = madeUpRun();
  const curves = () => section(open(run), 'Learning curves');
  t.match(seen(curves()), /Test accuracy after every epoch.*The thin line is the teacher.s own training/s);
  run.settings.validationSize = 500;
  run.teacher.epochs = [];
  t.match(seen(curves()), 'Validation accuracy after every epoch');
  t.notMatch(seen(curves()), 'own training');
  t.match(curves().querySelector('svg')?.getAttribute('aria-label'), 'Validation accuracy of every arm by epoch');
});

t.test('the table has every arm with mean, deviation and all seeds', async (t) => {
  const run = madeUpRun();
  const rows = [...section(open(run), 'Results').querySelectorAll('tbody tr')];
  t.equal(rows.length, 4);
  const percent = (value: number): string => (100 * value).toFixed(1);
  rows.forEach((row, i) => {
    const { label, runs } = run.arms[i];
    const values = runs.map((one) => one.testAccuracy);
    const mean = (values[0] + values[1] + values[2]) / 3;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2);
    t.match(seen(row.querySelector('th')), label);
    t.equal(seen(row.querySelector('.figure')), `${percent(mean)} ± ${percent(deviation)}`);
    t.strictSame([...row.querySelectorAll('.seeds span')].map(seen), values.map(percent));
    t.equal(row.querySelectorAll('circle').length, 3, 'a dot per seed');
    if (i === 0) return;
    const gains = runs.map((one, s) => one.testAccuracy - run.arms[0].runs[s].testAccuracy);
    t.match(seen(row.querySelector('.number')), `+${percent((gains[0] + gains[1] + gains[2]) / 3)} [`);
  });
  t.match(seen(section(open(run), 'Results').querySelector('tfoot')), percent(run.teacher.testAccuracy));
});

t.test('the opening sentence says what came out, also when it is not what was hoped for', async (t) => {
  const lede = (run: RunRecord): string => seen(open(run).querySelector('.lede'));
  const run = madeUpRun();
  t.match(
    lede(run),
    /^Full GLD came out best with [\d.]+ ± [\d.]+ %; Cross-entropy reached [\d.]+ ± [\d.]+ %, and the difference is larger/,
  );
  const wild = run.arms[3].runs.map((one, i) => ({ ...one, testAccuracy: [0.7, 0.99, 0.8][i] }));
  t.match(lede({ ...run, arms: [run.arms[0], { ...run.arms[3], runs: wild }] }), /and the difference is not larger/);
  const turned = { ...run, arms: [run.arms[3], run.arms[0]] };
  t.match(lede(turned), /^No arm did better than Full GLD, with /);
  t.match(seen(section(open(turned), 'Results').querySelector('tbody')), /−[\d.]+ \[−/, 'a loss has its sign');
});

t.test('curves: a line per arm, for wide and narrow screens', async (t) => {
  const run = madeUpRun();
  const document = open(run);
  const curves = section(document, 'Learning curves');
  for (const layout of ['figure > .wide', 'figure > .narrow']) {
    const svg = curves.querySelector(`${layout} svg`);
    t.equal(svg?.querySelectorAll('[aria-label=line] path').length, 5, `${layout}: four arms and the teacher`);
    t.equal(svg?.querySelectorAll('[aria-label=area] path').length, 4, 'four bands');
  }
  const terms = section(document, 'What the loss is made of');
  const lines = [...terms.querySelectorAll('svg')].map((svg) => [
    svg.getAttribute('aria-label'),
    svg.querySelectorAll('[aria-label=area] path').length,
    svg.querySelectorAll('[aria-label=line] path').length,
  ]);
  t.strictSame(lines, [
    ['Terms of the loss of Cross-entropy by epoch', 1, 0],
    ['Terms of the loss of Hinton KD by epoch', 2, 0],
    ['Terms of the loss of GLD without relation by epoch', 3, 0],
    ['Terms of the loss of Full GLD by epoch', 4, 0],
    ['The task term by epoch', 4, 4],
    ['The global term by epoch', 3, 3],
    ['The local term by epoch', 2, 2],
    ['The relation term by epoch', 1, 1],
  ]);
});

t.test('heat maps: ordered by class, on one scale, with their distance from the teacher', async (t) => {
  const run = madeUpRun({ seeds: [1] });
  const matrix = (data: number[]): RelationMatrix => ({ size: 3, data, rowLabels: [7, 2, 7] });
  run.teacher.relationMatrix = matrix([0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5, 0]);
  for (const arm of run.arms) delete arm.runs[0].relationMatrix;
  run.arms[3].runs[0].relationMatrix = matrix([0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0]);
  const relations = section(open(run), 'Relations between logits');
  const maps = [...relations.querySelectorAll('.map')];
  t.strictSame(
    maps.map((map) => seen(map.querySelector('figcaption'))),
    ['Teacher', 'Full GLDseed 1'],
  );
  const pictures = maps.map((map) => decodePng(present(map.querySelector('image')?.getAttribute('href'))));
  const half = pictures[0].rows[0][1];
  t.ok(half === 127 || half === 128);
  // Row 1 is of class 2 and comes first; rows 0 and 2, of class 7, follow in their order.
  t.strictSame(pictures[0], {
    width: 3,
    height: 3,
    rows: [
      [0, half, half],
      [half, 0, 255],
      [half, 255, 0],
    ],
  });
  t.strictSame(pictures[1], {
    width: 3,
    height: 3,
    rows: [
      [0, half, half],
      [half, 0, half],
      [half, half, 0],
    ],
  });
  t.strictSame([...maps[0].querySelectorAll('title')].map(seen), ['class <2>', 'class <7>']);
  t.match(seen(maps[1]), `distance to the teacher’s: ${significant((2 * 0.25) / 9)}`);
});

t.test('the matrix: squared distances, every row of length one', async (t) => {
  const { size, data, rowLabels } = relationMatrix([0, 0, 3, 4, 0, 1], [0, 1, 1]);
  t.equal(size, 3);
  t.strictSame(rowLabels, [0, 1, 1]);
  const rows = [
    [0, 25, 1],
    [25, 0, 18],
    [1, 18, 0],
  ].flatMap((row) => row.map((value) => value / Math.hypot(...row)));
  t.ok(data.every((value, i) => Math.abs(value - rows[i]) < 1e-5));
  t.strictSame(relationMatrix([1, 2, 1, 2], [0, 0]).data, [0, 0, 0, 0], 'equal rows leave a zero row');
  t.throws(() => relationMatrix([1, 2, 3], [0, 0]), { name: 'RangeError', message: /^logits: expected a mult/ });
  t.throws(() => relationMatrix([], []), { name: 'RangeError' });
});

t.test('β is put in relation to the number of rows', async (t) => {
  const text = (settings: Partial<RunRecord['settings']>): string => {
    const run = madeUpRun({ seeds: [1], images: 2 });
    return seen(section(open({ ...run, settings: { ...run.settings, ...settings } }), 'β and the number of rows'));
  };
  t.match(
    text({}),
    'm = 320, the term is at most 0.00625 in a full batch, and β = 500 weighs it exactly as much as the authors do there',
  );
  t.match(
    text({ batchSize: 256 }),
    'm = 1,280, the term is at most 0.00156 in a full batch, and β = 500 weighs it 0.25 times as much',
  );
  t.match(text({ grid: [3, 1], batchSize: 96 }), /m = 4n logit rows.*n = 96, m = 384,/);
  t.match(
    text({ reduction: 'row', beta: 1.5625, batchSize: 256 }),
    /by 1 in .* not depend on the batch.*exactly as much/,
  );
  t.match(text({ reduction: { rows: 320 }, batchSize: 256 }), /by 320 in .* not depend on the batch.*exactly as much/);
  t.match(text({ reduction: { rows: 640 } }), /It weighs the relation 0.5 times as much .* their weight is β = 1,000 /);
});

t.test('records with less in them', async (t) => {
  const all = [
    'Results',
    'Learning curves',
    'What the loss is made of',
    'Relations between logits',
    'Test images',
    'Local logits',
    'β and the number of rows',
    'How to read this page',
    'Settings and machine',
  ];
  t.strictSame(headings(open(madeUpRun())), all);

  const one = madeUpRun({ seeds: [5], studentEpochs: 1, images: 2 });
  const single = open(one);
  t.strictSame(headings(single), all);
  t.notMatch(seen(section(single, 'Results').querySelector('tbody')), '±');
  t.notOk(renderReport(one).includes('⚠'), 'Plot has no complaint');
  t.match(seen(section(single, 'Results')), 'One seed shows no spread');

  const bare = madeUpRun();
  delete bare.teacher.relationMatrix;
  delete bare.pictures;
  for (const arm of bare.arms) {
    for (const one of arm.runs) {
      delete one.relationMatrix;
      for (const epoch of one.epochs) delete epoch.terms;
    }
  }
  t.strictSame(
    headings(open(bare)),
    all.filter((heading) => !/loss|Relations|images|Local/.test(heading)),
  );

  const none = madeUpRun({ seeds: [] });
  t.match(seen(open(none).querySelector('.lede')), 'No student has been trained yet');

  const many = madeUpRun({ images: 2 });
  many.settings.classes = Array.from({ length: 100 }, (_, k) => `name ${k}`);
  t.notMatch(seen(section(open(many), 'Relations between logits')), 'Classes in order');

  const diverged = madeUpRun({ images: 2 });
  diverged.arms[3].runs[0].epochs.forEach((epoch) => {
    epoch.trainLoss = Number.NaN;
    epoch.terms = { task: Number.NaN, global: Infinity, local: Number.NaN, relation: Number.NaN };
  });
  present(diverged.arms[3].runs[0].relationMatrix).data.fill(Number.NaN);
  t.strictSame(headings(open(diverged)), all, 'a run that diverged has a report as well');
  t.notOk(/ (d|x|y|cx|cy|x1|y1)="[^"]*NaN/.test(renderReport(diverged)), 'and no broken drawing');
  t.match(seen(section(open(diverged), 'Relations between logits')), 'distance to the teacher’s: not finite');
  const stored = JSON.parse(JSON.stringify(diverged)) as RunRecord;
  t.strictSame(headings(open(stored)), all, 'also after JSON has turned its NaN into null');
});
