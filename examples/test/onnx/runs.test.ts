// The main job with an ONNX teacher and with teacher outputs in a file: the commands of docs/teachers.md, in small.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Arguments, groups } from '../../distill/options.js';
import { resolveSettings } from '../../distill/settings.js';
import type { RunRecord } from '../../report/types.js';
import { parseCommandLine } from '../../training/command-line.js';
import { groupsOf } from '../../training/command.js';
import type { OptionTable } from '../../training/options.js';
import { present } from '../../present.js';
import { model, usual } from './models.js';

const root = join(import.meta.dirname, '../../..');
const document = readFileSync(join(root, 'docs/teachers.md'), 'utf8');
const programs: Record<string, string> = {
  'npm start': 'examples/distill/main.ts',
  'npm run export:onnx': 'examples/onnx/main.ts',
};
const tiny = [
  '--dataset',
  'shapes',
  '--train-size',
  '40',
  '--test-size',
  '20',
  '--batch',
  '8',
  '--student',
  'cnn2',
  '--epochs',
  '2',
  '--seeds',
  '5',
  '--workers',
  '1',
];
const directory = t.testdir();

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

function run(command: string, args: string[]): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(root, programs[command]), ...args],
    { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const texts = { out: '', err: '' };
  child.stdout.on('data', (text: Buffer) => {
    texts.out += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    texts.err += text.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...texts })));
}

const start = (...args: string[]) => run('npm start', [...tiny, ...args]);

async function succeeds(t: Test, ended: Promise<Ended>): Promise<Ended> {
  const { code, err } = await ended;
  t.equal(code, 0, code === 0 ? 'ends with code 0' : err);
  return ended;
}

const record = (out: string) => JSON.parse(readFileSync(join(directory, out, 'results.json'), 'utf8')) as RunRecord;

/** What was computed in one arm, without what depends on the clock. */
const numbers = (out: string, role = 'gld'): unknown => {
  const { teacher, arms } = record(out);
  return JSON.parse(
    JSON.stringify([teacher, arms.find(({ id }) => id === role)], (key, value: unknown) =>
      key === 'seconds' ? undefined : value,
    ),
  );
};

const network = ['--teacher', 'cnn3', '--teacher-epochs', '2', '--no-augment', '--arms', 'kd,gld,rkd'];

t.test('the commands of the document, and what they compute', async (t) => {
  const [, block] = present(/^```sh\n(.*?)^```$/ms.exec(document));
  const lines = block
    .trim()
    .split('\n')
    .map((line) => line.split(' -- '));
  t.same(
    lines.map(([command]) => command),
    ['npm start', 'npm run export:onnx', 'npm start'],
  );
  const [first, second, third] = lines.map(([, args]) => args.split(' '));

  await succeeds(t, start(...first.slice(first.indexOf('--out')), ...network));
  t.match(await succeeds(t, run('npm run export:onnx', second)), {
    out: /runs\/teacher.onnx: cnn3, images \[n, 3, 16, 16\]/,
  });
  const { err } = await succeeds(t, start(...third, '--no-augment', '--arms', 'kd,gld,rkd', '--out', 'runs/cached'));
  t.match(
    err,
    /Teacher teacher.onnx \(feature map 'features' \[12, 8, 8\], head to 'logits' \(linear\)\), students cnn2/,
  );
  t.match(err, /Teacher outputs are computed: .*runs\/outputs has none of this teacher/);

  const [own, onnx] = [record('runs/first'), record('runs/cached')];
  t.equal(onnx.teacher.testAccuracy, own.teacher.testAccuracy, 'the exported teacher is as good');
  t.match(onnx.teacher, { name: 'teacher.onnx', epochs: [], relationMatrix: { size: 80 } });
  for (const [i, { id, runs }] of onnx.arms.entries()) {
    const [got, expected] = [runs[0].epochs[0].trainLoss, own.arms[i].runs[0].epochs[0].trainLoss];
    t.ok(
      Math.abs(got - expected) < 1e-3 * expected,
      `${id}: the loss is that with the network, ${got} and ${expected}`,
    );
  }
  t.match(readFileSync(join(directory, 'runs/cached/report.html'), 'utf8'), /not trained here/);

  const [file] = readdirSync(join(directory, 'runs/outputs'));
  const again = await succeeds(t, start(...third, '--no-augment', '--arms', 'gld', '--out', 'runs/again'));
  t.notMatch(again.err, /outputs are computed/, 'the file of the first run is used');
  t.same(readdirSync(join(directory, 'runs/outputs')), [file]);
  t.same(numbers('runs/again'), numbers('runs/cached'));
  await succeeds(t, start('--teacher', 'runs/teacher.onnx', '--no-augment', '--arms', 'gld', '--out', 'runs/plain'));
  t.same(numbers('runs/plain'), numbers('runs/cached'), 'the same numbers with a file of the run');
});

