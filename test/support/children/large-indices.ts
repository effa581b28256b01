/**
 * Views of few elements that lie far apart in a sparse block of device memory, and a dense map of more than 2^31 elements
 * of which nearly all are zero: the same numbers come out as from dense tensors in small blocks.
 */
import assert from 'node:assert/strict';
import { classify, crossEntropy, CudaTensor, gldLoss, normalizedKd, pool, relation, type DeviceTensor } from 'gld-loss';
import { arrayError } from '../compare.js';
import { Random } from '../random.js';

const random = new Random(82);
const beyond = 2 ** 31 + 64;
const float = (shape: readonly number[]) =>
  Float32Array.from(
    random.normals(
      shape.reduce((a, b) => a * b),
      2,
    ),
  );

/** The elements one by one, `stride` apart along the first axis and dense along the others. */
function spread(
  data: Float32Array | Int32Array,
  shape: readonly number[],
  stride: number,
): { tensor: DeviceTensor; close(): void } {
  const rest = shape.slice(1).reduce((a, b) => a * b, 1);
  const dtype = data instanceof Int32Array ? 'int32' : 'float32';
  const block = CudaTensor.empty([(shape[0] - 1) * stride + rest], { dtype });
  for (let i = 0; i < shape[0]; i++) {
    const piece = CudaTensor.at({ device: 'cuda', ptr: block.ptr + BigInt(4 * i * stride), shape: [rest], dtype });
    piece.write({ data: data.subarray(i * rest, (i + 1) * rest), shape: [rest] });
    piece.dispose();
  }
  const dense = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  return {
    tensor: { device: 'cuda', ptr: block.ptr, shape, dtype, strides: [stride, ...dense.slice(1)] },
    close: () => block.dispose(),
  };
}

const device = { device: 'cuda' } as const;
const array = (tensor: unknown) => {
  const data = tensor instanceof CudaTensor ? tensor.toHost().data : (tensor as { data: Float32Array }).data;
  return Array.from(data as Float32Array);
};

/** Where they lie may choose another kernel, which rounds otherwise, but nothing more. */
function same(what: string, near: object, far: object): void {
  const arrays = (result: object): number[][] =>
    Object.values(result).flatMap((value): number[][] =>
      typeof value === 'number'
        ? [[value]]
        : typeof value !== 'object'
          ? []
          : 'data' in value || value instanceof CudaTensor
            ? [array(value)]
            : arrays(value),
    );
  const [expected, got] = [arrays(near), arrays(far)];
  assert.equal(got.length, expected.length);
  for (const [i, values] of expected.entries())
    assert.ok(arrayError(got[i], values) < 1e-6, `${what}: ${arrayError(got[i], values)}`);
  console.log(what);
}

for (const layout of ['NCHW', 'NHWC'] as const) {
  const shape = layout === 'NCHW' ? [2, 3, 4, 6] : [2, 4, 6, 3];
  const map = float(shape);
  const upstream = float([2, 5, 3]);
  const far = spread(map, shape, beyond);
  const farUpstream = spread(upstream, [2, 5, 3], beyond);
  same(
    `pool, ${layout}, samples 2^31 elements apart`,
    pool({ features: { data: map, shape }, layout }, { ...device, upstream: { data: upstream, shape: [2, 5, 3] } }),
    pool({ features: far.tensor, layout }, { ...device, upstream: farUpstream.tensor }),
  );
  far.close();
  farUpstream.close();
}
{
  const [logits, other, labels] = [float([3, 40]), float([3, 40]), Int32Array.of(3, 39, 0)];
  const [farLogits, farOther, farLabels] = [
    spread(logits, [3, 40], beyond),
    spread(other, [3, 40], beyond),
    spread(labels, [3], beyond),
  ];
  const near = (data: Float32Array) => ({ data, shape: [3, 40] });
  same(
    'cross_entropy',
    crossEntropy({ logits: near(logits), labels }, device),
    crossEntropy({ logits: farLogits.tensor, labels: farLabels.tensor }, device),
  );
  same(
    'normalized_kd',
    normalizedKd({ teacher: near(other), student: near(logits) }, device),
    normalizedKd({ teacher: farOther.tensor, student: farLogits.tensor }, device),
  );
  for (const method of ['pairwise', 'moments'] as const) {
    same(
      `relation, ${method}`,
      relation({ teacher: near(other), student: near(logits) }, { ...device, method }),
      relation({ teacher: farOther.tensor, student: farLogits.tensor }, { ...device, method }),
    );
  }
  for (const one of [farLogits, farOther, farLabels]) one.close();
}
{
  const [pooled, weight, bias] = [float([3, 9]), float([5, 9]), float([5])];
  const [farPooled, farWeight, farBias] = [
    spread(pooled, [3, 9], beyond),
    spread(weight, [5, 9], beyond),
    spread(bias, [5], beyond),
  ];
  const upstream = { data: float([3, 5]), shape: [3, 5] };
  same(
    'classifier',
    classify(
      {
        pooled: { data: pooled, shape: [3, 9] },
        weight: { data: weight, shape: [5, 9] },
        bias: { data: bias, shape: [5] },
      },
      { ...device, upstream },
    ),
    classify({ pooled: farPooled.tensor, weight: farWeight.tensor, bias: farBias.tensor }, { ...device, upstream }),
  );
  for (const one of [farPooled, farWeight, farBias]) one.close();
}
{
  // The whole loss, from a student whose map is far apart.
  const map = float([2, 3, 4, 4]);
  const [weight, logits] = [
    { data: float([6, 3]), shape: [6, 3] },
    { data: float([2, 5, 6]), shape: [2, 5, 6] },
  ];
  const far = spread(map, [2, 3, 4, 4], beyond);
  const inputs = (features: object) =>
    ({ teacher: { logits }, student: { features, weight }, labels: [1, 5] }) as never;
  same(
    'gld',
    gldLoss(inputs({ data: map, shape: [2, 3, 4, 4] }), device) as object,
    gldLoss(inputs(far.tensor), device) as object,
  );
  far.close();
}

/** A dense map of n C H W > 2^31, all zero but for the last sample. */
for (const layout of ['NCHW', 'NHWC'] as const) {
  const [channels, side] = [64, 64];
  const perSample = channels * side * side;
  const samples = 2 ** 31 / perSample + 1;
  const shape = layout === 'NCHW' ? [samples, channels, side, side] : [samples, side, side, channels];
  const features = CudaTensor.empty(shape, { dtype: 'float16' });
  const last = Uint16Array.from({ length: perSample }, (_, i) => 0x3c00 + (i % 1024));
  const place = CudaTensor.at({
    device: 'cuda',
    ptr: features.ptr + BigInt(2 * (samples - 1) * perSample),
    shape: [perSample],
    dtype: 'float16',
  });
  place.write({ data: last, shape: [perSample], dtype: 'float16' });
  place.dispose();
  const rows = array(pool({ features, layout } as never, device).pooled);
  const alone = pool(
    { features: { data: last, shape: [1, ...shape.slice(1)], dtype: 'float16' }, layout },
    device,
  ).pooled;
  assert.ok(
    rows.slice(0, rows.length - 5 * channels).every((value) => value === 0),
    'the zeros',
  );
  assert.deepEqual(rows.slice(-5 * channels), array(alone), 'and the last sample');
  features.dispose();
  console.log(`pool, ${layout}, dense, ${shape.join('x')} elements`);
}
