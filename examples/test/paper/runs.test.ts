// npm run paper: the ablation and the transfer study as a user runs them.
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import t from 'tap';
import type { ClassificationRecord } from '../../paper/classification/record.js';
import { study as classification } from '../../paper/classification/index.js';
import { intoDocument, type StudyRecord } from '../../paper/document.js';
import { intoPresets, intoReadme } from '../../paper/readme.js';
import { readResults, writeReports } from '../../paper/results.js';
import { studies } from '../../paper/studies.js';
import type { TransferRecord } from '../../paper/transfer/record.js';
import { bestRate, triesOf } from '../../paper/classification/tries.js';
import type { ClassificationJob } from '../../paper/classification/jobs.js';
import { writeIdxFiles } from '../data/idx-files.js';
import { killedAndResumed, outcome, readJob, readRecord, run as runProgram, succeeds } from '../program.js';

const main = 'paper/main.ts';
const run = (...args: string[]) => runProgram(main, ...args);

const images = writeIdxFiles(t.testdir(), 400, 60);

/** A few images, steps and weights, and two arms. */
const tiny = [
  '--data',
  images,
  '--train-size',
  '192',
  '--validation-size',
  '50',
  '--teacher',
  'wrn10-0.25',
  '--teacher-epochs',
  '2',
  '--student',
  'cnn2',
  '--short-epochs',
  '2',
  '--long-epochs',
  '3',
  '--rates',
  '0.1,0.3',
  '--seeds',
  '5',
  '--arms',
  'rkd,gld',
];
const linear = ['--digit-data', images, '--digit-size', '64', '--linear-epochs', '20'];

