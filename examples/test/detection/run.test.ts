// npm run paper -- detection, as a user runs it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseHTML } from 'linkedom';
import t from 'tap';
import { study } from '../../paper/detection/index.js';
import type { DetectionRecord } from '../../paper/detection/record.js';
import { renderReport } from '../../paper/detection/report.js';
import { shownScenesOf } from '../../paper/tuning/scenes.js';
import { killedAndResumed, outcome, readJob, readRecord, run, start, succeeds } from '../program.js';

const detection = ['paper/main.ts', 'detection'];

/** A few pictures, steps and weights: a run in seconds. */
const tiny = [
  '--object-size',
  '64',
  '--train-size',
  '64',
  '--test-size',
  '20',
  '--teacher',
  'cnn3',
  '--student',
  'cnn2',
  '--teacher-epochs',
  '1',
  '--backbone-epochs',
  '1',
  '--epochs',
  '2',
  '--seeds',
  '5',
];

t.test('a run, and the same after a kill and an interrupt', async (t) => {
  const whole = join(t.testdir(), 'whole');
  const first = await run(...detection, ...tiny, '--out', whole);
  succeeds(t, first);
  t.match(first.err, /Detection in generated pictures, 32×32 pixels, of 1 to 4 objects .*5 trainings to do/s);
  const expected = await outcome(whole);

  t.test('killed and resumed', async (t) => {
    const directory = join(t.testdir(), 'killed');
    await killedAndResumed(t, [...detection, ...tiny, '--out', directory], directory, ['detector-ce-seed5']);
    t.same(await outcome(directory), expected, 'all numbers are those of the undisturbed run');
  });

  t.test('interrupted and resumed', async (t) => {
    const directory = join(t.testdir(), 'interrupted');
    const { child, ended } = start([...detection, ...tiny, '--out', directory]);
    while (!(await readJob(directory, 'ce-seed5').catch(() => undefined))) await sleep(2);
    child.kill('SIGINT');
    t.match(await ended, { code: 130, signal: null, err: `npm run paper -- detection --resume ${directory}` });
    succeeds(t, await run(...detection, '--resume', directory, '--threads', '1'));
    t.same(await outcome(directory), expected);
  });
});

t.test('--quick: the whole study, smaller', { timeout: 600_000 }, async (t) => {
  const directory = join(t.testdir(), 'quick');
  const ended = await run(...detection, '--quick', '--out', directory);
  succeeds(t, ended);
  const record = await readRecord<DetectionRecord>(directory);
  t.equal(ended.out.slice(0, ended.out.lastIndexOf('\nTook ')), study.table(record), 'the table of the record');
  t.match(record, { version: 1, study: 'detection', description: { network: { defaultBoxes: 1344 } } });
  t.strictSame(
    record.arms.map(({ id, runs }) => [id, runs.map(({ seed }) => seed)]),
    [
      ['ce', [1, 2]],
      ['gld', [1, 2]],
    ],
  );
  const scenes = shownScenesOf(record.settings);
  for (const { id, runs, first } of record.arms) {
    t.equal(first.found.length, scenes.length);
    for (const { seed, epochs, perClass, precision } of runs) {
      const { score } = epochs[epochs.length - 1];
      const known = perClass.filter((value) => value !== null);
      t.ok(Math.abs(known.reduce((sum, value) => sum + value, 0) / known.length - score) < 1e-9);
      t.ok(precision.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value <= precision[i - 1])));
      const { training } = (await readJob(directory, `detector-${id}-seed${seed}`)).state;
      t.ok(training.epochs[training.epochs.length - 1].trainLoss < training.epochs[0].trainLoss, 'it learns');
      for (const { trainLoss, terms } of training.epochs) {
        t.ok(Math.abs(terms.classes + terms.offsets - trainLoss) < 1e-4, 'the loss is the sum of its terms');
      }
    }
  }
  const page = await readFile(join(directory, 'report.html'), 'utf8');
  t.equal(page, renderReport(record), 'the report is made from the record alone');
  const { document } = parseHTML(page);
  t.equal(document.querySelectorAll('script, link, iframe').length, 0, 'nothing is run or loaded');
  t.notOk(/NaN|undefined|\[object|Infinity/.test(page.replaceAll(/base64,[\w+/=]+/g, '')));
  const pictures = [...document.querySelectorAll('.picture')];
  t.equal(pictures.length, 2 * scenes.length);
  pictures.forEach((picture, i) => {
    const dashed = picture.querySelectorAll('rect[stroke-dasharray]').length;
    t.equal(dashed, scenes[Math.floor(i / 2)].objects.length, 'every object has its box');
    t.equal(picture.querySelectorAll('text').length, record.arms[i % 2].first.found[Math.floor(i / 2)].length);
  });
});
