import { gldLoss } from 'gld-loss';
import { present } from '../../present.js';
import t from 'tap';
import { arm, type LossSettings } from '../../distill/arms.js';
import { isInstalled } from '../../data/idx-formats.js';
import type { Arguments } from '../../distill/options.js';
import { resolveSettings } from '../../distill/settings.js';
import { study } from '../../distill/study.js';
import { resolveSettings as classificationSettings } from '../../paper/classification/settings.js';
import { resolveSettings as detectionSettings } from '../../paper/detection/settings.js';
import { resolveSettings as segmentationSettings } from '../../paper/segmentation/settings.js';
import { helpText, parseCommandLine as parse } from '../../training/command-line.js';
import { groupsOf, resumeSettings as resume } from '../../training/command.js';
import { type OptionTable, UsageError } from '../../training/options.js';

const groups = groupsOf(study);
const options = Object.assign({}, ...Object.values(groups)) as OptionTable;
const parseCommandLine = (argv: string[]) => parse(argv, options) as Arguments;
const resumeSettings = (saved: Parameters<typeof resume>[1], args: Arguments) => resume(study, saved as never, args);
const settings = (...argv: string[]) => resolveSettings(parseCommandLine(argv));

t.test('defaults', async (t) => {
  const { dataset, arms, seeds, batchSize, loss, schedule, student, teacher } = settings('--data', '/a');
  t.same(dataset, { name: 'fashion-mnist', dir: '/a', seed: 1, trainSize: 3000, validationSize: 1000 });
  t.match(teacher, { network: 'fashion-mnist-resnet8.onnx', epochs: 0, kept: {} });
  t.same(student, { network: 'resnet8x0.25', epochs: 10 });
  t.same(schedule, { kind: 'cosine', base: 0.4, warmup: 1 });
  t.same(arms, ['ce', 'kd', 'gld']);
  t.same(seeds, [1, 2, 3]);
  t.equal(batchSize, 64);
  t.same(loss, {
    alpha: 0.7,
    beta: 500,
    localWeight: 1,
    grid: [2, 2],
    reduction: { rows: 320 },
    metric: 'sqeuclidean',
    temperature: 4,
    distanceWeight: 25,
  });
});

t.test('generated images where the real ones are not installed', async (t) => {
  const { dataset } = settings();
  if (isInstalled('fashion-mnist')) t.match(dataset, { name: 'fashion-mnist', instead: undefined });
  else t.match(dataset, { name: 'shapes', instead: /^Fashion-MNIST is not in .* GENERATED images .* --data DIR/ });
  t.match(settings('--dataset', 'shapes').dataset, { name: 'shapes', instead: undefined });
});

t.test("the paper's recipe", async (t) => {
  const paper = settings('--dataset', 'cifar100', '--data', 'x', '--recipe', 'paper');
  t.match(paper, {
    teacher: { network: 'resnet110', epochs: 200 },
    student: { network: 'resnet20', epochs: 200 },
    batchSize: 64,
    schedule: { kind: 'steps', base: 0.1, warmup: 1 },
    momentum: 0.9,
    weightDecay: 5e-4,
    augment: true,
    loss: { alpha: 0.7, beta: 500, grid: [2, 2] },
  });
  t.match(settings('--recipe', 'paper', '--epochs', '20', '--lr', '0.05'), {
    teacher: { epochs: 20 },
    student: { epochs: 20 },
    schedule: { kind: 'steps', base: 0.05 },
  });
});

