// Prints how many bytes a call adds to the heap, to external memory and to array buffers, for calls of several kinds.
// Needs --expose-gc, and a young generation that is not collected while it counts.
import { GldLoss, gldSchedule } from 'gld-loss';

const WARM = 20_000;
const CALLS = 4_000;

const floats = (length, step) => Float32Array.from({ length }, (_, i) => Math.sin(i * step));
const tensor = (shape, step) => ({ data: floats(shape.reduce((a, b) => a * b), step), shape });
const classifier = (step) => ({ weight: tensor([10, 4], step), bias: tensor([10], 7) });
const side = (step, n = 1) => ({ features: tensor([n, 4, 4, 4], step), ...classifier(step + 1) });
const doubled = ({ data, shape }) => ({ data: Float64Array.from(data), shape });
const logits = { teacher: { logits: tensor([1, 5, 10], 1) }, student: { logits: tensor([1, 5, 10], 2) } };
const strided = {
  features: { data: floats(64, 2), shape: [1, 4, 4, 4], strides: [64, -16, 4, 1], offset: 48 },
  weight: tensor([4, 10], 3),
  layout: 'NHWC',
  weightLayout: 'CK',
};
const outOf = ({ features, weight, bias, logits, logitMap }) => {
  const out = {};
  for (const [name, given] of Object.entries({ features, weight, bias, logits, logitMap })) {
    if (given) out[name] = given.data.slice();
  }
  return { out };
};

const kinds = {
  'logits, no labels': logits,
  'logits, a list of labels': { ...logits, labels: [3] },
  'logits of float64': {
    teacher: { logits: doubled(logits.teacher.logits) },
    student: { logits: doubled(logits.student.logits) },
    labels: Int32Array.of(3),
  },
  'features, soft labels': { teacher: side(1), student: side(2), labels: tensor([1, 10], 0.1) },
  'features in other layouts': { teacher: side(1), student: strided, labels: { data: Uint8Array.of(3), shape: [1] } },
  'sample weights, and masks on both sides': {
    teacher: { ...side(1, 2), mask: { data: Uint8Array.from({ length: 32 }, (_, i) => i % 3), shape: [2, 4, 4] } },
    student: {
      ...side(2, 2),
      mask: {
        data: Uint8ClampedArray.from({ length: 40 }, (_, i) => i % 2),
        shape: [2, 4, 4],
        strides: [-20, 4, 1],
        offset: 20,
      },
    },
    labels: Int32Array.of(3, 255),
    sampleWeights: Float32Array.of(2, 0.5),
  },
  'a map of logits under a pyramid': {
    teacher: { logitMap: tensor([1, 10, 6], 1) },
    student: { logitMap: tensor([1, 5, 10], 2), layout: 'NWC', mask: { data: Uint8Array.of(1, 1, 1, 0, 0), shape: [1, 5] } },
    labels: [3],
    sampleWeights: { data: Float64Array.of(0, 3), shape: [1], offset: 1 },
  },
  'features against logits': { teacher: logits.teacher, student: side(2), labels: Int32Array.of(3) },
  'logits without cells, labels [n, 1]': {
    teacher: { logits: tensor([1, 10], 1) },
    student: { logits: tensor([1, 10], 2) },
    labels: { data: Float32Array.of(3), shape: [1, 1] },
  },
};

const options = {
  'sample weights, and masks on both sides': { ignoreIndex: 255, localWeight: 0.1 },
  'a map of logits under a pyramid': { grid: [1, 2, 3] },
};

/**
 * Bytes per call. What else allocates now and then (the compiler) is not in all of several rounds; on a busy machine it
 * takes longer until the compiled code is there, so rounds go on while something is allocated.
 */
function bytesOf(call, most = 60) {
  for (let i = 0; i < WARM; i += 1) call();
  const least = { heapUsed: Infinity, external: Infinity, arrayBuffers: Infinity };
  for (let round = 0; round < Math.min(6, most) || (round < most && least.heapUsed >= 2); round += 1) {
    globalThis.gc();
    const before = process.memoryUsage();
    for (let i = 0; i < CALLS; i += 1) call();
    const after = process.memoryUsage();
    for (const name in least) least[name] = Math.min(least[name], (after[name] - before[name]) / CALLS);
  }
  return least;
}

const results = {};
{
  // First, because where options of several forms have passed, the compiler allocates fractions that it reads from them.
  const schedule = gldSchedule({ alpha: { from: 0.9, to: 0.5, shape: 'cosine' }, warmup: 3, steps: WARM });
  const loss = new GldLoss();
  const lent = outOf(logits.student);
  let step = 0;
  results['weights of a schedule'] = bytesOf(() => loss.compute(logits, schedule(step++, lent)));
}
for (const [kind, inputs] of Object.entries(kinds)) {
  const loss = new GldLoss(options[kind]);
  const lent = outOf(inputs.student);
  results[kind] = bytesOf(() => loss.compute(inputs, lent));
  if (kind.startsWith('logits, a')) results['without out'] = bytesOf(() => loss.compute(inputs), 1);
}
console.log(JSON.stringify(results));
