/** Where in a model the feature map, the classifier and the logits are: by the names given, or found. */
import { didYouMean } from '../training/options.js';
import { TeacherError } from '../teachers/types.js';
import type { GraphIndex, LinearLayer } from './graph.js';
import { floatingTypes, type TensorProto } from './schema.js';

/** Names of tensors in the model; what is left out is looked for. */
export interface HeadNames {
  /** The feature map. */
  features?: string;
  /** The constant that is the classifier's weight, and its bias. */
  weight?: string;
  bias?: string;
  /** The logits, or what a Softmax or Sigmoid makes of them, for a teacher of logits alone; goes with none of the others. */
  logits?: string;
}

export type Head =
  | {
      kind: 'features';
      features: string;
      classifier: LinearLayer & { bias?: TensorProto };
      /** Logits of those outputs of the model that come from the classifier. */
      outputs: string[];
    }
  | { kind: 'logits'; logits: string };

/** What leaves the numbers in an image's tensor, and their order, as they are. */
const shapeless = new Set(['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Cast']);
/** LogSoftmax adds one number to a whole row: what it gives are logits as well, only not a linear layer's. */
const shifting = new Set([...shapeless, 'LogSoftmax']);
/** What makes probabilities of logits. */
const squashing = new Set(['Softmax', 'Sigmoid']);

/** What a Softmax or Sigmoid makes the tensor of; without one, the tensor itself. */
function logitsOf(index: GraphIndex, name: string): string {
  const node = index.producer(index.behind(name, shapeless));
  return node && squashing.has(node.opType) ? node.input[0] : name;
}

/** What may be logits among the model's outputs, and behind them, each once. */
function outputLogits(index: GraphIndex): string[] {
  const outputs = index.graph.output.filter(({ type }) => floatingTypes.has(type?.tensorType?.elemType ?? 0));
  return [...new Set(outputs.map(({ name }) => index.behind(logitsOf(index, name), shifting)))];
}

/** The way out for models whose head is another one. */
export const logitsAlone = (index: GraphIndex): string => {
  const names = outputLogits(index);
  return `take nothing but logits with --teacher-logits ${names.length > 0 ? names.join(' or ') : 'NAME'}`;
};

/** @throws TeacherError that lists the candidates, when a name is not in the model or nothing can be found. */
export function findHead(index: GraphIndex, names: HeadNames): Head {
  if (names.logits !== undefined) {
    expectComputed(index, '--teacher-logits', names.logits, outputLogits(index));
    return { kind: 'logits', logits: logitsOf(index, names.logits) };
  }
  const classifier = findClassifier(index, names);
  const features = findFeatures(index, names, classifier);
  const outputs = outputLogits(index).filter((name) => index.isMadeOf(name, classifier.output));
  return { kind: 'features', features, classifier, outputs };
}

function findClassifier(index: GraphIndex, { weight, bias }: HeadNames): LinearLayer {
  const layers = index.linearLayers();
  const names = layers.map((layer) => layer.weight.name ?? '');
  const candidates = listed(
    'weights of linear layers',
    layers.map(({ weight, classes, channels }) => `${weight.name} (${channels} channels, ${classes} classes)`),
  );
  let found: LinearLayer;
  if (weight !== undefined) {
    const users = layers.filter((layer) => layer.weight.name === weight);
    if (users.length !== 1) {
      const what = `--teacher-weight: expected the constant weight of a Gemm, MatMul or 1 x 1 Conv, got '${weight}'`;
      const used = users.length > 1 ? `, which ${users.length} layers share` : didYouMean(weight, names);
      throw new TeacherError(`${what}${used}. ${candidates}`);
    }
    found = users[0];
  } else {
    found = layerBeforeOutput(index, layers, candidates);
  }
  if (bias === undefined) return found;
  const tensor = index.constant(bias);
  if (tensor?.dims.reduce((product, extent) => product * extent, 1) !== found.classes) {
    const got = tensor ? `'${bias}' of shape [${tensor.dims}]` : `'${bias}', which is none`;
    throw new TeacherError(`--teacher-bias: expected a constant of ${found.classes} numbers, got ${got}`);
  }
  return { ...found, bias: tensor };
}

function layerBeforeOutput(index: GraphIndex, layers: LinearLayer[], candidates: string): LinearLayer {
  const logits = outputLogits(index);
  const found = layers.filter(({ output }) => logits.includes(output));
  if (found.length === 1) return found[0];
  const outputs = index.graph.output.map(({ name }) => name);
  const why =
    found.length > 1
      ? `several outputs come from a linear layer (${outputs.join(', ')})`
      : `no output (${outputs.join(', ')}) comes directly from a linear layer`;
  throw new TeacherError(
    `The model's classifier was not found: ${why}. Name its weight with --teacher-weight, or ` +
      `${logitsAlone(index)}. ${candidates}`,
  );
}

function findFeatures(index: GraphIndex, { features }: HeadNames, { input }: LinearLayer): string {
  const means = index.graph.node.filter((node) => index.isMeanOverMap(node)).map((node) => node.input[0]);
  if (features !== undefined) {
    expectComputed(index, '--teacher-features', features, means);
    return features;
  }
  const mean = index.producer(index.behind(input, shapeless));
  if (mean && index.isMeanOverMap(mean)) return mean.input[0];
  throw new TeacherError(
    `The model's feature map was not found: the classifier's input '${input}' is not the mean over a map. Name the map ` +
      `with --teacher-features, or ${logitsAlone(index)}. ${listed('maps that are averaged', means)}`,
  );
}

function expectComputed(index: GraphIndex, option: string, name: string, candidates: string[]): void {
  if (index.producer(name)) return;
  const near = didYouMean(name, index.tensors);
  throw new TeacherError(
    `${option}: expected the name of a tensor that the model computes, got '${name}'${near}. ` +
      listed('candidates', candidates),
  );
}

/** At most this many names are listed in a message. */
const most = 12;

export function listed(what: string, names: string[]): string {
  const rest = names.length > most ? ` and ${names.length - most} more` : '';
  const title = what[0].toUpperCase() + what.slice(1);
  return `${title}: ${names.length > 0 ? names.slice(-most).join(', ') : 'none'}${rest}.`;
}
