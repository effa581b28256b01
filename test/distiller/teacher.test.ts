/** Teachers that are functions or stored outputs; and what is no teacher. */
import type { TensorLike } from 'gld-loss';
import { openTeacher, tfjsGld } from 'gld-loss/tfjs';
import t from 'tap';
import { tf } from '../support/tfjs.js';

await tf.setBackend('cpu');
const gldLoss = tfjsGld(tf);
t.teardown(() => gldLoss.dispose());
const [N, n, C, K] = [7, 3, 4, 5];
const images = tf.zeros([n, 8, 8, 3]);
const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

t.test('a function: its tensors are read, and those that it made are disposed', async (t) => {
  const [weight, bias] = [random([C, K], 1), random([K], 2)];
  const seen: unknown[] = [];
  const teacher = await openTeacher(
    tf,
    (given, indices) => {
      seen.push(given.shape, indices);
      return { features: tf.mul(random([n, 2, 2, C], 3), 1), weight, bias };
    },
    images,
  );
  const before = tf.memory().numTensors;
  const side = await teacher.outputs(images, [2, 0, 1]);
  t.equal(tf.memory().numTensors, before);
  t.same(seen, [images.shape, [2, 0, 1]]);
  t.match(side, { layout: 'NHWC', weightLayout: 'CK', weight: { data: weight.dataSync(), shape: [C, K] } });
  t.ok(Number.isFinite(gldLoss({ teacher: side, student: { logits: random([n, 5, K], 4) } }).dataSync()[0]));

  const later = await openTeacher(
    tf,
    () => Promise.resolve({ logits: { data: new Float32Array(n * K), shape: [n, K] } }),
    images,
  );
  t.match(await later.outputs(images), { logits: { shape: [n, K] } });
  const wrong = await openTeacher(tf, () => ({ logits: random([n, K], 1), weights: 1 }) as never, images);
  await t.rejects(wrong.outputs(images), { code: 'ERR_GLD_OPTION', argument: 'teacher.weights' });
});

t.test('an asynchronous function: what it made before it first waited is read, and disposed', async (t) => {
  const [weight, kept] = [random([C, K], 1), tf.keep(random([K], 2))];
  const features = { data: new Float32Array(n * 4 * C), shape: [n, 2, 2, C] };
  const before = tf.memory().numTensors;
  const outputs = async (teacher: (given: tf.Tensor) => Promise<object>) =>
    (await openTeacher(tf, teacher as never, images)).outputs(images);
  const side = await outputs(async (given) => {
    const [made, own] = [tf.tidy(() => tf.add(tf.slice(given, 0, 1).sum(), random([n, 2, 2, C], 3))), tf.scalar(1)];
    const bias = tf.mul(kept, 2);
    await new Promise(setImmediate);
    own.dispose();
    return { features: made, weight, bias };
  });
  t.equal(tf.memory().numTensors, before);
  t.match(side, { features: { data: random([n, 2, 2, C], 3).dataSync() }, weight: { data: weight.dataSync() } });
  const mine = await outputs(async () => {
    const bias = tf.keep(tf.mul(kept, 2));
    return { features, weight, bias };
  });
  t.match(mine, { bias: { data: tf.mul(kept, 2).dataSync() } });
  const failing = outputs(async (given) => {
    tf.mul(given, 2);
    await new Promise(setImmediate);
    throw new Error('mine');
  });
  await t.rejects(failing, { message: 'mine' });
  const wrong = outputs(async (given) => ({ logits: tf.mul(given, 2), bias: 1, more: 2 }));
  await t.rejects(wrong, { code: 'ERR_GLD_OPTION', argument: 'teacher.more' });
  t.equal(tf.memory().numTensors, before + 3, 'what the test made, and what it kept');
});

t.test('stored outputs: those of the samples', async (t) => {
  const logits = random([N, 5, K], 5);
  const all = logits.dataSync();
  const teacher = await openTeacher(tf, { logits }, images);
  const { logits: taken } = (await teacher.outputs(images, [6, 0, 6])) as { logits: TensorLike };
  t.same(taken.shape, [3, 5, K]);
  t.same(
    [...(taken.data as Float32Array)],
    [6, 0, 6].flatMap((i) => [...all.subarray(i * 5 * K, (i + 1) * 5 * K)]),
  );

  const halves = new Uint16Array(N * C * 4).map((_, i) => i);
  const features = { data: halves, shape: [N, C, 2, 2], dtype: 'float16', strides: [1, 4 * N, 2 * N, N] };
  const weight = { data: new Float32Array(K * C), shape: [K, C] };
  const side = {
    features,
    weight,
    layout: 'NCHW',
    weightLayout: 'KC',
    mask: { data: new Uint8Array(N * 4).fill(1), shape: [N, 2, 2] },
  } as const;
  const given = await (await openTeacher(tf, side, images)).outputs(images, [5, 1]);
  t.match(given, {
    layout: 'NCHW',
    weightLayout: 'KC',
    weight,
    features: { shape: [2, C, 2, 2], dtype: 'float16' },
    mask: { shape: [2, 2, 2] },
  });
  const { data } = (given as { features: TensorLike }).features as { data: Uint16Array };
  t.same([...data.subarray(0, 3)], [5, 5 + N, 5 + 2 * N]);

  await t.rejects(teacher.outputs(images), { code: 'ERR_GLD_ARG_TYPE', argument: 'indices' });
  await t.rejects(teacher.outputs(images, [1, 7]), { code: 'ERR_GLD_OPTION', argument: 'indices[1]', received: '7' });
});

t.test('what is no teacher', async (t) => {
  for (const [value, argument] of [
    [null, 'teacher'],
    [7, 'teacher'],
    [{ model: 7 }, 'teacher.model'],
    [{ model: { predict() {} } }, 'teacher.model'],
    [images, 'teacher'],
  ] as const) {
    await t.rejects(openTeacher(tf, value as never, images), { code: 'ERR_GLD_ARG_TYPE', argument });
  }
  const model = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [8, 8, 3] })] });
  for (const [names, error] of [
    [{ feature: 'x' }, { code: 'ERR_GLD_OPTION', argument: 'teacher.feature', expected: /did you mean features/ }],
    [{ features: true }, { code: 'ERR_GLD_ARG_TYPE', argument: 'teacher.features' }],
    [{ preprocess: 2 }, { code: 'ERR_GLD_ARG_TYPE', argument: 'teacher.preprocess' }],
    [{ layout: 'HW' }, { code: 'ERR_GLD_OPTION', argument: 'teacher.layout' }],
  ] as const) {
    await t.rejects(openTeacher(tf, { model, ...names } as never, images), error);
  }
  await t.rejects(openTeacher(tf, { logits: images, logit: images } as never, images), {
    code: 'ERR_GLD_OPTION',
    argument: 'teacher.logit',
  });
});
