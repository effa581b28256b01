/** Whether a side is what its model computes: what is taken, and what is refused with what message. */
import { checkSide, type GldError, type Side, type SideCheck, type TensorLike } from 'gld-loss';
import t, { type Test } from 'tap';
import { toBfloat16, toFloat16 } from '../support/half.js';
import { Random } from '../support/random.js';

const random = new Random(73);
const [n, channels, classes] = [4, 6, 5];
type Matrix = { data: Float32Array; shape: number[] };
const tensor = (...shape: number[]): Matrix => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
  shape,
});
const each = ({ data, shape }: Matrix, f: (value: number, at: number) => number): Matrix => ({
  data: data.map((value, at) => f(value, at)),
  shape,
});

const features = each(tensor(n, channels, 6, 7), (x) => Math.max(x, 0));
const weight = tensor(classes, channels);
const bias = tensor(classes);
const side = { features, weight, bias };

/** In float64, by the definitions alone: the mean over the map times the classifier. */
function logitsOf(map: Matrix, { data: w }: Matrix, b?: Matrix): Matrix {
  const [samples, depth, ...size] = map.shape;
  const positions = size.reduce((a, c) => a * c);
  const k = w.length / depth;
  const data = Float32Array.from({ length: samples * k }, (_, at) => {
    const [i, label] = [Math.floor(at / k), at % k];
    let sum = b === undefined ? 0 : b.data[label];
    for (let c = 0; c < depth; c += 1) {
      const from = (i * depth + c) * positions;
      sum += (w[label * depth + c] * map.data.subarray(from, from + positions).reduce((a, x) => a + x, 0)) / positions;
    }
    return sum;
  });
  return { data, shape: [samples, k] };
}

function softmax({ data, shape }: Matrix): Matrix {
  const result = data.slice();
  for (let row = 0; row < data.length; row += shape[1]) {
    const z = [...data.subarray(row, row + shape[1])];
    const most = Math.max(...z);
    const e = z.map((x) => Math.exp(x - most));
    const sum = e.reduce((a, b) => a + b);
    result.set(
      e.map((x) => x / sum),
      row,
    );
  }
  return { data: result, shape };
}

const logits = logitsOf(features, weight, bias);

function near(t: Test, { output, difference }: SideCheck, wanted: SideCheck['output'], within = 1e-5): void {
  t.equal(output, wanted);
  t.ok(difference <= within, `${difference}`);
}

function refusal(given: unknown, output: unknown, settings?: object): GldError {
  try {
    checkSide(given as Side, output as TensorLike, settings);
  } catch (error) {
    return error as GldError;
  }
  throw new Error('nothing was refused');
}

/** The same elements with the axes in another order. */
function permuted({ data, shape }: Matrix, order: number[]): Matrix {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const to = order.map((axis) => shape[axis]);
  const result = data.map((_, at) => {
    let [rest, place] = [at, 0];
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      place += (rest % to[axis]) * strides[order[axis]];
      rest = Math.floor(rest / to[axis]);
    }
    return data[place];
  });
  return { data: result, shape: to };
}

t.test('a side that is what the model computes', async (t) => {
  near(t, checkSide(side, logits), 'logits');
  const nhwc = permuted(features, [0, 2, 3, 1]);
  near(t, checkSide({ ...side, features: nhwc, layout: 'NHWC' }, logits, { name: 'teacher' }), 'logits');
  near(t, checkSide({ ...side, weight: permuted(weight, [1, 0]), weightLayout: 'CK' }, logits), 'logits');
  near(t, checkSide({ features, weight }, logitsOf(features, weight)), 'logits');
  const doubles = ({ data, shape }: Matrix) => ({ data: Float64Array.from(data), shape });
  near(t, checkSide({ ...side, features: doubles(features) }, logits), 'logits');

  const transposed = permuted(logits, [1, 0]);
  const view = { data: transposed.data, shape: [n, classes], strides: [1, n] };
  near(t, checkSide(side, view), 'logits');
});

t.test('classes ruled out by large numbers hide nothing', async (t) => {
  for (const value of [-1e9, -1e4, -Infinity, 1e6]) {
    const rules = (at: number) => at % classes === 1;
    const ruled = (matrix: Matrix) => each(matrix, (x, at) => (rules(at) ? value : x));
    const all = {
      features,
      weight: each(weight, (x, at) => (Math.floor(at / channels) === 1 ? 0 : x)),
      bias: ruled(bias),
    };
    near(t, checkSide(all, ruled(logits)), 'logits');
    const other = ruled(each(logits, (x, at) => (at === 7 ? x + 0.1 : x)));
    t.equal(refusal(all, other).code, 'ERR_GLD_SPLIT', `${value}`);
  }
});

