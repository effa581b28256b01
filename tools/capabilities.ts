/**
 * The table in docs/gpu.md of what each engine computes: the engines themselves are asked, by calls of every kind, and say
 * why where they do not. Nothing is computed, so that no GPU is needed, but the CUDA engine has to be built.
 */
import { createRequire } from 'node:module';
import { kinds, type ElementType } from '../lib/elements.js';
import type { Native } from '../lib/native.cjs';
import { words } from '../lib/schema.js';
import {
  describe,
  stageNumber,
  type Fields,
  type Roles,
  type RoleView,
  type Stage,
} from '../test/support/descriptor.js';
import { at } from './support.js';

type Dtype = (typeof words.dtype)[number];
type Call = { fields: Fields; roles: Roles<ArrayBufferView> };
type Refusal = NonNullable<ReturnType<Native['supports']>>;

export const page = at('docs/gpu.md');

/** What a call computes, as users name it. */
const stages: readonly [stage: Stage, name: string][] = [
  ['pool', 'pool'],
  ['classifier', 'classify'],
  ['cross_entropy', 'crossEntropy'],
  ['normalized_kd', 'normalizedKd'],
  ['relation', 'relation'],
  ['gld', 'gldLoss'],
];

const engines = [
  { name: 'CPU', device: 0 },
  { name: 'GPU', device: 1 },
];

const [n, rows, classes, channels] = [2, 5, 6, 3];

/** A dense tensor; `order` says which axes lie in memory one after the other, the last one closest. */
function tensor(shape: readonly number[], dtype: Dtype = 'float32', order = shape.map((_, axis) => axis)) {
  const strides = shape.map(() => 0);
  let length = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = length;
    length *= shape[axis];
  }
  return { data: new kinds[dtype as ElementType](length), dtype: words.dtype.indexOf(dtype), strides };
}

const number = (enumeration: Exclude<keyof typeof words, 'stage'>, word: string) =>
  (words[enumeration] as readonly string[]).indexOf(word);

const sizes = {
  n,
  rows,
  classes,
  'normalization.unbiased': 1,
  'normalization.temperature': 1,
  beta: 1,
  localWeight: 1,
};

function sized(side: 'teacher' | 'student', depth: number, width = 4): Fields {
  return {
    [`${side}.channels`]: channels,
    [`${side}.depth`]: depth,
    [`${side}.height`]: 4,
    [`${side}.width`]: width,
  };
}

const grid = { levels: 1, grid: [1, 2, 2] };
const pooled = { ...sizes, ...grid, ...sized('teacher', 1), ...sized('student', 1) };

/** A right call of each stage, whose tensors are of that type. */
function plain(stage: Stage, dtype: Dtype = 'float32'): Call {
  const logits = () => tensor([n, rows, classes], dtype);
  const features = () => tensor([n, channels, 1, 4, 4], dtype);
  const weight = () => tensor([classes, channels], dtype);
  const labels = tensor([n], 'int32');
  switch (stage) {
    case 'pool':
      return { fields: pooled, roles: { 'student.features': features() } };
    case 'classifier':
      return {
        fields: { ...sizes, 'student.channels': channels },
        roles: { pooled: tensor([n, rows, channels], dtype), 'student.weight': weight() },
      };
    case 'cross_entropy':
      return {
        fields: { ...sizes, rows: 1 },
        roles: { 'student.logits': tensor([n, 1, classes], dtype), labels },
      };
    case 'gld':
      return {
        fields: pooled,
        roles: {
          'teacher.features': features(),
          'teacher.weight': weight(),
          'student.features': features(),
          'student.weight': weight(),
          labels,
        },
      };
    default:
      return { fields: sizes, roles: { 'teacher.logits': logits(), 'student.logits': logits() } };
  }
}

type Change = (call: Call, stage: Stage) => Call;

const withFields =
  (fields: Fields): Change =>
  (call) => ({ ...call, fields: { ...call.fields, ...fields } });

