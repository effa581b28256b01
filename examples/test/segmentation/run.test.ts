// npm run paper -- segmentation, as a user runs it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import t from 'tap';
import { study } from '../../paper/segmentation/index.js';
import { ignored, labelMap } from '../../paper/segmentation/labels.js';
import type { SegmentationRecord } from '../../paper/segmentation/record.js';
import { renderReport } from '../../paper/segmentation/report.js';
import { shownScenesOf } from '../../paper/tuning/scenes.js';
import { unpackBytes } from '../../report/packed-bytes.js';
import { killedAndResumed, outcome, readJob, readRecord, run, succeeds } from '../program.js';

const segmentation = ['paper/main.ts', 'segmentation'];

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

t.test('a run, and the same after a kill', async (t) => {
  const whole = join(t.testdir(), 'whole');
  const first = await run(...segmentation, ...tiny, '--out', whole);
  succeeds(t, first);
  t.match(first.err, /Segmentation of generated pictures, 32×32 pixels, of 1 to 4 objects .*5 trainings to do/s);
  const expected = await outcome(whole);
  const directory = join(t.testdir(), 'killed');
  await killedAndResumed(t, [...segmentation, ...tiny, '--out', directory], directory, ['segmentation-ce-seed5']);
  t.same(await outcome(directory), expected, 'all numbers are those of the undisturbed run');
});

t.test('--quick: the whole study, smaller', { timeout: 600_000 }, async (t) => {
  const directory = join(t.testdir(), 'quick');
  const ended = await run(...segmentation, '--quick', '--out', directory);
  succeeds(t, ended);
  const record = await readRecord<SegmentationRecord>(directory);
  t.equal(ended.out.slice(0, ended.out.lastIndexOf('\nTook ')), study.table(record), 'the table of the record');
  t.match(record, { version: 1, study: 'segmentation' });
  t.strictSame(
    record.arms.map(({ id, runs }) => [id, runs.map(({ seed }) => seed)]),
    [
      ['ce', [1, 2]],
      ['gld', [1, 2]],
    ],
  );
  const pixels = record.settings.side ** 2;
  const scenes = shownScenesOf(record.settings);
  for (const { id, runs, first } of record.arms) {
    t.strictSame(
      first.predicted.map((map) => unpackBytes(map).length),
      scenes.map(() => pixels),
    );
    for (const { seed, epochs, perClass } of runs) {
      const known = perClass.filter((value) => value !== null);
      t.equal(perClass.length, 6);
      t.ok(
        Math.abs(known.reduce((sum, value) => sum + value, 0) / known.length - epochs[epochs.length - 1].score) < 1e-9,
      );
      const { training } = (await readJob(directory, `segmentation-${id}-seed${seed}`)).state;
      t.ok(training.epochs[training.epochs.length - 1].trainLoss < training.epochs[0].trainLoss, 'it learns');
      for (const { trainLoss, terms } of training.epochs) t.ok(Math.abs(terms.crossEntropy - trainLoss) < 1e-6);
    }
  }
  for (const map of scenes.map(labelMap)) {
    t.equal(map.length, pixels);
    t.ok(map.includes(ignored) && map.every((label) => label === ignored || label < 6));
  }
  const page = await readFile(join(directory, 'report.html'), 'utf8');
  t.equal(page, renderReport(record), 'the report is made from the record alone');
  const { document } = parseHTML(page);
  t.equal(document.querySelectorAll('script, link, iframe').length, 0, 'nothing is run or loaded');
  t.notOk(/NaN|undefined|\[object|Infinity/.test(page.replaceAll(/base64,[\w+/=]+/g, '')));
  t.equal(document.querySelectorAll('.picture').length, 3 * scenes.length, 'truth and two arms for every scene');
});
