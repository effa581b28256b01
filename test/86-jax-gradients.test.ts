/** The adapter's value and gradients against jax-js's own differentiation of the same loss. */
import * as jax from '@jax-js/jax';
import { gldLoss as core } from 'gld-loss';
import { jaxGld } from 'gld-loss/jax';
import t, { type Test } from 'tap';
import { normal, opsLoss, type OpsOptions, type OpsSide } from './86-jax-ops.js';

const { nn, numpy: np, tree } = jax;
type A = InstanceType<typeof jax.Array>;

await jax.init('cpu', 'wasm');
const N = 3;
const K = 5;
const gldLoss = jaxGld(jax);
t.teardown(() => gldLoss.dispose());

function features(seed: number, [channels, height, width]: number[], bias = true): OpsSide {
  const side = { features: normal(seed, [N, channels, height, width]), weight: normal(seed + 1, [K, channels]) };
  return bias ? { ...side, bias: normal(seed + 2, [K]) } : side;
}

const logits = (seed: number, rows = 5): OpsSide => ({ logits: normal(seed, [N, rows, K]) });

interface Case {
  name: string;
  teacher: () => OpsSide;
  student: () => OpsSide;
  /** A class of each sample, or 'soft', or none. */
  labels?: number[] | 'soft';
  options?: OpsOptions;
}

const cases: Case[] = [
  {
    name: 'features on both sides',
    teacher: () => features(1, [6, 4, 4]),
    student: () => features(5, [3, 4, 4]),
    labels: [4, 0, 2],
  },
  { name: 'without a bias', teacher: () => logits(1), student: () => features(5, [3, 4, 4], false), labels: [4, 0, 2] },
  { name: 'soft labels', teacher: () => logits(1), student: () => features(5, [4, 2, 2]), labels: 'soft' },
  { name: 'no labels', teacher: () => logits(1), student: () => features(5, [4, 2, 2]) },
  { name: 'logits on both sides', teacher: () => logits(1), student: () => logits(5), labels: [1, 1, 3] },
  { name: 'global logits only', teacher: () => logits(1, 1), student: () => logits(5, 1), labels: [1, 1, 3] },
  {
    name: 'maps of two sizes under a grid that divides neither',
    teacher: () => features(1, [3, 5, 4]),
    student: () => features(5, [2, 4, 7]),
    labels: [0, 1, 2],
    options: { grid: [2, 3] },
  },
  { name: 'a temperature', teacher: () => logits(1), student: () => features(5, [3, 4, 4]), options: { temperature: 4 } },
  {
    name: 'other weights of the terms',
    teacher: () => logits(1),
    student: () => features(5, [3, 4, 4]),
    labels: [0, 1, 2],
    options: { alpha: 0.2, beta: 3, localWeight: 0.5 },
  },
];

/** Largest difference of two arrays, relative to the largest element of the second. Consumes both. */
function difference(actual: A, expected: A): number {
  const worst = np.abs(expected.ref).max().item();
  return np.abs(actual.sub(expected)).max().item() / worst;
}