const withRoles =
  (roles: (stage: Stage) => Roles<ArrayBufferView>, without: readonly (keyof Roles<unknown>)[] = []): Change =>
  (call, stage) => {
    const kept = Object.entries(call.roles).filter(([role]) => !without.includes(role as keyof Roles<unknown>));
    return { ...call, roles: { ...Object.fromEntries(kept), ...roles(stage) } };
  };

const ofElements =
  (dtype: Dtype): Change =>
  (_, stage) =>
    plain(stage, dtype);

/** The call on maps of so many positions along depth, height and width. */
const onMaps =
  (make: () => RoleView<ArrayBufferView>, depth: number): Change =>
  (call, stage) => {
    const fields = { ...call.fields, ...sized('teacher', depth), ...sized('student', depth) };
    const teacher = stage === 'gld' && { 'teacher.features': make() };
    return { fields, roles: { ...call.roles, ...teacher, 'student.features': make() } };
  };

/** Logits of the rows that a grid of two by two cells leaves, in the place of maps. */
const onLogits: Change = () => ({ ...plain('normalized_kd'), fields: { ...sizes } });

const onLogitMaps: Change = (call) => {
  const map = () => tensor([n, classes, 1, 4, 4]);
  return {
    fields: { ...call.fields, 'teacher.channels': classes, 'student.channels': classes },
    roles: { 'teacher.features': map(), 'student.features': map() },
  };
};

const labelled: Stage[] = ['cross_entropy', 'gld'];
const weighted: Stage[] = ['cross_entropy', 'normalized_kd', 'relation', 'gld'];
const mapped: Stage[] = ['pool', 'gld'];
const multiplied: Stage[] = ['classifier', 'relation', 'gld'];
const all = stages.map(([stage]) => stage);

/** What is asked, and of which stages. */
const questions: readonly [what: string, of: readonly Stage[], change: Change][] = [
  ...(['float32', 'float64', 'float16', 'bfloat16'] as const).map((dtype): (typeof questions)[number] => [
    `${dtype} elements`,
    all,
    ofElements(dtype),
  ]),
  ['features and a classifier', ['gld'], (call) => call],
  ['maps of logits', ['gld'], onLogitMaps],
  ['logits', ['gld'], onLogits],
  ['maps of one or two axes', mapped, onMaps(() => tensor([n, channels, 1, 4, 4]), 1)],
  ['maps of three axes', mapped, onMaps(() => tensor([n, channels, 2, 4, 4]), 2)],
  ['channels last', mapped, onMaps(() => tensor([n, channels, 1, 4, 4], 'float32', [0, 2, 3, 4, 1]), 1)],
  [
    "`weightLayout: 'CK'`",
    ['classifier', 'gld'],
    withRoles(() => ({ 'student.weight': tensor([classes, channels], 'float32', [1, 0]) })),
  ],
  ['`mask`', mapped, withRoles(() => ({ 'student.mask': tensor([n, 1, 4, 4], 'uint8') }))],
  ['`grid` of one level', mapped, (call) => call],
  ['`grid` of several levels', mapped, withFields({ levels: 2, grid: [1, 1, 1, 1, 2, 2], rows: 6 })],
  ['class indices', labelled, (call) => call],
  ['soft labels', labelled, withRoles(() => ({ softLabels: tensor([n, classes]) }), ['labels'])],
  ['`ignoreIndex`', labelled, withFields({ unlabelled: 1 })],
  ['`labelSmoothing`', labelled, withFields({ labelSmoothing: 0.1 })],
  [
    '`sampleWeights`, `weights`',
    weighted,
    withRoles((stage) => ({ weights: tensor([n, stage === 'cross_entropy' ? 1 : rows]) })),
  ],
  ['`classWeights`', labelled, withRoles(() => ({ classWeights: tensor([classes]) }))],
  ...words['normalization.kind'].map((kind): (typeof questions)[number] => [
    `\`normalization\` by ${kind}`,
    ['normalized_kd', 'gld'],
    withFields({ 'normalization.kind': number('normalization.kind', kind) }),
  ]),
  ['`compensated`', ['normalized_kd', 'gld'], withFields({ 'normalization.compensated': 1 })],
  ...words['relation.method'].map((method): (typeof questions)[number] => [
    `\`method: '${method}'\``,
    ['relation', 'gld'],
    withFields({ 'relation.method': number('relation.method', method) }),
  ]),
  ...words['relation.metric'].map((metric): (typeof questions)[number] => [
    `\`metric: '${metric}'\``,
    ['relation', 'gld'],
    withFields({ 'relation.metric': number('relation.metric', metric) }),
  ]),
  ...words.precision.map((precision): (typeof questions)[number] => [
    `\`precision: '${precision}'\``,
    multiplied,
    withFields({ precision: number('precision', precision) }),
  ]),
  [
    '16-bit gradients',
    ['gld'],
    (_, stage) => {
      const call = onLogits(plain(stage), stage);
      return { ...call, roles: { ...call.roles, 'out.logits': tensor([n, rows, classes], 'float16') } };
    },
  ],
];

