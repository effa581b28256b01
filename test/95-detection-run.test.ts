import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseHTML } from 'linkedom';
import t from 'tap';
import type { DetectionRecord } from '../examples/paper/detection/record.js';
import { renderReport } from '../examples/paper/detection/report.js';
import { resultTables } from '../examples/paper/detection/scores.js';
import { command, inTheMiddle, learnt, readJob, succeeds } from './95-runs.js';

const { start, run } = command(new URL('../examples/paper/main.ts', import.meta.url).pathname, 'detection');

/** A few pictures, steps and weights: a run in seconds. */
const tiny = ['--object-size', '64', '--train-size', '64', '--test-size', '20', '--teacher', 'cnn3', '--student', 'cnn2',
  '--teacher-epochs', '1', '--backbone-epochs', '1', '--epochs', '2', '--seeds', '5'];

const readRecord = async (directory: string) =>
  JSON.parse(await readFile(join(directory, 'results.json'), 'utf8')) as DetectionRecord;

/** What a run computed, without what depends on the clock. */
async function outcome(directory: string): Promise<unknown> {
  const { arms, teacher, scenes } = await readRecord(directory);
  const timeless = JSON.stringify({ arms, teacher, scenes },
    (key, value: unknown) => (key === 'seconds' ? undefined : value));
  return { record: JSON.parse(timeless) as unknown, tensors: await learnt(directory) };
}

t.test('a run, and the same after a kill and an interrupt', async (t) => {
  const whole = join(t.testdir(), 'whole');
  const first = await run(...tiny, '--out', whole);
  succeeds(t, first);
  t.match(first.err, /Detection in generated pictures, 32×32 pixels, of 1 to 4 objects .*5 trainings to do/s);
  const tensors = await learnt(whole);
  t.strictSame([...tensors.keys()], ['ce-seed5', 'detector-ce-seed5', 'detector-gld-seed5', 'gld-seed5', 'teacher']);
  const expected = await outcome(whole);

  t.test('killed and resumed', async (t) => {
    const directory = join(t.testdir(), 'killed');
    const { child, ended } = start([...tiny, '--out', directory, '--checkpoint-every', '0', '--workers', '1']);
    await Promise.race([inTheMiddle(directory, 'detector-ce-seed5'), ended]);
    child.kill('SIGKILL');
    t.match(await ended, { code: null, signal: 'SIGKILL' });
    t.equal((await readJob(directory, 'detector-ce-seed5')).state.finished, false);
    succeeds(t, await run('--resume', directory));
    t.same(await outcome(directory), expected, 'all numbers are those of the undisturbed run');
  });

  t.test('interrupted and resumed', async (t) => {
    const directory = join(t.testdir(), 'interrupted');
    const { child, ended } = start([...tiny, '--out', directory]);
    while (!(await readJob(directory, 'ce-seed5').catch(() => undefined))) await sleep(2);
    child.kill('SIGINT');
    t.match(await ended, { code: 130, signal: null, err: `npm run paper -- detection --resume ${directory}` });
    succeeds(t, await run('--resume', directory, '--threads', '1'));
    t.same(await outcome(directory), expected);
  });
});

t.test('--quick: the whole study, smaller', { timeout: 600_000 }, async (t) => {
  const directory = join(t.testdir(), 'quick');
  const ended = await run('--quick', '--out', directory);
  succeeds(t, ended);
  const record = await readRecord(directory);
  t.equal(ended.out.slice(0, ended.out.lastIndexOf('\nTook ')), resultTables(record), 'the table of the record');
  t.match(record, { version: 1, study: 'detection', description: { detector: { defaultBoxes: 1344 } } });
  t.strictSame(record.arms.map(({ id, runs }) => [id, runs.map(({ seed }) => seed)]), [['ce', [1, 2]], ['gld', [1, 2]]]);
  for (const { runs, found } of record.arms) {
    t.equal(found.length, record.scenes.length);
    for (const { epochs, perClass, precision } of runs) {
      const { score } = epochs[epochs.length - 1];
      const known = perClass.filter((value) => value !== null);
      t.ok(Math.abs(known.reduce((sum, value) => sum + value, 0) / known.length - score) < 1e-9);
      t.ok(precision.every((value, i) => value >= 0 && value <= 1 && (i === 0 || value <= precision[i - 1])));
      t.ok(epochs[epochs.length - 1].trainLoss < epochs[0].trainLoss, 'it learns');
      for (const { trainLoss, terms } of epochs) {
        t.ok(Math.abs(terms['classes'] + terms['offsets'] - trainLoss) < 1e-4, 'the loss is the sum of its terms');
      }
    }
  }
  const page = await readFile(join(directory, 'report.html'), 'utf8');
  t.equal(page, renderReport(record), 'the report is made from the record alone');
  const { document } = parseHTML(page);
  t.equal(document.querySelectorAll('script, link, iframe').length, 0, 'nothing is run or loaded');
  t.notOk(/NaN|undefined|\[object|Infinity/.test(page.replaceAll(/base64,[\w+/=]+/g, '')));
  const pictures = [...document.querySelectorAll('.picture')];
  t.equal(pictures.length, 2 * record.scenes.length);
  pictures.forEach((picture, i) => {
    const dashed = picture.querySelectorAll('rect[stroke-dasharray]').length;
    t.equal(dashed, record.scenes[Math.floor(i / 2)].objects.length, 'every object has its box');
    t.equal(picture.querySelectorAll('text').length, record.arms[i % 2].found[Math.floor(i / 2)].length);
  });
});