t.test('classification --quick: the whole ablation', { timeout: 600_000 }, async (t) => {
  const directory = join(t.testdir(), 'run');
  const sizes = ['--train-size', '128', '--validation-size', '64', '--test-size', '60', '--student', 'cnn2'];
  const ended = await run('classification', '--quick', '--data', images, ...sizes, '--out', directory);
  succeeds(t, ended);
  const record = await readRecord<ClassificationRecord>(directory);
  t.same(
    record.lengths.map(({ name, epochs }) => [name, epochs]),
    [
      ['short', 2],
      ['long', 3],
    ],
  );
  t.match(record.data, { trainSize: 128, validationSize: 64, testSize: 60, views: 18 });
  t.match(record.teacher, { network: 'fashion-mnist-resnet8.onnx' });
  for (const { arms, epochs } of record.lengths) {
    t.same(
      arms.map(({ id }) => id),
      ['ce', 'kd', 'rkd', 'gld-global', 'gld-no-relation', 'gld', 'gld-compensated'],
    );
    for (const { id, runs, tries, rate } of arms) {
      t.same(
        runs.map(({ seed, curve }) => [seed, curve.length]),
        [
          [1, epochs],
          [2, epochs],
        ],
        `${id}: two seeds`,
      );
      t.same(
        tries.map((one) => one.rate),
        [0.1, 0.4],
        'every arm tries the same rates',
      );
      const best = Math.max(...tries.map(({ score }) => score));
      t.equal(rate, tries.find(({ score }) => score === best)?.rate);
      t.ok(runs.every(({ testAccuracy }) => testAccuracy >= 0 && testAccuracy <= 1));
    }
  }
  // What was tried has left no word about the test images; what was compared went on with the rate that was best.
  const [{ arms }] = record.lengths;
  for (const { id, rate, runs } of arms) {
    const tried = await readJob(directory, `short-rate${rate}-${id}-seed101`);
    t.equal(tried.state.result, undefined);
    const { training } = (await readJob(directory, `short-${id}-seed1`)).state;
    t.same(
      training.epochs.map(({ score }) => score),
      runs[0].curve,
    );
  }
  t.match(ended.out, classification.table(record), 'the table can be made again from results.json');
  const page = await readFile(join(directory, 'report.html'), 'utf8');
  t.equal(page.match(/<table class="results">/g)?.length, 2);
  t.notMatch(page.replaceAll(/base64,[\w+/=]+/g, ''), /NaN|undefined|\[object/);
});

t.test('the rate that is taken', async (t) => {
  const job = { tries: [0.1, 0.2, 0.1, 0.2].map((rate, i) => ({ id: String(i), rate })) } as ClassificationJob;
  const tries = triesOf(job, (id) => [0.5, 0.6, 0.9, 0.8][Number(id)]);
  t.same(tries, [
    { rate: 0.1, score: 0.7 },
    { rate: 0.2, score: 0.7 },
  ]);
  t.equal(bestRate(tries), 0.1, 'the smallest of equal ones');
  t.equal(bestRate([...tries, { rate: 0.4, score: 0.71 }]), 0.4);
});

t.test(
  'classification and transfer, in one run and in two, killed and undisturbed',
  { timeout: 600_000 },
  async (t) => {
    const folder = t.testdir();
    const [first, second, whole, killed, killedAgain] = ['first', 'second', 'whole', 'killed', 'killed-again'].map(
      (name) => join(folder, name),
    );
    succeeds(t, await run('classification', ...tiny, '--out', first));
    const { teacher, student } = await readRecord<ClassificationRecord>(first);
    t.match([teacher.network, student.network], ['wrn10-0.25', 'cnn2']);

    succeeds(t, await run('transfer', '--from', first, ...linear, '--out', second));
    const transferred = await readRecord<TransferRecord>(second);
    t.same(
      transferred.lengths.map(({ arms }) => arms.map(({ id, runs }) => [id, runs[0].curve.length])),
      [
        [
          ['rkd', 20],
          ['gld', 20],
        ],
        [
          ['rkd', 20],
          ['gld', 20],
        ],
      ],
    );
    const scores = (record: TransferRecord) => [
      record.teacher,
      ...record.lengths.flatMap(({ arms }) => arms.map(({ runs }) => runs)),
    ];

    t.test('in one run', async (t) => {
      succeeds(t, await run('transfer', ...tiny, ...linear, '--out', whole));
      t.same(
        scores(await readRecord<TransferRecord>(whole)),
        scores(transferred),
        'the same numbers as from the finished run',
      );
      await killedAndResumed(t, [main, 'transfer', ...tiny, ...linear, '--out', killedAgain], killedAgain, [
        'long-rate0.3-rkd-seed101',
        'linear-short-gld-seed5',
      ]);
      t.same(await outcome(killedAgain), await outcome(whole));
    });

    t.test('a classification run that was killed', async (t) => {
      await killedAndResumed(t, [main, 'classification', ...tiny, '--out', killed], killed, [
        'teacher',
        'short-rkd-seed5',
      ]);
      t.same(await outcome(killed), await outcome(first));
    });

    t.test('runs that cannot be taken', async (t) => {
      const from = (directory: string, ...more: string[]) => run('transfer', '--from', directory, ...more);
      t.match(await from(folder), {
        code: 2,
        err: /^--from .*: expected the folder of a run, found no settings\.json/,
      });
      t.match(await from(second), { code: 2, err: /^--from .*: expected a run of npm run paper -- classification/ });
      t.match(await from(first, '--rates', '3'), { code: 2, err: /^--rates: cannot be combined with --from/ });
      await rm(join(killed, 'checkpoints', 'short-gld-seed5.safetensors'));
      t.match(await from(killed), { code: 2, err: /^--from .*: expected a finished run, but short-gld-seed5 is not/ });
    });
  },
);

t.test('studies', async (t) => {
  t.match(await run(), { code: 0, out: /^usage: npm run paper -- STUDY.*\n\nclassification\n/ });
  t.match(await run('clasification'), { code: 2, err: /^'clasification': expected classification, .* did you mean/ });
  t.match(await run('transfer', '--help'), { code: 0, out: /--linear-epochs N .*--from DIR .*--resume DIR /s });
  t.match(await run('classification', '--seds', '1'), {
    code: 2,
    err: /did you mean '--seeds'\?\nAll options: npm run paper -- classification --help\n$/,
  });
});

t.test('docs/paper.md quotes the results that are in the repository', async (t) => {
  const document = await readFile(join(import.meta.dirname, '../../../docs/paper.md'), 'utf8');
  for (const [name, study] of Object.entries(studies)) {
    const record = readResults(name);
    const again = record === undefined ? document : intoDocument(document, name, record, study.table(record));
    t.equal(again, document, name);
  }
  const ablation = readResults('classification') as ClassificationRecord;
  for (const [path, into] of Object.entries({ 'README.md': intoReadme, 'docs/distiller.md': intoPresets })) {
    const page = await readFile(join(import.meta.dirname, '../../..', path), 'utf8');
    t.equal(into(page, ablation), page, path);
  }
  const folder = t.testdir();
  const reports = await writeReports([], folder);
  t.same(
    reports.map((path) => basename(path)),
    Object.keys(studies).map((name) => `${name}.html`),
    'of each study there is a report',
  );
  for (const path of reports) t.match(await readFile(path, 'utf8'), /^<!doctype html>/);
  await t.rejects(writeReports(['tuning'], folder), { message: /^'tuning': expected classification, / });

  const studyRecord: StudyRecord = {
    command: 'npm run paper -- x',
    startedAt: '2026-01-02T03:04:05Z',
    seconds: 61,
    environment: {
      cpu: 'C',
      cores: 2,
      os: 'O',
      node: 'v20',
      framework: 'tfjs',
      version: '0',
      engineLevel: 'l',
      threads: 1,
    },
  };
  const made = intoDocument('a <!-- results: x -->old<!-- end of results --> b', 'x', studyRecord, 'TABLE');
  const quoted =
    /^a <!-- results: x -->\n`npm run paper -- x`, 2026-01-02, 1 min 1 s on C.*```\nTABLE\n```\n<!-- end.*> b$/s;
  t.match(made, quoted);
  t.throws(() => intoDocument('', 'x', studyRecord, ''), /expected <!-- results: x --> and/);
});