t.test('outputs of a network that is trained; a resumed run whose file has gone', async (t) => {
  await succeeds(t, start(...network, '--teacher-cache', 'files', '--out', 'net-cached'));
  t.same(numbers('net-cached'), numbers('runs/first'));
  rmSync(join(directory, 'files'), { recursive: true });
  rmSync(join(directory, 'net-cached/checkpoints/gld-seed5.safetensors'));
  const { err } = await succeeds(t, run('npm start', ['--resume', 'net-cached']));
  t.match(
    err,
    /Teacher outputs are computed in every epoch: those in .*files cannot be used any more, it is not there/,
  );
  // Products over other numbers of rows may round the last bit otherwise.
  t.ok(near(numbers('net-cached'), numbers('runs/first')));
});

/** Whether two values of JSON are the same but for rounding. */
function near(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= 1e-4 * Math.max(1, Math.abs(b));
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  const [own, other] = [Object.entries(a), new Map(Object.entries(b))];
  return own.length === other.size && own.every(([key, value]) => near(value, other.get(key)));
}

t.test('a moved model, another model', async (t) => {
  const path = join(directory, 'one.onnx');
  writeFileSync(path, model(usual()));
  // What this arm needs is not kept.
  await succeeds(t, start('--teacher', 'one.onnx', '--arms', 'rkd', '--out', 'one'));
  const again = (...args: string[]) => {
    rmSync(join(directory, 'one/checkpoints/rkd-seed5.safetensors'), { force: true });
    return run('npm start', ['--resume', 'one', ...args]);
  };
  renameSync(path, join(directory, 'moved.onnx'));
  const before = numbers('one', 'rkd');
  await succeeds(t, again('--teacher', 'moved.onnx'));
  t.same(numbers('one', 'rkd'), before);
  writeFileSync(path, model(usual({ seed: 5 })));
  t.match(await again(), {
    code: 1,
    err: /one.onnx: the run began with another model than this file holds now, or another tensor of it\n$/,
  });
});

t.test('logits alone', async (t) => {
  writeFileSync(join(directory, 'logits.onnx'), model(usual()));
  const { out } = await succeeds(
    t,
    start(
      '--teacher',
      'logits.onnx',
      '--teacher-logits',
      'logits',
      '--no-augment',
      '--teacher-cache',
      'l',
      '--out',
      'logits',
    ),
  );
  t.notMatch(out, 'GLD without relation');
  const { arms, settings, teacher, pictures } = record('logits');
  t.same(settings.grid, [0, 0]);
  t.equal(present(teacher.relationMatrix).size, 16, 'one row per image');
  const shown = present(pictures).groups.flatMap((group) => group.shown);
  t.ok(shown.length > 0);
  t.ok(
    shown.every((picture) => [picture.teacher, ...picture.arms].every(({ cells }) => cells.length === 0)),
    'no cells',
  );
  t.notMatch(readFileSync(join(directory, 'logits/report.html'), 'utf8'), '<h2>Local logits');
  t.same(
    arms.map(({ id, runs }) => [id, Object.keys(present(runs[0].epochs[0].terms))]),
    [
      ['ce', ['task']],
      ['kd', ['task', 'global']],
      ['gld', ['task', 'global', 'relation']],
    ],
  );
  for (const { id, runs, weights } of arms) {
    const [{ trainLoss, terms }] = runs[0].epochs;
    const sum = Object.entries(present(terms)).reduce(
      (total, [name, value]) => total + present(weights[name as 'task']) * value,
      0,
    );
    t.ok(Math.abs(sum - trainLoss) < 1e-5 * Math.max(1, trainLoss), `${id}: the loss is the sum of its terms`);
  }
});

