/**
 * A student in the manner of MobileNet, trained on the labels and by the distiller, in about a minute. The images are
 * generated. Usage: npm run distil -- [--epochs N] [--images N] [--seed N] [--save FOLDER]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Distiller } from 'gld-loss/tfjs';
import { shapes, type Split } from '../data/index.js';
import { tf, useBackend } from '../tfjs/backend.js';
import { separableNetwork } from './networks.js';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '16' },
    images: { type: 'string', default: '800' },
    seed: { type: 'string', default: '1' },
    save: { type: 'string' },
  },
});
const [epochs, trainSize, seed] = [values.epochs, values.images, values.seed].map(Number);

await useBackend('wasm');
const data = shapes({ seed, side: 12, parts: 3, noise: 0.05, trainSize, testSize: 500 });
const { width: side, channels, classes } = data;

/** All of a split as tensors. */
async function tensorsOf(split: Split) {
  for await (const { images, labels, shape } of split.batches({ batchSize: split.size })) {
    return [tf.tensor4d(images, shape), tf.tensor1d(labels, 'int32')] as const;
  }
  throw new Error('a split without images');
}
const [images, labels] = await tensorsOf(data.train);
const validationData = await tensorsOf(data.test);

const network = (width: number, seed: number) =>
  separableNetwork({ side, channels, classes: classes.length, width, strides: [2, 1], seed });

const args = { epochs, batchSize: 32, verbose: 0, validationData } as const;
const report = (name: string, model: tf.LayersModel, accuracies: number[]) => {
  const accuracy = (100 * accuracies[accuracies.length - 1]).toFixed(1);
  console.log(`${name.padEnd(20)} ${String(model.countParams()).padStart(6)} parameters  ${accuracy.padStart(5)} %`);
};

/** Keras's loss of class indices takes them as floating-point numbers. */
async function trainOnLabels(model: tf.LayersModel): Promise<number[]> {
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const { history } = await model.fit(images, tf.cast(labels, 'float32'), {
    ...args,
    validationData: [validationData[0], tf.cast(validationData[1], 'float32')],
  });
  return history.val_acc as number[];
}

console.log(
  `${data.train.size} images of ${classes.length} classes, ${epochs} epochs; accuracy on ${data.test.size} others`,
);
const teacher = network(12, seed);
report('teacher', teacher, await trainOnLabels(teacher));
const alone = network(4, seed + 100);
report('student, labels', alone, await trainOnLabels(alone));

const student = network(4, seed + 100);
const optimizer = tf.train.adam(0.01);
const distiller = new Distiller(tf, { teacher, student, optimizer, loss: { grid: 2 }, metrics: ['accuracy'] });
const { history } = await distiller.fit(images, labels, args);
report('student, distilled', student, history.val_acc);
await distiller.dispose();

if (values.save !== undefined) {
  // Without tfjs-node there is no file://, but a handler takes whatever a model is saved to.
  const folder = values.save;
  await mkdir(folder, { recursive: true });
  await student.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs = [], weightData = new ArrayBuffer(0) }) => {
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      const parts = Array.isArray(weightData) ? weightData : [weightData];
      await writeFile(join(folder, 'model.json'), JSON.stringify({ modelTopology, weightsManifest }));
      await writeFile(join(folder, 'weights.bin'), Buffer.concat(parts.map((part) => Buffer.from(part))));
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  console.log(`saved to ${folder}`);
}
