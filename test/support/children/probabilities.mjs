// Makes the calls of one case and prints the warnings that came of them: node probabilities.mjs CASE
import { crossEntropy, GldLoss, gldLoss, gldLossAsync, normalizedKd, relation } from 'gld-loss';

const warnings = [];
process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }));

let seed = 7;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const fill = (n, f) => Float32Array.from({ length: n }, f);
const logits = (...shape) => ({ data: fill(shape.reduce((a, b) => a * b), () => 6 * random() - 3), shape });

/** Rows over the last axis behind a softmax. */
function softmax({ data, shape }) {
  const classes = shape.at(-1);
  const out = data.slice();
  for (let row = 0; row < out.length; row += classes) {
    const e = out.subarray(row, row + classes).map(Math.exp);
    const sum = e.reduce((a, b) => a + b);
    out.set(e.map((x) => x / sum), row);
  }
  return { data: out, shape };
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
const toBfloat16 = (x) => ((float[0] = x), (word[0] + 0x8000) >>> 16);
/** Of numbers from 2^-14 to 1. */
const toFloat16 = (x) => {
  const exponent = Math.max(-14, Math.floor(Math.log2(x)));
  return Math.round((x / 2 ** exponent - 1) * 1024) + (exponent + 15) * 1024;
};
const halves = ({ data, shape }, dtype, encode) => ({ data: Uint16Array.from(data, encode), shape, dtype });
const rows = (shape, ...data) => ({ logits: { data: Float32Array.from(data), shape } });
const probable = (...shape) => softmax(logits(...shape));
const two = (teacher, student = { logits: logits(4, 5, 10) }) => ({ teacher, student });
const nhwc = (n, h, w, k) => ({ logitMap: probable(n, h, w, k), layout: 'NHWC' });
const late = (calls, make = (inputs) => gldLoss(inputs)) => {
  for (let i = 0; i < calls; i += 1) make(two({ logits: logits(4, 5, 10) }));
  make(two({ logits: probable(4, 5, 10) }));
};
const kept = new GldLoss();

const cases = {
  'a teacher': () => gldLoss(two({ logits: probable(4, 5, 10) })),
  'a student': () => gldLoss(two({ logits: logits(4, 5, 10) }, { logits: probable(4, 5, 10) })),
  'both, again and again': () => {
    for (let i = 0; i < 9; i += 1) kept.compute(two({ logits: probable(4, 5, 10) }, { logits: probable(4, 5, 10) }));
  },
  'of an asynchronous call': () => gldLossAsync(two({ logits: probable(4, 5, 10) })),
  'of a GldLoss': () => kept.computeAsync(two({ logits: probable(4, 5, 10) })),
  'one row of each sample': () => gldLoss(two({ logits: probable(4, 10) }, { logits: logits(4, 10) })),
  'of few numbers': () => gldLoss(two({ logits: probable(1, 3) }, { logits: logits(1, 3) })),
  'of two classes': () => gldLoss(two({ logits: probable(9, 2) }, { logits: logits(9, 2) })),
  'of many classes': () => gldLoss(two({ logits: probable(3, 5000) }, { logits: logits(3, 5000) })),
  'strided': () => {
    const { data } = probable(10, 20);
    const view = { data, shape: [10, 20], strides: [-20, 1], offset: 180 };
    gldLoss(two({ logits: view }, { logits: logits(10, 20) }));
  },
  'float64': () => {
    const { data, shape } = probable(4, 5, 10);
    gldLoss(two({ logits: { data: Float64Array.from(data), shape } }));
  },
  'float16': () => gldLoss(two({ logits: halves(probable(4, 5, 10), 'float16', toFloat16) })),
  'bfloat16': () => gldLoss(two({ logits: halves(probable(4, 5, 10), 'bfloat16', toBfloat16) })),
  'a map of probabilities': () => gldLoss(two(nhwc(4, 8, 8, 10))),
  'a masked map of probabilities': () => {
    const side = nhwc(2, 4, 4, 10);
    const mask = { data: new Uint8Array(32).fill(1), shape: [2, 4, 4] };
    mask.data[0] = 0;
    side.logitMap.data.fill(NaN, 0, 10);
    gldLoss({ teacher: { ...side, mask }, student: { logits: logits(2, 5, 10) } });
  },
  'a GldLoss after others': () => {
    late(40);
    kept.compute(two({ logits: probable(4, 5, 10) }));
  },
  'after a few calls': () => late(3),
  'normalizedKd': () => normalizedKd({ teacher: probable(4, 10), student: logits(4, 10) }),
  'relation': () => relation({ teacher: logits(4, 5, 10), student: probable(4, 5, 10) }),
  'crossEntropy': () => crossEntropy({ logits: probable(4, 10), labels: [0, 1, 2, 3] }),

  'logits': () => late(0, ({ student }) => gldLoss({ teacher: student, student })),
  'after many calls': () => late(40),
  'one row that is none': () => {
    const { data, shape } = probable(4, 10);
    data[39] += 0.01;
    gldLoss(two({ logits: { data, shape } }, { logits: logits(4, 10) }));
  },
  'one-hot rows': () => gldLoss(two(rows([3, 3], 1, 0, 0, 0, 1, 0, 0, 0, 1), { logits: logits(3, 3) })),
  'rows of equal numbers': () => gldLoss(two(rows([2, 4], ...Array(8).fill(0.25)), { logits: logits(2, 4) })),
  'two classes whose sum is nearly 1': () => gldLoss(two(rows([1, 2], 0.4, 0.6001), { logits: logits(1, 2) })),
  'a row of float16 that may be chance': () => {
    gldLoss(two({ logits: halves(softmax(logits(1, 2)), 'float16', toFloat16) }, { logits: logits(1, 2) }));
  },
  'a sum of 1 with a number below 0': () => {
    gldLoss(two(rows([2, 3], -0.5, 1, 0.5, -0.1, 0.6, 0.5), { logits: logits(2, 3) }));
  },
  'NaN': () => gldLoss(two(rows([2, 2], NaN, NaN, 0.5, 0.5), { logits: logits(2, 2) })),
  'soft labels': () => gldLoss({ ...two({ logits: logits(4, 5, 10) }), labels: probable(4, 10) }),
  'features': () => {
    const side = { features: probable(4, 3, 2, 5), weight: logits(10, 3) };
    gldLoss(two(side));
  },
};

const name = process.argv[2];
if (name === undefined) console.log(JSON.stringify(Object.keys(cases)));
else {
  await cases[name]();
  await new Promise(setImmediate);
  console.log(JSON.stringify(warnings));
}
