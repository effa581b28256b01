import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { loadDataset } from '../../data/index.js';
import type { StudentResult } from '../../distill/jobs.js';
import { unpackBytes } from '../../report/packed-bytes.js';
import type { RunRecord } from '../../report/types.js';
import { present } from '../../present.js';
import { writeIdxFiles } from '../data/idx-files.js';
import { killedAndResumed, outcome, readJob, readRecord, run as runProgram, start, succeeds } from '../program.js';

const main = 'distill/main.ts';
const run = (...args: string[]) => runProgram(main, ...args);

/** A few images, steps and weights: a run of all arms in seconds. */
const tiny = [
  '--dataset',
  'shapes',
  '--train-size',
  '48',
  '--test-size',
  '20',
  '--batch',
  '8',
  '--teacher',
  'cnn3',
  '--student',
  'cnn2',
  '--teacher-epochs',
  '2',
  '--epochs',
  '2',
  '--seeds',
  '5',
];

t.test('the main job, and the same after kills and interrupts', async (t) => {
  const whole = join(t.testdir(), 'whole');
  const first = await run(...tiny, '--out', whole);
  succeeds(t, first);
  t.match(first.out, /Students cnn2 \(.* parameters\) of cnn3 \(.*\), on 20 test images\. Teacher: .* %/);
  for (const label of ['Cross-entropy', 'Hinton KD', 'Full GLD']) t.match(first.out, label);
  t.match(first.err, /100.0 %, 0:00 left: .* done, accuracy .* \(5 of 5\)/);

  const record = await readRecord<RunRecord>(whole);
  t.match(record, {
    version: 1,
    settings: { dataset: 'shapes', trainSize: 48, testSize: 20, alpha: 0.7, beta: 500, grid: [2, 2], seeds: [5] },
    teacher: { name: 'cnn3', epochs: { length: 2 } },
    student: { name: 'cnn2' },
  });
  t.same(
    record.arms.map(({ id, runs }) => [id, runs.length, runs[0].epochs.length]),
    [
      ['ce', 1, 2],
      ['kd', 1, 2],
      ['gld', 1, 2],
    ],
  );
  t.same(
    record.arms.map(({ runs }) => Object.keys(present(runs[0].epochs[0].terms))),
    [['task'], ['task', 'global'], ['task', 'global', 'local', 'relation']],
  );
  for (const { id, runs, weights } of record.arms) {
    for (const { trainLoss, terms } of runs[0].epochs) {
      const sum = Object.entries(present(terms)).reduce(
        (total, [name, value]) => total + present(weights[name as 'task']) * value,
        0,
      );
      t.ok(Math.abs(sum - trainLoss) < 1e-5 * Math.max(1, trainLoss), `${id}: the loss is the sum of its terms`);
    }
    t.equal(present(runs[0].relationMatrix).size, 80, '16 images of 5 rows');
  }
  t.equal(present(record.teacher.relationMatrix).size, 80);
  const page = await readFile(join(whole, 'report.html'), 'utf8');
  t.match(page, /^<!doctype html>.*<h2>Test images<.*<h2>Local logits</is);
  const expected = await outcome(whole);

  t.test('the record has what the networks take the test images for', async (t) => {
    const { test } = await loadDataset('shapes', { seed: 1, trainSize: 48, testSize: 20 });
    const labels: number[] = [];
    for await (const batch of test.batches({ batchSize: 20 })) labels.push(...batch.labels);
    const accuracies = [record.teacher.testAccuracy, ...record.arms.map(({ runs }) => runs[0].testAccuracy)];
    const ids = ['teacher', ...record.arms.map(({ id }) => `${id}-seed5`)];
    const answers = await Promise.all(
      ids.map(async (id) => ((await readJob(whole, id)).state.result as StudentResult).answers),
    );
    t.same(
      answers.map((given) => given.filter((answer, i) => answer.class === labels[i]).length / 20),
      accuracies,
      'as often right as the epochs say',
    );
    const { candidates, groups } = present(record.pictures);
    t.equal(candidates, 20);
    t.equal(
      groups.reduce((sum, { count }) => sum + count, 0),
      20,
      'each image is of one kind',
    );
    for (const { position, label, pixels, teacher, arms } of groups.flatMap(({ shown }) => shown)) {
      t.equal(label, labels[position]);
      t.equal(unpackBytes(pixels).length, 16 * 16 * 3);
      t.same(
        [teacher, ...arms],
        answers.map((given) => given[position]),
      );
      t.equal(teacher.cells.length, 4);
    }
  });

  t.test('killed twice and resumed', async (t) => {
    const directory = join(t.testdir(), 'killed');
    await killedAndResumed(t, [main, ...tiny, '--out', directory], directory, ['teacher', 'gld-seed5']);
    t.same(await outcome(directory), expected, 'all numbers are those of the undisturbed run');
  });

  t.test('interrupted and resumed', async (t) => {
    const directory = join(t.testdir(), 'interrupted');
    const { child, ended } = start([main, ...tiny, '--out', directory]);
    while (!(await readJob(directory, 'ce-seed5').catch(() => undefined))) await sleep(2);
    child.kill('SIGINT');
    t.match(await ended, { code: 130, signal: null, err: `npm start -- --resume ${directory}` });
    const teacher = join(directory, 'checkpoints', 'teacher.safetensors');
    const before = await readJob(directory, 'teacher').catch(() => undefined);
    const written = before?.state.finished ? (await stat(teacher)).mtimeMs : undefined;
    succeeds(t, await run('--resume', directory, '--threads', '1'));
    if (written !== undefined) t.equal((await stat(teacher)).mtimeMs, written, 'what was finished was not done again');
    t.same(await outcome(directory), expected);
  });
});

