/**
 * The parts of TensorFlow.js and ONNX Runtime that models are run by, as structural types, like those of the adapter:
 * compiling against this package needs neither.
 */
import type { TfjsLike, TfjsTensor } from '../adapters/tfjs-types.js';

/** What the distiller uses of `tf` besides. */
export interface TfjsMath<Tensor extends TfjsTensor = TfjsTensor, Scalar extends Tensor = Tensor>
  extends TfjsLike<Tensor, Scalar> {
  add(a: Tensor, b: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  div(a: Tensor, b: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  reshape(x: Tensor, shape: number[]): Tensor;
  eye(size: number): Tensor;
  sum(x: Tensor, axis: number): Tensor;
  slice(x: Tensor, begin: number | number[], size?: number | number[]): Tensor;
}

/** `tf.LayersModel`, which `tf.Sequential` is too. */
export interface TfjsLayersModel<Tensor = TfjsTensor> {
  readonly inputs: readonly object[];
  readonly outputs: readonly object[];
  readonly layers: readonly object[];
  predict(x: Tensor): Tensor | Tensor[];
}

/** `tf.GraphModel`. */
export interface TfjsGraphModel<Tensor = TfjsTensor> {
  readonly inputs: readonly { readonly name: string; readonly shape?: readonly number[] }[];
  readonly outputs: readonly { readonly name: string }[];
  execute(inputs: { [name: string]: Tensor }, outputs: string[]): Tensor | Tensor[];
  save(handler: {
    save(artifacts: { modelTopology?: object }): Promise<{
      modelArtifactsInfo: { dateSaved: Date; modelTopologyType: 'JSON' };
    }>;
  }): Promise<unknown>;
}

/** A model of TensorFlow.js. */
export type TfjsModel<Tensor = TfjsTensor> = TfjsLayersModel<Tensor> | TfjsGraphModel<Tensor>;

/** `import * as ort from 'onnxruntime-node'`, or of any other package of ONNX Runtime. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: object): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => object;
}

/** A session of ONNX Runtime. */
export interface OnnxSession {
  // biome-ignore lint/suspicious/noExplicitAny: the runtime's own type of a tensor is a class, by its name alone
  run(feeds: any, fetches: readonly string[]): Promise<{ readonly [name: string]: unknown }>;
  release(): Promise<void>;
}

/** A layer of TensorFlow.js, as far as it is looked into. */
export interface Layer<Tensor = TfjsTensor> {
  readonly name: string;
  readonly inboundNodes: readonly LayerCall[];
  getClassName(): string;
  getConfig(): { readonly [name: string]: unknown };
  apply(inputs: Tensor[], args?: object): Tensor | Tensor[];
  call(inputs: Tensor[], args: object): Tensor | Tensor[];
  readonly activation?: Activation<Tensor>;
}

/** An activation of TensorFlow.js. */
export interface Activation<Tensor> {
  getClassName(): string;
  apply(x: Tensor): Tensor;
}

/** A variable of a layer. */
export interface LayerVariable<Tensor> {
  read(): Tensor;
}

/** A place in a model where a layer was applied. */
export interface LayerCall {
  readonly inputTensors: readonly SymbolicTensor[];
  readonly callArgs?: object | null;
}

/** What a layer puts out in a model that has not run. */
export interface SymbolicTensor {
  readonly shape: readonly (number | null)[];
  readonly sourceLayer: Layer<never>;
  readonly nodeIndex: number;
  readonly tensorIndex: number;
}

/** A model, or a model that is a layer of another one. */
export interface Container {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly layers: readonly object[];
}
