/** What a teacher gives, learnt from the numbers of a model's tensors for a few images and checked by them. */
import { logitRows } from '../teachers/logits.js';
import { type Form, type Numbers, sideOf, TeacherError } from '../teachers/types.js';
import type { GraphIndex } from './graph.js';
import { type Head, listed, logitsAlone } from './head.js';
import type { TensorProto } from './schema.js';
import { readFloats } from './tensor.js';

/** The form of a teacher of logits alone. @throws TeacherError for other classes, and for probabilities */
export function logitForm(name: string, numbers: Numbers, classes: number, index: GraphIndex): Form {
  const {
    data,
    shape: [n, ...rest],
  } = numbers;
  const got = data.length / n;
  const flat = rest.filter((extent) => extent !== 1);
  if (flat.length > 1) throw new TeacherError(`'${name}' has shape [n, ${rest}]; expected logits [n, ${classes}]`);
  expectClasses(got, classes);
  if (areProbabilities(data, classes)) {
    const layers = index.linearLayers().filter((layer) => layer.classes === classes);
    const candidates = layers.map(({ output }) => output);
    throw new TeacherError(
      `'${name}' holds probabilities: its rows are nowhere negative and have the sum 1. Expected logits, and found no ` +
        'Softmax at whose input they could be taken. Name the tensor that the probabilities are made of with ' +
        `--teacher-logits. ${listed('outputs of linear layers', candidates)}`,
    );
  }
  return { kind: 'logits', shape: [1, classes] };
}

/** How far from 1 the sum of a row of probabilities may be: float16 may have been on the way. */
const sumTolerance = 1e-3;

/** Whether every row is one of probabilities: no number below 0, and a sum of 1. */
function areProbabilities(data: Float32Array, classes: number): boolean {
  for (let at = 0; at < data.length; at += classes) {
    const row = data.subarray(at, at + classes);
    const sum = row.reduce((total, value) => total + value, 0);
    if (!row.every((value) => value >= 0) || !(Math.abs(sum - 1) <= sumTolerance)) return false;
  }
  return true;
}

function expectClasses(got: number, expected: number): void {
  if (got !== expected) {
    throw new TeacherError(`The model tells ${got} classes apart; expected ${expected}, as the data set has`);
  }
}

type FeatureHead = Extract<Head, { kind: 'features' }>;

/** How far the classifier's own logits may be from those computed here, as a share of the largest. */
const tolerance = 1e-3;

/**
 * The form of a teacher of feature maps, from what the model gave for a few images: the map, the layer's own output, and the
 * logits of the model's outputs.
 *
 * @param path the model's file
 * @throws TeacherError when they do not belong together
 */
export async function featureForm(
  head: FeatureHead,
  [map, logits, ...outputs]: Numbers[],
  classes: number,
  path: string,
  index: GraphIndex,
): Promise<Form> {
  const { features: name, classifier: layer } = head;
  expectClasses(layer.classes, classes);
  const {
    shape: [n, ...shape],
  } = map;
  const { channels, weightLayout, classes: k } = layer;
  const layouts =
    shape.length !== 3
      ? []
      : (['NCHW', 'NHWC'] as const).filter((layout) => shape[layout === 'NCHW' ? 0 : 2] === channels);
  if (layouts.length === 0) {
    throw new TeacherError(
      `The feature map '${name}' has shape [n, ${shape}]; expected [n, ${channels}, H, W] or ` +
        `[n, H, W, ${channels}], for the classifier's ${channels} channels`,
    );
  }
  const scaled = async (tensor: TensorProto, factor: number, shape: number[]): Promise<Numbers> => ({
    data: (await readFloats(tensor, path)).data.map((value) => value * factor),
    shape,
  });
  const classifier = {
    weight: await scaled(layer.weight, layer.weightFactor, weightLayout === 'KC' ? [k, channels] : [channels, k]),
    weightLayout,
    ...(layer.bias ? { bias: await scaled(layer.bias, layer.biasFactor, [k]) } : {}),
  };
  // A bias that is added behind a detour is in the outputs' logits, not in the layer's.
  const tensors = [logits, ...outputs].filter(({ data }) => data.length === n * classes);
  const size = largest(logits.data);
  let nearest = Infinity;
  for (const layout of layouts) {
    const form: Form = { kind: 'features', shape: shape as [number, number, number], layout, classifier };
    const own = logitRows(sideOf(form, map.data, n), [0, 0]);
    const difference = Math.min(...tensors.map(({ data }) => largest(data.map((value, i) => value - own[i]))));
    nearest = Math.min(nearest, difference);
    if (!(difference <= tolerance * Math.max(size, 1e-6))) continue;
    expectOrder(head, own, outputs, index);
    return form;
  }
  throw new TeacherError(
    `The mean over '${name}' times '${layer.weight.name}' is not the model's '${layer.output}': ` +
      `they differ by ${nearest.toPrecision(2)}, and '${layer.output}' is at most ${size.toPrecision(2)}. The map, the ` +
      'weight and the bias have to belong together, with nothing between them but the mean; otherwise ' +
      logitsAlone(index),
  );
}

/**
 * What the model does with the logits (nothing, a temperature, a softmax in several nodes) leaves the order of the classes
 * alone. Where it does not, something is missing that belongs to the classifier, such as a bias added elsewhere.
 */
function expectOrder(head: FeatureHead, own: Float32Array, outputs: Numbers[], index: GraphIndex): void {
  const comparable = outputs.filter(({ data }) => data.length === own.length);
  const { weight, classes } = head.classifier;
  if (comparable.length === 0 || comparable.some(({ data }) => isSameOrder(own, data, classes))) return;
  throw new TeacherError(
    `The mean over '${head.features}' times '${weight.name}' puts the classes in another order than the model does in ` +
      `'${head.outputs.join("', '")}': what lies between is no part of the classifier. If it is a bias, name it with ` +
      `--teacher-bias; otherwise ${logitsAlone(index)}`,
  );
}

/** Whether no row of `b` falls, beyond rounding, where the same row of `a` rises. */
function isSameOrder(a: Float32Array, b: Float32Array, classes: number): boolean {
  for (let at = 0; at < a.length; at += classes) {
    const [from, to] = [a, b].map((values) => values.subarray(at, at + classes));
    const order = Array.from(from.keys()).sort((i, j) => from[i] - from[j]);
    const slack = tolerance * largest(to);
    if (order.some((k, i) => i > 0 && to[order[i - 1]] - to[k] > slack)) return false;
  }
  return true;
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
