/**
 * Distillation in jax-js, in seconds: a teacher, and two students of the same initial weights, one trained on the labels
 * and one by the GLD loss through `gld-loss/jax`. Usage: npx tsx examples/jax/main.ts [--epochs N] [--images N] [--seed N]
 */
import { parseArgs } from 'node:util';
import * as jax from '@jax-js/jax';
import { jaxGld } from 'gld-loss/jax';
import { Rng, shapes, type Batch, type Split } from '../data/index.js';
import { classify, forward, initialize, start, update, type Parameters } from './network.js';

const { nn, numpy: np, tree } = jax;

/** The loss of a batch and its gradients. Consumes all arguments. */
type Objective = (
  parameters: Parameters,
  images: jax.numpy.Array,
  labels: jax.numpy.Array,
) => [loss: number, Parameters];

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
const gldLoss = jaxGld(jax);
const data = shapes({ seed, side: 12, parts: 3, noise: 0.05, trainSize, testSize: 500 });
const classes = data.classes.length;

const tensors = ({ images, labels, size }: Batch) =>
  [np.array(images, { shape: [size, data.height, data.width, data.channels] }), np.array(labels)] as const;

/** Consumes the parameters, and returns the trained ones. */
async function train(parameters: Parameters, objective: Objective): Promise<Parameters> {
  let state = start(parameters);
  const order = new Rng(seed);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rate = 0.01 * 0.5 * (1 + Math.cos((Math.PI * epoch) / epochs));
    for await (const batch of data.train.batches({ batchSize: 32, shuffle: order })) {
      const [, gradients] = objective(tree.ref(state.parameters), ...tensors(batch));
      state = update(state, gradients, rate);
    }
  }
  tree.dispose([state.mean, state.square]);
  return state.parameters;
}

/** Share of a split's images that are classified right. Consumes the parameters. */
async function accuracy(parameters: Parameters, split: Split): Promise<number> {
  let right = 0;
  for await (const batch of split.batches({ batchSize: 250 })) {
    const [images, labels] = tensors(batch);
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

const crossEntropy: Objective = (parameters, images, labels) => {
  const loss = (p: Parameters, x: jax.numpy.Array) =>
    nn.logSoftmax(classify(p, x), 1).mul(nn.oneHot(labels, classes)).sum().div(-labels.shape[0]);
  const [value, gradients] = jax.valueAndGrad(loss)(parameters, images);
  return [value.item(), gradients as Parameters];
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
const teacher = await train(initialize(16, classes, seed), crossEntropy);
await report('teacher', teacher, since);

const distillation: Objective = (parameters, images, labels) => {
  const target = forward(tree.ref(teacher), images.ref);
  const { loss, gradients } = gldLoss(forward, [parameters, images], { teacher: target, labels });
  // The images are a primal too; nobody asked for their gradient.
  gradients[1].dispose();
  return [loss, gradients[0]];
};

for (const [name, objective] of [
  ['student, labels', crossEntropy],
  ['student, distilled', distillation],
] as const) {
  since = performance.now();
  const student = await train(initialize(4, classes, seed + 1), objective);
  await report(name, student, since);
  tree.dispose(student);
}
tree.dispose(teacher);
gldLoss.dispose();