t.test('every option reaches the settings', async (t) => {
  t.match(
    settings(
      '--dataset=cifar10',
      '--data',
      '/tmp/c',
      '--train-size',
      '100',
      '--test-size=50',
      '--arms',
      'gld,ce',
      '--seeds',
      '4, 7',
      '--base-seed',
      '9',
      '--teacher',
      'resnet14',
      '--student',
      'cnn8',
      '--epochs',
      '3',
      '--teacher-epochs',
      '5',
      '--batch',
      '32',
      '--lr',
      '0.01',
      '--weight-decay',
      '0',
      '--no-augment',
      '--alpha',
      '0.5',
      '--beta',
      '2',
      '--reduction',
      'row',
      '--metric',
      'euclidean',
      '--local-weight',
      '0.5',
      '--grid',
      '2x4',
      '--warmup',
      '0.5',
      '--temperature',
      '3',
      '--distance-weight',
      '2',
    ),
    {
      dataset: { name: 'cifar10', dir: '/tmp/c', trainSize: 100, testSize: 50, seed: 9 },
      baseSeed: 9,
      teacher: { network: 'resnet14', epochs: 5 },
      student: { network: 'cnn8', epochs: 3 },
      arms: ['ce', 'gld'],
      seeds: [4, 7],
      batchSize: 32,
      schedule: { kind: 'cosine', base: 0.01, warmup: 0.5 },
      weightDecay: 0,
      augment: false,
      loss: {
        alpha: 0.5,
        beta: 2,
        localWeight: 0.5,
        grid: [2, 4],
        reduction: 'row',
        metric: 'euclidean',
        temperature: 3,
        distanceWeight: 2,
      },
    },
  );
});

t.test('beta follows the reduction', async (t) => {
  for (const [reduction, beta] of [
    ['row', 500 / 320],
    ['matrix', 500],
    ['1', 500 / 320],
    ['320', 500],
    ['640', 1000],
  ] as const) {
    t.equal(settings('--reduction', reduction, '--batch', '128').loss.beta, beta, reduction);
    t.equal(settings('--reduction', reduction, '--beta', '7').loss.beta, 7);
  }
  t.same(settings('--reduction', '640').loss.reduction, { rows: 640 });
  t.equal(settings('--reduction', 'matrix').loss.reduction, 'matrix');
});

/** What the relation term of full GLD adds to the loss of a batch of `copies` of the same two images. */
function relationOf(loss: LossSettings, copies: number): number {
  const gld = arm('gld', loss);
  if (gld.kind !== 'gld') throw new Error('full GLD is not computed by gldLoss');
  const logits = (side: number) => {
    const two = Float32Array.from({ length: 2 * 5 * 10 }, (_, i) => Math.sin(3 * i + side) * (1 + (i % 7)));
    const data = new Float32Array(copies * two.length);
    for (let i = 0; i < copies; i++) data.set(two, i * two.length);
    return { logits: { data, shape: [2 * copies, 5, 10] } };
  };
  const { terms } = gldLoss({ teacher: logits(0), student: logits(1) }, { ...gld.options, alpha: 1, gradients: false });
  return loss.beta * terms.relation;
}

t.test('a batch of a part of the images weighs the relation as a full one', async (t) => {
  const studies = {
    'npm start': settings().loss,
    'npm start --reduction row': settings('--reduction', 'row').loss,
    classification: present(classificationSettings({}).lengths.short).loss,
    detection: detectionSettings({}).pair.loss,
    segmentation: segmentationSettings({}).pair.loss,
  };
  for (const [name, loss] of Object.entries(studies)) {
    const [part, full] = [relationOf(loss, 1), relationOf(loss, 32)];
    t.ok(Math.abs(part - full) < 1e-5 * full, `${name}: ${part} and ${full}`);
  }
  const paper = settings('--reduction', 'matrix').loss;
  t.ok(Math.abs(relationOf(paper, 1) / relationOf(paper, 32) - 32) < 1e-3, "the paper's own form weighs it more");
  t.ok(Math.abs(relationOf(paper, 32) / relationOf(settings().loss, 32) - 1) < 1e-5, 'a full batch is as in the paper');
});