async function check(t: Test, { teacher: makeTeacher, student: makeStudent, labels, options = {} }: Case): Promise<void> {
  const [teacher, student] = [makeTeacher(), makeStudent()];
  const soft = labels === 'soft' ? nn.softmax(normal(9, [N, K]), 1) : undefined;
  const hard = Array.isArray(labels) ? np.array(Int32Array.from(labels)) : undefined;
  const given = () => (soft ?? hard)?.ref;
  const { temperature, ...rest } = options;
  const normalization = temperature === undefined ? undefined : ({ kind: 'temperature', temperature } as const);
  const own = { ...rest, normalization };

  const probabilities = () => soft?.ref ?? (hard && nn.oneHot(hard.ref, K));
  const [value, gradients] = jax.valueAndGrad((side: OpsSide) =>
    opsLoss(tree.ref(teacher as never), side, probabilities(), options))(tree.ref(student as never)) as [A, OpsSide];
  const loss = value.item();
  const close = (actual: OpsSide, what: string) => {
    for (const [name, expected] of Object.entries(gradients) as [keyof OpsSide, A][]) {
      t.same(actual[name]!.shape, expected.shape, `${what}: shape of the gradient of ${name}`);
      t.equal(actual[name]!.dtype, 'float32');
      t.ok(difference(actual[name]!, expected.ref) < 1e-4, `${what}: gradient of ${name}`);
    }
  };
  const targets = () => ({ teacher: tree.ref(teacher as never), labels: given() }) as never;
  const forward = (side: OpsSide) => side as never;

  const result = gldLoss(forward, [tree.ref(student as never) as OpsSide], targets(), own);
  t.ok(Math.abs(result.loss - loss) < 1e-5 * loss, 'loss');
  close(result.gradients[0], 'hand-off');
  const later = await gldLoss.async(forward, [tree.ref(student as never) as OpsSide], targets(), own);
  t.equal(later.loss, result.loss);
  t.same(later.terms, result.terms);
  close(later.gradients[0], 'asynchronous hand-off');

  const at = await gldLoss.surrogate({ ...(targets() as object), student: tree.ref(student as never) } as never, own);
  t.equal(at.loss, result.loss);
  const tangent = jax.valueAndGrad((side: OpsSide) => at.scalar(side as never));
  const [plane, slopes] = tangent(tree.ref(student as never)) as [A, OpsSide];
  t.ok(Math.abs(plane.item() - loss) < 1e-4 * loss, "the surrogate's value");
  close(slopes, 'surrogate');
  const compiled = jax.jit(jax.grad((side: OpsSide, constants: any) => gldLoss.scalar(side as never, constants)));
  close(compiled(tree.ref(student as never), at.constants() as never) as OpsSide, 'compiled surrogate');
  compiled.dispose();

  const arrays = [...Object.values(teacher), ...Object.values(student), soft ?? hard].filter(Boolean) as A[];
  t.ok(arrays.every(({ refCount }) => refCount === 1), 'no reference is left, and none is missing');
}

for (const device of ['cpu', 'wasm'] as const) {
  t.test(device, async (t) => {
    jax.defaultDevice(device);
    for (const one of cases) await t.test(one.name, async (t) => check(t, one));
  });
}

t.test('arrays for masks and weights of samples', async (t) => {
  const [map, teacher] = [normal(5, [N, K, 4, 6]), normal(1, [N, 5, K])];
  const mask = normal(2, [N, 4, 6]).greater(-0.5);
  const sampleWeights = np.array([0.5, 0, 2]);
  const labels = [4, 0, 2];
  const bytes = { data: Uint8Array.from(mask.ref.dataSync()), shape: [N, 4, 6] };
  const own = core({
    teacher: { logits: { data: teacher.ref.dataSync(), shape: teacher.shape } },
    student: { logitMap: { data: map.ref.dataSync(), shape: map.shape }, mask: bytes },
    labels,
    sampleWeights: [0.5, 0, 2],
  });
  const targets = () => ({ teacher: { logits: teacher.ref }, labels, sampleWeights: sampleWeights.ref });
  const student = (logitMap: A) => ({ logitMap, mask: mask.ref });
  const result = gldLoss(student, [map.ref], targets());
  t.equal(result.loss, own.loss);
  t.same(result.gradients[0].dataSync(), own.gradients!.logitMap!.data);
  const later = await gldLoss.async(student, [map.ref], targets());
  t.equal(later.loss, own.loss);
  t.same(later.gradients[0].dataSync(), own.gradients!.logitMap!.data);
  const at = await gldLoss.surrogate({ ...targets(), student: student(map.ref) });
  t.equal(at.loss, own.loss);
  t.same(jax.grad((map: A) => at.scalar(student(map)))(map.ref).dataSync(), own.gradients!.logitMap!.data);
  const arrays = [map, teacher, mask, sampleWeights];
  t.ok(arrays.every(({ refCount }) => refCount === 1), 'no reference is left, and none is missing');
});
