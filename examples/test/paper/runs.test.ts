// npm run paper: the ablation and the transfer study as a user runs them.
import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import t from 'tap';
import type { ClassificationRecord } from '../../paper/classification/record.js';
import { study as classification } from '../../paper/classification/index.js';
import { intoDocument, type StudyRecord } from '../../paper/document.js';
import { readResults, writeReports } from '../../paper/results.js';
import { studies } from '../../paper/studies.js';
import type { TransferRecord } from '../../paper/transfer/record.js';
import { killedAndResumed, outcome, readRecord, run as runProgram, succeeds } from '../program.js';

const main = 'paper/main.ts';
const run = (...args: string[]) => runProgram(main, ...args);

/** A few images, steps and weights, and two arms. */
const tiny = [
  '--train-size',
  '192',
  '--test-size',
  '20',
  '--teacher',
  'wrn10-0.25',
  '--student',
  'cnn2',
  '--epochs',
  '2',
  '--seeds',
  '5',
  '--arms',
  'rkd,gld',
];
const linear = ['--symbol-size', '64', '--symbol-test-size', '40', '--linear-epochs', '3'];

t.test('classification --quick: the whole ablation', { timeout: 600_000 }, async (t) => {
  const directory = join(t.testdir(), 'run');
  const ended = await run('classification', '--quick', '--out', directory);
  succeeds(t, ended);
  const record = await readRecord<ClassificationRecord>(directory);
  t.same(
    record.pairs.map(({ name }) => name),
    ['same', 'different'],
  );
  for (const { arms, teacher } of record.pairs) {
    t.same(
      arms.map(({ id }) => id),
      ['ce', 'kd', 'rkd', 'gld-global', 'gld-no-relation', 'gld'],
    );
    for (const { id, runs } of arms) {
      t.same(
        runs.map(({ seed }) => seed),
        [1, 2],
        `${id}: two seeds`,
      );
      t.ok(runs.every(({ epochs }) => epochs.every(({ trainLoss }) => Number.isFinite(trainLoss))));
    }
    t.equal(teacher.relations?.size, 80);
  }
  t.same(
    record.pairs[0].arms.map(({ runs }) => Object.keys(runs[0].epochs[0].terms)),
    [
      ['task'],
      ['task', 'global'],
      ['task', 'relation'],
      ['task', 'global'],
      ['task', 'global', 'local'],
      ['task', 'global', 'local', 'relation'],
    ],
  );
  t.match(ended.out, classification.table(record), 'the table can be made again from results.json');
  const page = await readFile(join(directory, 'report.html'), 'utf8');
  t.equal(page.match(/<table class="results">/g)?.length, 2);
  t.equal(page.match(/class="picture"/g)?.length, 21, 'a picture of every class');
  t.notMatch(page.replaceAll(/base64,[\w+/=]+/g, ''), /NaN|undefined|\[object/);
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
    const { pairs } = await readRecord<ClassificationRecord>(first);
    t.same(
      pairs.map(({ teacher, student }) => [teacher.network, student.network]),
      [
        ['wrn10-0.25', 'cnn2'],
        ['wrn10-0.25', 'cnn2'],
      ],
    );

    succeeds(t, await run('transfer', '--from', first, ...linear, '--out', second));
    const transferred = await readRecord<TransferRecord>(second);
    t.same(
      transferred.pairs.map(({ arms }) => arms.map(({ id, runs }) => [id, runs[0].epochs.length])),
      [
        [
          ['rkd', 3],
          ['gld', 3],
        ],
        [
          ['rkd', 3],
          ['gld', 3],
        ],
      ],
    );
    const scores = (record: TransferRecord) =>
      record.pairs.map(({ teacher, arms }) =>
        [teacher, ...arms.flatMap(({ runs }) => runs)].map(({ epochs }) => epochs.map(({ score }) => score)),
      );

    t.test('in one run', async (t) => {
      succeeds(t, await run('transfer', ...tiny, ...linear, '--out', whole));
      t.same(
        scores(await readRecord<TransferRecord>(whole)),
        scores(transferred),
        'the same numbers as from the finished run',
      );
      await killedAndResumed(t, [main, 'transfer', ...tiny, ...linear, '--out', killedAgain], killedAgain, [
        'different-teacher',
        'linear-same-gld-seed5',
      ]);
      t.same(await outcome(killedAgain), await outcome(whole));
    });

    t.test('a classification run that was killed', async (t) => {
      await killedAndResumed(t, [main, 'classification', ...tiny, '--out', killed], killed, [
        'same-teacher',
        'same-rkd-seed5',
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
      t.match(await from(first, '--epochs', '3'), { code: 2, err: /^--epochs: cannot be combined with --from/ });
      await rm(join(killed, 'checkpoints', 'same-gld-seed5.safetensors'));
      t.match(await from(killed), { code: 2, err: /^--from .*: expected a finished run, but same-gld-seed5 is not/ });
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
  const folder = t.testdir();
  const reports = await writeReports([], folder);
  t.same(
    reports.map((path) => basename(path)),
    Object.keys(studies).map((name) => `${name}.html`),
    'of each study there is a report',
  );
  for (const path of reports) t.match(await readFile(path, 'utf8'), /^<!doctype html>/);
  await t.rejects(writeReports(['tuning'], folder), { message: /^'tuning': expected classification, / });

  const made = intoDocument(
    'a <!-- results: x -->old<!-- end of results --> b',
    'x',
    {
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
    },
    'TABLE',
  );
  const quoted =
    /^a <!-- results: x -->\n`npm run paper -- x`, 2026-01-02, 1 min 1 s on C.*```\nTABLE\n```\n<!-- end.*> b$/s;
  t.match(made, quoted);
  t.throws(() => intoDocument('', 'x', {} as StudyRecord, ''), /expected <!-- results: x --> and/);
});
