/** Stage `cross_entropy`: labels of both kinds, smoothed, ignored, and weighted. */
import { crossEntropy } from 'gld-loss';
import * as reference from '../../reference/cross-entropy.js';
import { smoothedBy } from '../../support/options.js';
import { stageCheck, type Kit } from './kit.js';

interface Case {
  n: number;
  classes: number;
  smoothing: number;
  /** By samples and by classes. */
  weighted?: boolean;
  /** The class to ignore: that of the last sample, or one that every third sample has. */
  ignore?: 'a class' | -100;
}

const sizes = [
  [1, 2],
  [3, 5],
  [7, 33],
  [70, 10],
  [65, 100],
  [17, 1000],
] as const;

const plain: Case[] = sizes.flatMap(([n, classes]) => [0, 0.1].map((smoothing) => ({ n, classes, smoothing })));
const full: Case[] = [
  [1, 2],
  [5, 3],
  [70, 10],
  [17, 257],
].flatMap(([n, classes]) =>
  [0, 0.1, 0.9].flatMap((smoothing) =>
    [false, true].flatMap((weighted) => [
      { n, classes, smoothing, weighted },
      { n, classes, smoothing, weighted, ignore: 'a class' as const },
      { n, classes, smoothing, weighted, ignore: -100 as const },
    ]),
  ),
);

type Limits = Record<'float32' | 'float64', { loss: number; gradient: number }>;

/** Hard labels, with the ignored ones among them; in memory of the target's where nothing is ignored. */
function hardLabels(kit: Kit, { n, classes, ignore }: Case) {
  const { given, exact } = kit.labels(n, classes);
  if (ignore === undefined)
    return {
      kind: 'hard',
      given,
      targets: reference.oneHot(exact, classes),
      counts: new Float64Array(n).fill(1),
      indices: exact,
    };
  const labels = ignore === -100 ? exact.map((label, i) => (i % 3 === 1 ? -100 : label)) : exact;
  const ignoreIndex = ignore === -100 ? -100 : exact[n - 1];
  const counts = Float64Array.from(labels, (label) => Number(label !== ignoreIndex));
  const targets = reference.oneHot(labels, classes, ignoreIndex);
  return { kind: 'hard', given: labels, targets, counts, indices: labels, ignoreIndex };
}

function softLabels(kit: Kit, { n, classes }: Case) {
  const dense = kit.normals([n, classes]);
  const { given, exact } = kit.give({ ...dense, data: Float64Array.from(dense.data, Math.abs) });
  return { kind: 'soft', given, targets: exact, counts: new Float64Array(n).fill(1), indices: undefined };
}

const run = (limits: Limits) => (kit: Kit, one: Case) => {
  const { n, classes, smoothing, weighted = false, ignore } = one;
  const limit = limits[kit.form.computed];
  const logits = kit.give(kit.normals([n, classes], 3));
  const frequencies = Float64Array.from({ length: n }, (_, i) => [2, 0, 1, 0.25, 3][i % 5]);
  const weights = kit.give({ data: frequencies, shape: [n] }, kit.form.computed).given;
  const ofClasses = Float64Array.from({ length: classes }, (_, k) => (weighted ? [0.5, 3, 0, 1][k % 4] : 1));
  const classWeights = kit.give({ data: ofClasses, shape: [classes] }, kit.form.computed).given;
  const kinds = ignore === undefined ? [hardLabels(kit, one), softLabels(kit, one)] : [hardLabels(kit, one)];
  for (const { kind, given, targets, counts, indices, ...ignored } of kinds) {
    const got = crossEntropy(
      { logits: logits.given, labels: given, ...(weighted && { sampleWeights: weights, classWeights }) },
      { ...smoothedBy(smoothing), ...ignored, ...kit.options() },
    );
    const ask = () => {
      const smoothed = reference.smoothed(targets, classes, smoothing);
      const counted = weighted ? counts.map((count, i) => count * frequencies[i]) : counts;
      const of = reference.weighted(smoothed, classes, ofClasses, counted, indices);
      return reference.crossEntropy(logits.exact, of.targets, classes, counted, of.counts);
    };
    const expected = kit.expected(kind, ask);
    kit.loss(got.loss, expected.loss, limit.loss);
    kit.array('gradient', got.gradients?.logits, [n, classes], expected.gradient, limit.gradient);
  }
};

export const crossEntropyChecks = [
  stageCheck({
    name: 'cross_entropy',
    cases: plain,
    run: run({ float32: { loss: 1e-6, gradient: 1e-6 }, float64: { loss: 1e-14, gradient: 1e-14 } }),
  }),
  stageCheck({
    name: 'cross_entropy, weighted and ignored labels',
    cases: full,
    wide: () => true,
    run: run({ float32: { loss: 1e-7, gradient: 4e-7 }, float64: { loss: 1e-14, gradient: 1e-14 } }),
  }),
];