t.test('wrong command lines end with code 2 and a hint', async (t) => {
  const hint = /^--bta: .* did you mean '--beta'\?\nAll options: npm start -- --help\n$/;
  t.match(await run('--bta', '5'), { code: 2, out: '', err: hint });
  const directory = t.testdir({ file: '' });
  t.match(await run('--out', directory), { code: 2, err: /expected a new or empty folder; .* --resume / });
  t.match(await run('--resume', directory), { code: 2, err: /expected the folder of a run, found no settings.json/ });
  t.match(await run(...tiny, '--grid', '9', '--out', join(directory, 'run')), {
    code: 2,
    err: /--grid: expected at most the teacher's feature map of 8 x 8, got 9 x 9/,
  });
});

t.test('garments, with images for validation and a teacher that is there', async (t) => {
  const directory = t.testdir();
  const data = writeIdxFiles(join(directory, 'idx'), 80, 20);
  const options = [
    '--data',
    data,
    '--train-size',
    '48',
    '--validation-size',
    '24',
    '--student',
    'cnn2',
    '--epochs',
    '2',
  ];
  const ended = await run(...options, '--seeds', '5', '--out', join(directory, 'run'));
  succeeds(t, ended);
  t.match(ended.err, /48 of 80 training and 20 test images of Fashion-MNIST/);
  const { settings, teacher, arms } = await readRecord<RunRecord>(join(directory, 'run'));
  t.match(settings, { dataset: 'fashion-mnist', validationSize: 24, testSize: 20 });
  t.match(teacher, { name: 'fashion-mnist-resnet8.onnx', epochs: { length: 0 } });
  t.same(
    arms.map(({ id }) => id),
    ['ce', 'kd', 'gld'],
  );
  for (const { runs } of arms) {
    t.equal((24 * runs[0].epochs[1].score) % 1, 0, 'curves are of the validation images');
    t.equal(Math.round(20 * runs[0].testAccuracy * 1e9) % 1e9, 0, 'the result is of the test images');
  }
  const missing = await run('--data', directory, '--out', join(directory, 'missing'));
  t.match(missing, { code: 1, err: /expected this file, packed by gzip or not, found none/ });
});

t.test("CIFAR files, with the paper's recipe and a residual network", async (t) => {
  const directory = t.testdir();
  const data = join(directory, 'cifar-100-binary');
  const records = (count: number) =>
    Uint8Array.from({ length: count * 3074 }, (_, i) => (i % 3074 < 2 ? Math.floor(i / 3074) % 20 : (i * 7919) % 256));
  await mkdir(data);
  await writeFile(join(data, 'train.bin'), records(16));
  await writeFile(join(data, 'test.bin'), records(6));
  const cifar = (out: string) => [
    '--dataset',
    'cifar100',
    '--data',
    directory,
    '--recipe',
    'paper',
    '--teacher',
    'resnet8',
    '--student',
    'resnet8',
    '--epochs',
    '2',
    '--batch',
    '8',
    '--arms',
    'gld',
    '--seeds',
    '1',
    '--out',
    join(directory, out),
  ];

  const first = await run(...cifar('run'));
  succeeds(t, first);
  const record = await readRecord<RunRecord>(join(directory, 'run'));
  t.equal(record.settings.classes.length, 100);
  t.match(record.settings, {
    imageShape: [32, 32, 3],
    trainSize: 16,
    testSize: 6,
    optimizer:
      'SGD, momentum 0.9, weight decay 0.0005, learning rate 0.1 times 0.1 at 50 % and at 75 % of the epochs, ' +
      'growing from 0 over the first epoch',
  });
  t.equal(record.arms.length, 1);

  await truncate(join(data, 'train.bin'), 5000);
  t.match(await run(...cifar('truncated')), { code: 1, err: /train\.bin: expected a whole number of records of 3074/ });
  await rm(join(data, 'train.bin'));
  await rm(join(data, 'test.bin'));
  t.match(await run(...cifar('missing')), { code: 1, err: /expected .*train\.bin.* of cifar100.*Download https:/ });
  t.same((await readdir(directory)).sort(), ['cifar-100-binary', 'run'], 'a run that could not begin leaves nothing');
});