/** The addon of a build, as users have it. */
export function loadBuild(folder = process.env.GLD_LOSS_PREBUILD || at('.')): Native {
  const native = (createRequire(import.meta.url)('node-gyp-build') as (folder: string) => Native)(folder);
  native.configure(1);
  return native;
}

/** Why an engine does not compute a call; undefined: it does. */
function ask(native: Native, stage: Stage, { fields, roles }: Call, device: number): Refusal | undefined {
  const { descriptor, buffers } = describe({ ...fields, device }, roles);
  return native.supports(stageNumber(stage), descriptor, buffers);
}

/** The calls by which the engines are asked, and whether the CPU says that it computes them. */
export function* questionsOf(native: Native): Generator<{ what: string; stage: Stage; call: Call; onCpu: boolean }> {
  for (const [what, of, change] of questions) {
    for (const stage of of) {
      const call = change(plain(stage), stage);
      yield { what, stage, call, onCpu: ask(native, stage, call, 0) === undefined };
    }
  }
}

/** Whether the build has both engines. Without its library, no GPU can be named. */
export function isComplete(native: Native): boolean {
  try {
    ask(native, 'relation', plain('relation'), 1);
    return true;
  } catch {
    return false;
  }
}

/** The engine's words, without the place that it speaks of, which the table says. */
function wordsOf({ code, expected, received }: Refusal): string {
  return `\`${code}\`: expected ${expected.replace(/ on (cuda:\d+|the CPU)|, (unlike on the CPU|which always.*)/g, '')}, got ${received}`;
}

function row(native: Native, [what, of, change]: (typeof questions)[number]): string {
  const reasons = new Set<string>();
  const cells = stages.map(([stage]) => {
    if (!of.includes(stage)) return '';
    const call = change(plain(stage), stage);
    const willing = engines.filter(({ device }) => {
      const refusal = ask(native, stage, call, device);
      if (refusal !== undefined) reasons.add(wordsOf(refusal));
      return refusal === undefined;
    });
    return willing.map(({ name }) => name).join(', ') || 'none';
  });
  return `| ${[what, ...cells, [...reasons].join('; ')].join(' | ')} |`;
}

/** The table, in Markdown. */
export function tableOf(native: Native): string {
  const names = stages.map(([, name]) => `\`${name}\``);
  const head = ['', ...names, 'what the other one says'];
  return [
    `| ${head.join(' | ')} |`,
    `|${'---|'.repeat(head.length)}`,
    ...questions.map((question) => row(native, question)),
  ].join('\n');
}

const marks = { begin: '<!-- made by npm run capabilities -->', end: '<!-- end -->' };

/** The page with that table in the place of its own. */
export function withTable(text: string, table: string): string {
  const begin = text.indexOf(marks.begin) + marks.begin.length;
  const end = text.indexOf(marks.end, begin);
  if (begin < marks.begin.length || end < 0) throw new Error(`${page} has no ${marks.begin} and ${marks.end}`);
  return `${text.slice(0, begin)}\n\n${table}\n\n${text.slice(end)}`;
}