t.test('maps of logits and logits', async (t) => {
  const logitMap = tensor(n, classes, 3, 4);
  const identity = each(tensor(classes, classes), (_, at) => Number(at % (classes + 1) === 0));
  const means = logitsOf(logitMap, identity);
  near(t, checkSide({ logitMap }, means), 'logits');
  t.equal(refusal({ logitMap }, logits).code, 'ERR_GLD_SPLIT');
  const mask = { data: new Uint8Array(n * 12).map((_, i) => Number(i % 12 > 0)), shape: [n, 3, 4] };
  const masked = each(logitMap, (x, i) => (i % 12 > 0 ? (x * 12) / 11 : 0));
  near(
    t,
    checkSide({ logitMap: each(logitMap, (x, i) => (i % 12 > 0 ? x : NaN)), mask }, logitsOf(masked, identity)),
    'logits',
  );

  const rows = tensor(n, 5, classes);
  const first = each(tensor(n, classes), (_, at) => rows.data[Math.floor(at / classes) * 5 * classes + (at % classes)]);
  near(t, checkSide({ logits: rows }, first), 'logits', 0);
  near(t, checkSide({ logits: first }, first), 'logits', 0);
  near(
    t,
    checkSide(
      { logits: { ...rows, shape: [1, n * 5, classes] } },
      { ...first, shape: [1, classes], data: first.data.slice(0, classes) },
    ),
    'logits',
    0,
  );
  t.match(
    refusal({ logits: rows }, logits, { name: 'teacher' }).message,
    /^teacher: .* from the first row of its logits/,
  );
});

t.test('a model that ends in a softmax', async (t) => {
  near(t, checkSide(side, softmax(logits)), 'softmax');
  const large = each(logits, (x) => 40 * x);
  const sharp = { features, weight: each(weight, (x) => 40 * x), bias: each(bias, (x) => 40 * x) };
  near(t, checkSide(sharp, softmax(large)), 'softmax', 1e-4);
  near(t, checkSide({ logits }, softmax(logits)), 'softmax');
});

t.test('16-bit floats are as exact as they are', async (t) => {
  for (const [dtype, encode] of [
    ['float16', toFloat16],
    ['bfloat16', toBfloat16],
  ] as const) {
    const half = ({ data, shape }: Matrix) => ({ data: Uint16Array.from(data, encode), shape, dtype });
    const halves = { features: half(features), weight: half(weight), bias: half(bias) };
    t.equal(checkSide(halves, logits).output, 'logits', dtype);
    t.equal(checkSide(side, half(logits)).output, 'logits', `${dtype}: the output`);
    t.equal(checkSide(halves, half(softmax(logits))).output, 'softmax', `${dtype}: behind a softmax`);
    t.equal(
      refusal(
        halves,
        each(logits, (x) => 1.2 * x),
      ).code,
      'ERR_GLD_SPLIT',
      `${dtype}: another factor`,
    );
  }
});

t.test('a side that is something else', async (t) => {
  const square = tensor(channels, channels);
  const cube = tensor(n, 4, 4, 4);
  const head = tensor(classes, 4);
  const hidden = tensor(channels, channels);
  const behind = logitsOf(
    { ...each(logitsOf(features, hidden), (x) => Math.max(x, 0)), shape: [n, channels, 1] },
    weight,
    bias,
  );
  const wrong: [what: string, given: Side, output: Matrix, cause: RegExp][] = [
    ['a hidden layer as wide as the map', side, behind, /a layer between that mean and the classifier/],
    ['a hidden layer and a softmax', side, softmax(behind), / behind a softmax \(likely a layer between/],
    ['a sigmoid', side, each(logits, (x) => 1 / (1 + Math.exp(-x))), /an activation behind the logits/],
    ['a ReLU', side, each(logits, (x) => Math.max(x, 0)), /an activation behind the logits/],
    ['no bias', { features, weight }, logits, /a layer/],
    ['another factor', side, each(logits, (x) => 1.01 * x), /a layer/],
    [
      'the layout of a square weight',
      { features, weight: permuted(square, [1, 0]) },
      logitsOf(features, square),
      /a weight that is not 'KC'/,
    ],
    [
      'the layout of a cube',
      { features: cube, weight: head, layout: 'NHWC' },
      logitsOf(cube, head),
      /a map that is not NHWC/,
    ],
    ['dropout', { ...side, features: each(features, (x, i) => (i % 4 === 0 ? 0 : (x * 4) / 3)) }, logits, /dropout/],
    [
      'samples in another order',
      { ...side, features: { ...features, data: features.data.toReversed() } },
      logits,
      /other samples/,
    ],
  ];
  for (const [what, given, output, cause] of wrong) {
    const { name, code, argument, message } = refusal(given, output, { name: 'student' }) as Error & GldError;
    t.same([name, code, argument], ['RangeError', 'ERR_GLD_SPLIT', 'student'], what);
    t.match(message, cause, what);
    t.match(message, /as its logits \[n, K\] before any softmax, on both sides\)$/, what);
  }
  t.notMatch(refusal(side, behind).message, /weight that is not/, 'which is no cause where it would not fit');
});

