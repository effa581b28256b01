import { arrayKind, describe, isPromise } from './describe.js';
import { fail } from './errors.js';

type Properties = Readonly<Record<string, unknown>>;

/** Refuses tensors that say that they live neither in CPU memory nor where CUDA reaches, before their data is touched. */
export function refuseLocation(argument: string, tensor: Properties): void {
  const location = tensor.location;
  if (location !== undefined && location !== 'cpu' && location !== 'cpu-pinned') {
    const cure = 'a tensor in CPU memory (await tensor.getData() reads it)';
    fail('ERR_GLD_DEVICE', argument, cure, `one at location ${describe(location)}`);
  }
}

/** Explains why something without a typed array for data is not a tensor here, and which way leads to one. */
export function refuseData(argument: string, tensor: Properties, data: unknown): never {
  if (isPromise(tensor)) fail('ERR_GLD_ARG_TYPE', argument, 'a tensor { data, shape }', describe(tensor));
  refuseModel(argument, tensor, 'a tensor');
  if (Array.isArray(tensor)) {
    const received = tensor.some(isPromise) ? 'an array of promises that were not awaited' : describe(tensor);
    fail('ERR_GLD_ARG_TYPE', argument, 'a tensor { data, shape }', received);
  }
  if ('sourceLayer' in tensor) {
    const received = 'a symbolic one of TensorFlow.js, which has no numbers: predict() and apply() return some';
    fail('ERR_GLD_ARG_TYPE', argument, 'a tensor', received);
  }
  const bare = arrayKind(tensor);
  if (bare !== undefined) {
    fail('ERR_GLD_ARG_TYPE', argument, 'a tensor { data, shape }', `a bare ${bare}, which has no shape`);
  }
  const isTfjs = has(tensor, 'dataSync') && typeof tensor.isDisposed === 'boolean';
  if (isTfjs || (has(tensor, 'read') && tensor.val !== undefined)) {
    const cure = "typed arrays: use the adapter 'gld-loss/tfjs'";
    fail('ERR_GLD_ADAPTER', argument, cure, 'a TensorFlow.js tensor, which keeps its data to itself');
  }
  if (has(tensor, 'dataSync') && tensor.refCount !== undefined) {
    const cure = "typed arrays: use the adapter 'gld-loss/jax'";
    fail('ERR_GLD_ADAPTER', argument, cure, 'a jax-js array, which keeps its data to itself');
  }
  if (Array.isArray(data) && has(tensor, 'backward')) {
    const cure = "typed arrays: `{ data: Float32Array.from(x.data.flat(Infinity)), shape }`, or 'gld-loss/surrogate'";
    fail('ERR_GLD_ADAPTER', argument, cure, 'a js-pytorch tensor, which has nested arrays');
  }
  const reader = typeof data === 'function' ? 'data' : readers.find((name) => has(tensor, name));
  if (reader !== undefined) {
    const cure = `typed arrays (read it with its ${reader}() into { data, shape })`;
    fail('ERR_GLD_ADAPTER', argument, cure, "a framework's own tensor ('gld-loss/surrogate' takes any)");
  }
  if (arrayKind(tensor.value) !== undefined) {
    const cure = 'typed arrays (`{ data: x.value, shape, strides, offset }` reads one)';
    fail('ERR_GLD_ADAPTER', argument, cure, "a framework's own tensor ('gld-loss/surrogate' takes any)");
  }
  return fail('ERR_GLD_ARG_TYPE', `${argument}.data`, 'a typed array', describe(data));
}

/** Refuses a model, a part of one or a session, and says which of its tensors may be `wanted`. */
export function refuseModel(argument: string, value: Properties, wanted: string): void {
  const model = models.find(({ methods, lists }) => {
    return methods.every((name) => has(value, name)) && lists.every((name) => Array.isArray(value[name]));
  });
  if (model !== undefined) fail('ERR_GLD_ARG_TYPE', argument, `${wanted}: ${model.cure}`, model.name);
}

/** What has tensors, by its methods and lists, the more special before the more general. */
const models = [
  {
    name: 'an InferenceSession of ONNX Runtime',
    methods: ['run'],
    lists: ['inputNames', 'outputNames'],
    cure: '(await session.run(feeds))[name] with a name out of session.outputNames',
  },
  {
    name: 'a GraphModel of TensorFlow.js',
    methods: ['execute', 'executeAsync', 'predict'],
    lists: [],
    cure: 'model.execute(images, name) with the name of the feature map, or of the logits before a softmax',
  },
  {
    name: 'a model of TensorFlow.js',
    methods: ['predict', 'getWeights'],
    lists: ['layers'],
    cure:
      'features are tf.model({ inputs: model.inputs, outputs: layer.output }).apply(images) for the layer of the last ' +
      'map, weight and bias are getWeights() of the dense layer after it, logits are what lies before its softmax',
  },
  {
    name: 'a layer of TensorFlow.js',
    methods: ['apply', 'getWeights'],
    lists: ['weights'],
    cure: '[weight, bias] = layer.getWeights()',
  },
  {
    name: 'a module',
    methods: ['forward', 'parameters'],
    lists: [],
    cure: 'what its forward() returns, or one of its parameters',
  },
  { name: 'a model', methods: ['predict'], lists: [], cure: 'what its predict() returns, before a softmax' },
] as const satisfies { name: string; methods: string[]; lists: string[]; cure: string }[];

/** Methods by which tensor libraries give their numbers away, the best first. */
const readers = ['dataSync', 'toTypedArray', 'getData', 'toArrayAsync', 'arraySync', 'toArray', 'tolist', 'read'];

function has(tensor: Properties, method: string): boolean {
  return typeof tensor[method] === 'function';
}
