/** What a user takes out of a model by hand, checked against the model itself; and teachers that end in a softmax. */
import { tf } from '../../support/tfjs.js';
import { tfjsGld, type TfjsSide } from 'gld-loss/tfjs';
import t from 'tap';
import { present } from '../../../tools/present.js';

const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());
await tf.setBackend('cpu');

const [N, K] = [3, 4];
const images = tf.randomNormal([N, 8, 8, 3], 0, 1, 'float32', 1);
const { conv2d, dense, globalAveragePooling2d } = tf.layers;
const seeded = (seed: number) => tf.initializers.glorotNormal({ seed });

/** A model, and what "its map and the weights of its last layer" are. */
function split(...head: tf.layers.Layer[]): { model: tf.LayersModel; side: TfjsSide<tf.Tensor> } {
  const convolution = conv2d({ inputShape: [8, 8, 3], filters: 16, kernelSize: 3, kernelInitializer: seeded(2) });
  const pooling = globalAveragePooling2d({});
  const model = tf.sequential({ layers: [convolution, pooling, ...head] });
  const map = tf.model({ inputs: model.inputs, outputs: pooling.input });
  const [weight, bias] = present(head.at(-1)).weights.map((variable) => variable.read());
  return { model, side: { features: map.predict(images) as tf.Tensor, weight, bias } };
}

const last = (activation: 'linear' | 'softmax' = 'linear') =>
  dense({ units: K, activation, kernelInitializer: seeded(3) });

for (const form of ['check', 'checkAsync'] as const) {
  t.test(form, async (t) => {
    const check = async (...args: Parameters<typeof gldLoss.check>) => gldLoss[form](...args);
    const right = split(last());
    const output = right.model.predict(images) as tf.Tensor;
    const before = tf.memory().numTensors;
    t.match(await check(right.side, output), { output: 'logits' });
    const { features, ...classifier } = right.side as { features: tf.Tensor };
    const channelsFirst = { ...classifier, features: tf.transpose(features, [0, 3, 1, 2]), layout: 'NCHW' } as const;
    t.match(await check(channelsFirst as never, output, { name: 'student' }), { output: 'logits' });
    channelsFirst.features.dispose();
    t.match(await check({ logits: output }, output), { output: 'logits' });

    const ending = split(last('softmax'));
    const probabilities = ending.model.predict(images) as tf.Tensor;
    t.match(await check(ending.side, probabilities), { output: 'softmax' });
    await t.rejects(check({ logits: probabilities }, probabilities), {
      code: 'ERR_GLD_SPLIT',
      argument: 'side.logits',
      expected: /before the softmax/,
    });

    const hidden = split(dense({ units: 16, activation: 'relu', kernelInitializer: seeded(4) }), last());
    await t.rejects(check(hidden.side, hidden.model.predict(images) as tf.Tensor, { name: 'teacher' }), {
      code: 'ERR_GLD_SPLIT',
      argument: 'teacher',
      received: /a layer between that mean and the classifier/,
    });
    await t.rejects(check({ ...right.side, weight: tf.zeros([16, K]) } as never, output), { code: 'ERR_GLD_SPLIT' });
    await t.rejects(check(right.side, tf.zeros([N, K + 1])), { code: 'ERR_GLD_SHAPE', argument: 'output' });
    await t.rejects(check(right.model as never, output), {
      code: 'ERR_GLD_ARG_TYPE',
      received: 'a model of TensorFlow.js',
    });
    await t.rejects(check(right.side, output.data() as never), {
      code: 'ERR_GLD_ARG_TYPE',
      received: 'a promise that was not awaited',
    });
    await t.rejects(check(right.side, output, { name: 'third' as never }), {
      code: 'ERR_GLD_OPTION',
      argument: 'name',
    });
    t.ok(tf.memory().numTensors >= before, 'reading disposes nothing');
    t.notOk(output.isDisposed);
  });
}

t.test('probabilities of a teacher are warned of', async (t) => {
  const warning = new Promise<NodeJS.ErrnoException>((resolve) => process.once('warning', resolve));
  const { model } = split(last('softmax'));
  const logits = model.predict(images) as tf.Tensor;
  gldLoss({ teacher: { logits }, student: { logits: tf.randomNormal([N, K]) } });
  t.match(await warning, { code: 'GLD_PROBABILITIES', message: /^teacher\.logits: / });
});