t.test('the message says where', async (t) => {
  const other = each(logits, (x, at) => (at === 2 * classes + 1 ? 7.25 : x));
  const own = Number(logits.data[2 * classes + 1].toPrecision(4));
  t.match(refusal(side, other), {
    code: 'ERR_GLD_SPLIT',
    argument: 'side',
    expected: '7.25 for class 1 of sample 2, as the model puts out',
    received: new RegExp(
      `^${String(own).replace('.', '\\.')} from the mean over its features, its weight and bias \\(likely `,
    ),
  });
});

t.test('an offset that all logits have hides nothing', async (t) => {
  const far = { ...side, bias: each(bias, (x) => x + 1000) };
  const away = each(logits, (x) => x + 1000);
  near(t, checkSide(far, away), 'logits', 1e-3);
  t.equal(
    refusal(
      far,
      each(away, (x, at) => (at === 3 ? x + 0.1 : x)),
    ).code,
    'ERR_GLD_SPLIT',
  );
});

t.test('numbers that are none, and saturated ones', async (t) => {
  t.match(
    refusal(
      side,
      each(logits, (x, at) => (at === 7 ? NaN : x)),
    ).expected,
    /^NaN for class 2 of sample 1/,
  );
  t.match(
    refusal(
      side,
      each(logits, (x, at) => (at === 7 ? Infinity : x)),
    ).expected,
    /^Infinity for class 2 of sample 1/,
  );
  const ruledOut = each(bias, (x, k) => (k === 3 ? -Infinity : x));
  const excluded = each(logits, (x, at) => (at % classes === 3 ? -Infinity : x));
  near(t, checkSide({ ...side, bias: ruledOut }, excluded), 'logits');
  near(t, checkSide({ ...side, bias: ruledOut }, softmax(excluded)), 'softmax');
  const scaled = { features, weight: each(weight, (x) => 1000 * x), bias: each(bias, (x) => 1000 * x) };
  t.equal(refusal(scaled, softmax(logits)).code, 'ERR_GLD_SPLIT', 'a large range excuses nothing');
});

t.test('a side of probabilities is no side', async (t) => {
  const probabilities = softmax(logits);
  for (const [given, argument] of [
    [{ logits: probabilities }, 'student.logits'],
    [{ logitMap: { ...probabilities, shape: [n, classes, 1] } }, 'student.logitMap'],
  ] as const) {
    const error = refusal(given, probabilities, { name: 'student' });
    t.match(error, { code: 'ERR_GLD_SPLIT', argument, expected: /before the softmax/, received: /probabilities/ });
  }
});

t.test('wrong calls', async (t) => {
  const wrong: [given: unknown, output: unknown, settings: object | undefined, error: object][] = [
    [undefined, logits, undefined, { code: 'ERR_GLD_ARG_TYPE', argument: 'side' }],
    [{ features }, logits, undefined, { code: 'ERR_GLD_ARG_TYPE', argument: 'side.weight' }],
    [{ ...side, kernel: weight }, logits, { name: 'teacher' }, { code: 'ERR_GLD_OPTION', argument: 'teacher.kernel' }],
    [side, undefined, undefined, { code: 'ERR_GLD_ARG_TYPE', argument: 'output' }],
    [side, Promise.resolve(logits), undefined, { argument: 'output', received: 'a promise that was not awaited' }],
    [Promise.resolve(side), logits, undefined, { argument: 'side', received: 'a promise that was not awaited' }],
    [side, tensor(n), undefined, { code: 'ERR_GLD_RANK', argument: 'output' }],
    [side, tensor(n, channels), undefined, { code: 'ERR_GLD_SHAPE', argument: 'output', received: '[4, 6]' }],
    [side, { data: new Int32Array(20), shape: [n, classes] }, undefined, { code: 'ERR_GLD_DTYPE', argument: 'output' }],
    [side, logits, { name: 'tutor' }, { code: 'ERR_GLD_OPTION', argument: 'name' }],
    [side, logits, { nam: 'teacher' }, { code: 'ERR_GLD_OPTION', argument: 'nam' }],
  ];
  for (const [given, output, settings, error] of wrong) t.match(refusal(given, output, settings), error);
});
