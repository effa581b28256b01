/** What stands for tensors elsewhere: promises of them, and the models that have them. */
import { inputs, type Loose } from './inputs.js';
import type { Expected, Row } from './index.js';
import { present } from '../../../tools/present.js';

/** A promise of a library's own. */
class Deferred {
  // biome-ignore lint/suspicious/noThenProperty: being mistaken for a promise is what it is for
  then(): void {}
}

/** One that nobody sees without asking it. */
const hidden = new Proxy(Promise.resolve(), {});

/** Where something may be, as a path of names from `{ inputs, options }`; what messages call it, and a code of its own. */
const places: readonly (readonly [path: string, argument?: string | undefined, code?: Expected[0]])[] = [
  ['inputs'],
  ['inputs.teacher'],
  ['inputs.student'],
  ['inputs.student.features'],
  ['inputs.student.features.data'],
  ['inputs.student.features.shape'],
  ['inputs.student.features.strides'],
  ['inputs.student.features.offset', undefined, 'STRIDE'],
  ['inputs.student.features.dtype', undefined, 'DTYPE'],
  ['inputs.student.mask'],
  ['inputs.student.mask.data'],
  ['inputs.student.layout'],
  ['inputs.teacher.weight'],
  ['inputs.teacher.bias'],
  ['inputs.teacher.logits'],
  ['inputs.teacher.logitMap'],
  ['inputs.labels'],
  ['inputs.labels.data'],
  ['inputs.labels.2', 'labels[2]', 'LABEL'],
  ['inputs.sampleWeights'],
  ['inputs.sampleWeights.data'],
  ['inputs.sampleWeights.1', 'sampleWeights[1]', 'WEIGHT'],
  ['inputs.classWeights'],
  ['options', 'options'],
  ['options.alpha'],
  ['options.grid'],
  ['options.relation'],
  ['options.relation.method'],
  ['options.normalization'],
  ['options.gradients'],
  ['options.device'],
  ['options.threads'],
  ['options.ignoreIndex'],
  ['options.out'],
  ['options.out.bias'],
];

/** Right arguments but for that place. */
function put(path: string, value: unknown): { inputs: unknown; options: unknown } {
  const given: Loose = { inputs: inputs(() => undefined), options: {} };
  const names = path.split('.');
  const last = present(names.pop());
  let at = given;
  for (const [i, name] of names.entries()) {
    const list = /^\d+$/.test(names[i + 1] ?? last);
    const missing = list ? [1, 1, 1, 1] : name === 'mask' ? { shape: [4, 8, 8] } : { shape: [4] };
    if (i > 0 && (list || typeof at[name] !== 'object' || name === 'labels')) {
      at[name] = names[0] === 'options' ? {} : missing;
    }
    at = at[name];
  }
  at[last] = value;
  if (last === 'logits' || last === 'logitMap') given.inputs.teacher = { [last]: value };
  return given as { inputs: unknown; options: unknown };
}

export const promises: Row[] = [
  ['a promise', () => Promise.resolve()] as const,
  ["a library's promise", () => new Deferred()] as const,
].flatMap(([kind, make]) =>
  places.map(([path, argument = path.replace(/^(inputs|options)\./, ''), code = 'ARG_TYPE']): Row => {
    return [`${kind}: ${path}`, put(path, make()), code, argument, /got a promise that was not awaited$/];
  }),
);

promises.push([
  'promises in an array',
  { inputs: inputs((sides) => (sides.student.weight = [Promise.resolve()])) },
  'ARG_TYPE',
  'student.weight',
  /got an array of promises that were not awaited$/,
]);

for (const argument of ['options', 'relation', 'normalization']) {
  const path = argument === 'options' ? argument : `options.${argument}`;
  const message = /got a promise that was not awaited$/;
  promises.push([`a promise behind a proxy: ${path}`, put(path, hidden), 'ARG_TYPE', argument, message]);
}

const method = (): void => undefined;

/** Stand-ins; the frameworks' own are in the tests of the adapters. */
const kinds: readonly (readonly [kind: string, model: Loose, message: RegExp])[] = [
  [
    'a session',
    { run: method, inputNames: ['x'], outputNames: ['y'] },
    /\(await session\.run\(feeds\)\)\[name\].*, got an InferenceSession of ONNX Runtime$/,
  ],
  [
    'a graph model',
    { execute: method, executeAsync: method, predict: method },
    /model\.execute\(images, name\).* before a softmax, got a GraphModel of TensorFlow\.js$/,
  ],
  [
    'a model of layers',
    { predict: method, getWeights: method, layers: [] },
    /tf\.model\(\{ inputs: model\.inputs.* before its softmax, got a model of TensorFlow\.js$/,
  ],
  [
    'a layer',
    { apply: method, getWeights: method, weights: [] },
    /layer\.getWeights\(\), got a layer of TensorFlow\.js$/,
  ],
  ['a module', { forward: method, parameters: method }, /what its forward\(\) returns.*, got a module$/],
  ['another model', { predict: method }, /what its predict\(\) returns, before a softmax, got a model$/],
];

export const models: Row[] = kinds.flatMap(([kind, model, message]) =>
  ['teacher', 'student', 'student.features', 'teacher.weight', 'labels'].map(
    (argument): Row => [`${kind}: ${argument}`, put(`inputs.${argument}`, model), 'ARG_TYPE', argument, message],
  ),
);