const wrong: [string[], RegExp][] = [
  [['--apha', '1'], /^--apha: there is no such option; did you mean '--alpha'\?/],
  [['--zzz'], /^--zzz: there is no such option$/],
  [['-q'], /^-q: there is no such option/],
  [['quick'], /^'quick': expected an option such as --quick; did you mean '--quick'\?/],
  [['--alpha', '1.5'], /^--alpha: expected a number from 0 to 1, got '1.5'/],
  [['--alpha', ''], /^--alpha: expected a number/],
  [['--alpha', 'NaN'], /^--alpha: expected a number/],
  [['--alpha'], /^--alpha: expected a value X, got none/],
  [['--alpha', '--quick'], /^--alpha: expected a value X, got '--quick'/],
  [['--beta=-1'], /^--beta: expected a number of at least 0, got '-1'/],
  [['--beta', 'Infinity'], /^--beta: expected a number of at least 0/],
  [['--reduction', 'rows'], /^--reduction: expected matrix, row, or a number of rows such as 320, got 'rows'/],
  [['--reduction', '0'], /^--reduction: expected matrix, row, or a number of rows such as 320, got '0'/],
  [['--reduction', '1.5'], /^--reduction: expected matrix, row, or a number of rows such as 320, got '1.5'/],
  [['--reduction', ''], /^--reduction: expected matrix, row, or a number of rows/],
  [['--batch', '1'], /^--batch: expected an integer from 2/],
  [['--epochs', '2.5'], /^--epochs: expected an integer from 1 to 100000, got '2.5'/],
  [['--quick=yes'], /^--quick: expected no value, got 'yes'/],
  [['--quick', '--quick'], /^--quick: expected once, got twice/],
  [
    ['--dataset', 'cifar'],
    /^--dataset: expected fashion-mnist, shapes, mnist, cifar10, cifar100, got 'cifar'; did you mean 'cifar1/,
  ],
  [['--arms', 'ce,gdl'], /^--arms: expected ce, kd, rkd, gld-global, gld-no-relation, gld, gld-compensated, got 'gdl'/],
  [['--arms', 'ce,ce'], /^--arms: expected each value once/],
  [['--seeds', '1,x'], /^--seeds: expected an integer from 0/],
  [
    ['--teacher', 'resnet21'],
    /^--teacher: expected cnn<width> .* resnet<6k\+2> .* or wrn<6k\+4>-<factor> .*, got 'resnet21'/,
  ],
  [['--student', 'resnet2'], /^--student: expected/],
  [['--student', 'wrn12-1'], /^--student: expected/],
  [['--student', 'wrn10'], /^--student: expected/],
  [['--student', 'cnn4-2'], /^--student: expected/],
  [['--grid', '2x'], /^--grid: expected a grid such as 2 or 2x4, got '2x'/],
  [['--grid', '0'], /^--grid: expected a grid/],
  [['--out', ''], /^--out: expected a path/],
  [['--dataset', 'shapes', '--data', 'x'], /^--data: the shapes are generated/],
  [['--dataset', 'cifar100'], /^--dataset cifar100: expected --data DIR/],
  [['--quick', '--recipe', 'paper'], /^--quick: cannot be combined with --recipe paper/],
  [['--augment', '--no-augment'], /^--no-augment: cannot be combined/],
];

t.test('wrong command lines', async (t) => {
  for (const [argv, message] of wrong) {
    t.throws(() => settings(...argv), message, argv.join(' '));
    try {
      settings(...argv);
    } catch (error) {
      t.type(error, UsageError);
    }
  }
});

t.test('a resumed run keeps its settings', async (t) => {
  const saved = settings('--dataset', 'cifar10', '--data', '/a');
  const resumed = (...argv: string[]) => resumeSettings(saved, parseCommandLine(argv));
  t.same(resumed('--resume', 'x', '--workers', '1', '--threads', '1', '--checkpoint-every', '5'), saved);
  t.equal(resumed('--resume', 'x', '--data', '/b').dataset.dir, '/b');
  t.throws(() => resumed('--resume', 'x', '--alpha', '0.5'), /^--alpha: a resumed run keeps its settings/);
  t.throws(
    () => resumeSettings(settings('--dataset', 'shapes'), parseCommandLine(['--data', 'x'])),
    /^--data: the run .* generates its/,
  );
});

t.test('--help names every option and explains beta', async (t) => {
  const help = helpText(study.help, groups);
  for (const name of Object.keys(options)) t.match(help, `--${name}`);
  t.match(help.replaceAll(/\s+/g, ' '), /500 is the paper's, for batches of m = 64 x 5 = 320 logit rows/);
  t.ok(
    help.split('\n').every((line) => line.length <= 120),
    'lines fit a terminal',
  );
});