t.test('what does not fit ends before anything is begun', async (t) => {
  writeFileSync(join(directory, 'other.onnx'), model(usual({ inputs: { images: ['n', 3, 32, 32] } })));
  t.match(await start('--teacher', 'other.onnx', '--out', 'nothing'), {
    code: 1,
    err: /images: expected \[any, 3, 32, 32\], which teacher takes as 'images', got \[8, 16, 16, 3\]/,
  });
  t.notOk(existsSync(join(directory, 'nothing')));
  t.match(await run('npm run export:onnx', ['--run', 'one', '--out', 'x.onnx']), {
    code: 2,
    err: /--job: expected one of rkd-seed5, got 'teacher'/,
  });
});

const options = Object.assign({}, ...Object.values(groupsOf({ options: groups }))) as OptionTable;
const settings = (...argv: string[]) => resolveSettings(parseCommandLine(argv, options) as Arguments);

const wrong: [string[], RegExp][] = [
  [['--teacher-features', 'x'], /^--teacher-features: expected --teacher FILE.onnx with it/],
  [['--teacher', 'cnn3', '--teacher-mean', '0'], /^--teacher-mean: expected --teacher FILE.onnx with it/],
  [['--teacher', 'm.onnx', '--teacher-epochs', '2'], /^--teacher-epochs: an ONNX model is not trained/],
  [['--teacher', 'm.onnx', '--teacher-logits', 'z', '--grid', '2'], /^--grid: a teacher of logits alone/],
  [
    ['--teacher', 'm.onnx', '--teacher-logits', 'z', '--local-weight', '1'],
    /^--local-weight: a teacher of logits alone/,
  ],
  [['--teacher', 'm.onnx', '--teacher-logits', 'z', '--arms', 'gld,rkd'], /^--arms rkd: .* compares pooled features/],
  [
    ['--teacher', 'm.onnx', '--teacher-logits', 'z', '--arms', 'gld-no-relation'],
    /^--arms gld-no-relation: .*gld-global/,
  ],
  [['--dataset', 'cifar10', '--data', 'd', '--teacher-cache', 'x'], /^--teacher-cache: .* add --no-augment/],
  [['--teacher', 'm.onnx', '--teacher-std', '0'], /^--teacher-std: expected a number from 0.000001/],
  [['--teacher', 'm.onnx', '--teacher-mean', '1,,2'], /^--teacher-mean: expected a number/],
  [['--teacher', 'm.onnx', '--teacher-input', 'HWC'], /^--teacher-input: expected NCHW, NHWC, got 'HWC'/],
];

t.test('options', async (t) => {
  for (const [argv, message] of wrong) {
    t.throws(() => settings(...argv), { message }, argv.join(' '));
  }
  t.match(
    settings(
      '--teacher',
      'a/m.onnx',
      '--teacher-features',
      'f',
      '--teacher-logits',
      'z',
      '--teacher-input',
      'NHWC',
      '--teacher-mean',
      '0.5',
      '--teacher-std',
      '0.5,0.25,0.5',
      '--teacher-cache',
      'c',
      '--no-augment',
    ),
    {
      teacher: {
        network: 'm.onnx',
        epochs: 0,
        kept: { folder: join(process.cwd(), 'c') },
        onnx: {
          path: join(process.cwd(), 'a/m.onnx'),
          features: 'f',
          logits: 'z',
          layout: 'NHWC',
          mean: [0.5],
          std: [0.5, 0.25, 0.5],
        },
      },
    },
  );
  const named = [...document.matchAll(/--([a-z][a-z-]+)/g)].map(([, name]) => name);
  const known = [...Object.keys(options), 'run', 'out', 'job'];
  t.same(
    named.filter((name) => !known.includes(name)),
    [],
    'every option that the document names exists',
  );
});
