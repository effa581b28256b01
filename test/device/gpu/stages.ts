/** The stages on a GPU: what they give on the CPU, to rounding, with results where their inputs are. */
import { classify, crossEntropy, CudaTensor, gldLoss, normalizedKd, pool, relation, type AnyTensor } from 'gld-loss';
import t from 'tap';
import { arrayError, lossError } from '../../support/compare.js';
import { Random } from '../../support/random.js';
import { encode, placements, type Placement } from '../../support/tensors.js';
import { homes, moved, valuesOf, type Home } from './support.js';

const random = new Random(80);
const tensor = (shape: number[], placement: Placement): never =>
  encode({ data: random.normals(shape.reduce((a, b) => a * b)), shape }, 'float32', placement).tensor as never;

type Asserts = Pick<typeof t, 'ok' | 'equal' | 'same'>;

function compare(t: Asserts, what: string, here: object, there: object): void {
  for (const [name, value] of Object.entries(here)) {
    const got = (there as Record<string, unknown>)[name];
    const path = `${what} ${name}`;
    if (typeof value === 'number') t.ok(lossError(got as number, value) < 1e-6, path);
    else if (typeof value === 'string') t.equal(got, value, path);
    else if ('shape' in value) {
      t.same((got as { shape: unknown }).shape, value.shape, `${path}: shape`);
      t.ok(arrayError(valuesOf(got as object), value.data) < 1e-5, path);
    } else compare(t, path, value, got as object);
  }
}

for (const home of homes) {
  for (const placement of placements) {
    t.test(`what conformance leaves out; tensors: ${home}, ${placement}`, async (t) => {
      const to = (value: never): never => moved(value, home as Home) as never;
      const device = 'cuda';
      const features = tensor([3, 5, 6, 7], placement);
      const alone = pool({ features: to(features) }, { device, grid: [2, 3] });
      compare(t, 'pool without an upstream', pool({ features }, { grid: [2, 3] }), alone);
      const given = { pooled: tensor([4, 3, 5], placement), weight: tensor([6, 5], placement) };
      const bias = tensor([6], placement);
      const upstream = tensor([4, 3, 6], placement);
      compare(
        t,
        'classify rows of samples',
        classify({ ...given, bias }, { upstream }),
        classify(
          { pooled: to(given.pooled), weight: to(given.weight), bias: to(bias) },
          { device, upstream: to(upstream) },
        ),
      );
      const logits = tensor([4, 6], placement);
      const labels = { data: Int32Array.of(0, 5, 2, 1), shape: [4] } as never;
      const column = {
        data: Int32Array.of(9, 9, 0, 5, 2, 1).reverse(),
        shape: [4, 1],
        strides: [-1, 3],
        offset: 3,
      } as never;
      compare(
        t,
        'crossEntropy of labels [n, 1]',
        crossEntropy({ logits, labels }),
        crossEntropy({ logits: to(logits), labels: to(column) }, { device }),
      );
      const other = tensor([4, 6], placement);
      // Which method is the faster one is not the same there.
      const method = { relation: { method: 'pairwise' } } as const;
      compare(
        t,
        'gldLoss of logits [n, K]',
        gldLoss({ teacher: { logits }, student: { logits: other }, labels }, method),
        gldLoss(
          { teacher: { logits: to(logits) }, student: { logits: to(other) }, labels: to(column) },
          { ...method, device },
        ),
      );
      t.notOk('gradients' in crossEntropy({ logits: to(logits), labels }, { device, gradients: false }));
    });
  }
}

t.test('results are where the inputs are, and go on from there', async (t) => {
  const features: AnyTensor = CudaTensor.from(tensor([2, 3, 4, 4], 'dense'));
  const { pooled } = pool({ features });
  t.type(pooled, CudaTensor);
  const { logits } = classify({ pooled, weight: CudaTensor.from(tensor([5, 3], 'dense')) });
  t.same(logits.shape, [2, 5, 5]);
  const { gradients } = relation({ teacher: tensor([2, 5, 5], 'dense') as AnyTensor, student: logits });
  t.type(gradients?.logits, CudaTensor);
});

t.test('what is refused', async (t) => {
  const logits = { data: new Float64Array(12).fill(1), shape: [3, 4] };
  t.throws(() => normalizedKd({ teacher: logits, student: logits }, { device: 'cuda' }), {
    code: 'ERR_GLD_DTYPE',
    argument: 'teacher',
  });
  const single = { data: new Float32Array(12).fill(1), shape: [3, 4] };
  t.throws(() => relation({ teacher: single, student: single }, { precision: 'tf32' }), {
    code: 'ERR_GLD_OPTION',
    argument: 'precision',
  });
  t.throws(() => normalizedKd({ teacher: single, student: single }, { device: 'cuda:99' }), {
    code: 'ERR_GLD_DEVICE',
    argument: 'device',
  });
});
