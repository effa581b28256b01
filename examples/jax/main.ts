/**
 * Distillation in jax-js, in seconds: a teacher, and two students of the same initial weights, one trained on the labels
 * and one by the GLD loss through `jaxStep` of `gld-loss/jax`. Usage: npx tsx examples/jax/main.ts [--epochs N] [--images N] [--seed N]
 */
import { parseArgs } from 'node:util';
import * as jax from '@jax-js/jax';
import { jaxStep } from 'gld-loss/jax';
import { Rng, shapes, type Batch, type Split } from '../data/index.js';
import { adam, classify, forward, initialize, type AdamState, type Parameters } from './network.js';

const { nn, numpy: np, tree } = jax;

type Images = jax.numpy.Array;

/** One update by a batch. Consumes all arguments. */
type Step<State> = (
  parameters: Parameters,
  state: State,
  batch: { images: Images; labels: jax.numpy.Array },
) => { parameters: Parameters; state: State };

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '12' },
    images: { type: 'string', default: '512' },
    seed: { type: 'string', default: '1' },
  },
});
const [epochs, trainSize, seed] = [values.epochs, values.images, values.seed].map(Number);

await jax.init('wasm');
jax.defaultDevice('wasm');
const data = shapes({ seed, side: 12, parts: 3, noise: 0.05, trainSize, testSize: 500 });
const classes = data.classes.length;

const batchSize = 32;
const steps = epochs * Math.ceil(trainSize / batchSize);
const optimizer = adam((step) => 0.005 * (1 + Math.cos((Math.PI * step) / steps)));

const tensors = ({ images, labels, size }: Batch) => ({
  images: np.array(images, { shape: [size, data.height, data.width, data.channels] }),
  labels: np.array(labels),
});

/** Consumes parameters and state, and returns the trained parameters. */
async function train<State extends object>(
  parameters: Parameters,
  state: State,
  step: Step<State>,
): Promise<Parameters> {
  const order = new Rng(seed);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for await (const batch of data.train.batches({ batchSize, shuffle: order })) {
      ({ parameters, state } = step(parameters, state, tensors(batch)));
    }
  }
  tree.dispose(state as never);
  return parameters;
}

/** Share of a split's images that are classified right. Consumes the parameters. */
async function accuracy(parameters: Parameters, split: Split): Promise<number> {
  let right = 0;
  for await (const batch of split.batches({ batchSize: 250 })) {
    const { images, labels } = tensors(batch);
    right += np
      .argmax(classify(tree.ref(parameters), images), 1)
      .equal(labels)
      .astype(np.int32)
      .sum()
      .item();
  }
  tree.dispose(parameters);
  return right / split.size;
}

const crossEntropy: Step<AdamState> = (parameters, state, { images, labels }) => {
  const loss = (p: Parameters, x: Images) =>
    nn.logSoftmax(classify(p, x), 1).mul(nn.oneHot(labels, classes)).sum().div(-labels.shape[0]);
  const [value, gradients] = jax.valueAndGrad(loss)(tree.ref(parameters), images) as [Images, Parameters];
  value.item(); // jax-js puts work off until something is read
  const [updates, next] = optimizer.update(gradients, state, tree.ref(parameters));
  const moved = tree.map((p: jax.numpy.Array, u: jax.numpy.Array) => p.add(u), parameters, updates) as Parameters;
  return { parameters: moved, state: next };
};

const report = async (name: string, parameters: Parameters, since: number) => {
  const count = tree.leaves(parameters).reduce((sum: number, x) => sum + (x as jax.numpy.Array).size, 0);
  const correct = 100 * (await accuracy(tree.ref(parameters), data.test));
  const seconds = (performance.now() - since) / 1000;
  console.log(
    `${name.padEnd(24)} ${String(count).padStart(6)} parameters  ${correct.toFixed(1).padStart(5)} %  ${seconds.toFixed(1)} s`,
  );
};

console.log(data.description);
let since = performance.now();
const untaught = initialize(16, classes, seed);
const teacher = await train(untaught, optimizer.init(tree.ref(untaught)), crossEntropy);
await report('teacher', teacher, since);

const step = jaxStep(jax, {
  teacher: (images: Images) => forward(tree.ref(teacher), images),
  student: forward,
  optimizer,
  steps,
  check: { teacher: (images) => classify(tree.ref(teacher), images), student: classify },
});
const first = initialize(4, classes, seed + 1);
for (const [name, run] of [
  ['student, labels', () => train(tree.ref(first), optimizer.init(tree.ref(first)), crossEntropy)],
  ['student, distilled', () => train(tree.ref(first), step.init(tree.ref(first)), step)],
] as const) {
  since = performance.now();
  const student = await run();
  await report(name, student, since);
  tree.dispose(student);
}
tree.dispose([teacher, first]);
step.dispose();
