/**
 * What the wasm backend of TensorFlow.js lacks to train convolutional networks: `registerGradients(tf)` adds the kernels that
 * gradients ask for and that it has not, and the gradient of dilated convolutions, which tfjs refuses on every backend.
 *
 * Gradients of a convolution are convolutions, so they are written in terms of the backend's forward convolution, which is
 * XNNPACK's. With y[n,i,j,k] = Σ_abc x[n, s i + d a - p, s j + d b - q, c] w[a,b,c,k] (stride s, dilation d, padding p and q
 * before the map, zeros outside; tfjs has s = 1 or d = 1):
 *
 * - dw[a,b,c,k] = Σ_nij x[n, s i + d a - p, s j + d b - q, c] dy[n,i,j,k] is a convolution whose batch is c, whose channels
 *   are n, whose filter is dy, whose stride is d and whose dilation is s.
 * - For dx, take the rows h = s u + r of one phase r, 0 <= r < s. Only taps a = s t + (r + p) mod s reach them, from rows
 *   i = u + e - d t with e = floor((r + p) / s): a convolution of stride 1 and dilation d with about kh / s taps. Columns are
 *   alike. Joining phases of columns along the channels puts them where they lie in memory; so does joining those of rows
 *   once every row is flat.
 *
 * A depthwise convolution has w[a,b,c,m] and y[..., c M + m]. Its dx is a sum over m of the same, channel by channel. Its dw
 * is a loop in JavaScript: as a depthwise convolution, its filter would be as large as the map, which XNNPACK computes slowly.
 */
import type * as tfjs from '@tensorflow/tfjs-core';
import { expectObject } from '../check.js';
import { fail } from '../errors.js';

/** The parts of `tf` by which {@link registerGradients} knows it. */
export interface TfjsRegistry {
  registerKernel(config: never): void;
  registerGradient(config: never): void;
  getKernel(kernelName: string, backendName: string): unknown;
}

type Tf = typeof tfjs;
type Shape4 = [number, number, number, number];
type Conv2DInfo = tfjs.backend_util.Conv2DInfo;
type Pad = Parameters<Tf['backend_util']['computeConv2DInfo']>[4];
type Inputs<Name extends string> = Record<Name, tfjs.TensorInfo>;

/** What the kernels of convolutions and their gradients are told. */
interface ConvAttributes {
  strides: [number, number] | number;
  dilations?: [number, number] | number;
  pad: Pad;
  dataFormat?: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * Lets tfjs differentiate on the backend `wasm` what it computes there: convolutions, plain, depthwise and separable, with
 * any strides, padding, depth multiplier and dilation, max pooling that pads, and `tf.gather`, which embeddings use. tfjs has the other gradients
 * of a network of layers itself. Dilated convolutions become differentiable on every backend (depthwise ones where data is
 * read synchronously); only `tf.layers.conv2d` with a dilation and no activation stays refused, by code of tfjs that nothing
 * reaches from outside. Nothing else changes there, and calling it again does nothing.
 *
 *     import * as tf from '@tensorflow/tfjs';
 *     import '@tensorflow/tfjs-backend-wasm';
 *     registerGradients(tf);
 *
 * The backend has to be imported before, but need not be chosen yet.
 *
 * @param tf the framework: `import * as tf from '@tensorflow/tfjs'`
 * @throws {GldError} A TypeError if `tf` is none.
 */
export function registerGradients(tf: TfjsRegistry): void {
  expectObject('tf', tf, 'the framework, which import * as tf gives');
  if (typeof tf.registerKernel !== 'function') {
    fail('ERR_GLD_ARG_TYPE', 'tf', 'the framework, which import * as tf gives', 'an object without registerKernel()');
  }
  const framework = tf as unknown as Tf;
  const gradients = convolutions(framework);
  const kernels = {
    ...convolutionKernels(framework, gradients),
    MaxPoolGrad: maxPoolGradient(framework),
    UnsortedSegmentSum: segmentSum(framework),
  };
  // Kernels that a backend finds when it comes would be taken for a mistake.
  const present = framework.getKernel('Conv2D', 'wasm') !== undefined;
  for (const [kernelName, kernelFunc] of present ? Object.entries(kernels) : []) {
    // Its own Conv2DBackpropInput is a scalar loop, and its MaxPoolGrad is wrong where the map is padded after its end alone.
    if (framework.getKernel(kernelName, 'wasm')) framework.unregisterKernel(kernelName, 'wasm');
    framework.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as tfjs.KernelFunc });
  }
  registerDilated(framework, 'Conv2D', gradients.inputGradient, gradients.filterGradient);
  registerDilated(
    framework,
    'DepthwiseConv2dNative',
    gradients.depthwiseInputGradient,
    gradients.depthwiseFilterGradient,
  );
}

/** The gradients as kernels. */
function convolutionKernels(
  tf: Tf,
  { inputGradient, filterGradient, depthwiseInputGradient, depthwiseFilterGradient }: ReturnType<typeof convolutions>,
) {
  /** Kernels get bare TensorInfo objects when called from other kernels; ops want tensors. */
  const tensor = (info: tfjs.TensorInfo): tfjs.Tensor4D =>
    (info instanceof tf.Tensor ? info : tf.engine().makeTensorFromTensorInfo(info)) as tfjs.Tensor4D;

  return {
    Conv2DBackpropFilter: ({ inputs, attrs }: Call<'x' | 'dy'>) =>
      filterGradient(
        tensor(inputs.x),
        tensor(inputs.dy),
        geometry(tf, inputs.x.shape, attrs.filterShape as number[], attrs),
      ),
    Conv2DBackpropInput: ({ inputs, attrs }: Call<'dy' | 'filter'>) =>
      inputGradient(
        tensor(inputs.dy),
        tensor(inputs.filter),
        geometry(tf, attrs.inputShape as number[], inputs.filter.shape, attrs),
      ),
    DepthwiseConv2dNativeBackpropFilter: ({ inputs, attrs }: Call<'x' | 'dy'>) =>
      depthwiseFilterGradient(
        tensor(inputs.x),
        tensor(inputs.dy),
        geometry(tf, inputs.x.shape, attrs.filterShape as number[], attrs, true),
      ),
    DepthwiseConv2dNativeBackpropInput: ({ inputs, attrs }: Call<'dy' | 'filter'>) =>
      depthwiseInputGradient(
        tensor(inputs.dy),
        tensor(inputs.filter),
        geometry(tf, attrs.inputShape as number[], inputs.filter.shape, attrs, true),
      ),
  };
}

interface Call<Name extends string> {
  inputs: Inputs<Name>;
  attrs: tfjs.NamedAttrMap;
}

interface PoolAttributes extends Pick<ConvAttributes, 'strides' | 'pad' | 'dimRoundingMode'> {
  filterSize: [number, number] | number;
}

/** Sizes, strides, dilations and padding of a convolution. */
function geometry(
  tf: Tf,
  x: readonly number[],
  filter: readonly number[],
  attributes: tfjs.NamedAttrMap | undefined,
  depthwise = false,
): Conv2DInfo {
  const { strides, dilations = 1, pad, dataFormat = 'NHWC', dimRoundingMode } = attributes as unknown as ConvAttributes;
  if (dataFormat !== 'NHWC') fail('ERR_GLD_ADAPTER', 'dataFormat', "'NHWC', as on wasm everywhere", `'${dataFormat}'`);
  return tf.backend_util.computeConv2DInfo(
    x as Shape4,
    filter as Shape4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

/** The part of the sum that one phase of one axis sees: out[u] = Σ_t dy[u + from + d t] w[taps[t]]. */
interface Phase {
  from: number;
  /** Indices of the filter's taps in the order of the rows that they meet; -1 where there is none. */
  taps: number[];
}

function phaseOf(r: number, size: number, stride: number, dilation: number, before: number): Phase {
  const remainder = (r + before) % stride;
  const shift = (r + before - remainder) / stride;
  const taps: number[] = [];
  for (let tap = remainder; tap < size; tap += stride) taps.unshift(tap);
  // A phase that no tap reaches is zero, which a tap of zeros gives.
  if (taps.length === 0) taps.push(-1);
  return { from: shift - dilation * (taps.length - 1), taps };
}

/** The four gradients, for maps [n, h, w, c] and filters [kh, kw, c, k]. Each runs in a tidy of its own. */
function convolutions(tf: Tf) {
  const joined = (parts: tfjs.Tensor[], axis: number) =>
    (parts.length === 1 ? parts[0] : tf.concat(parts, axis)) as tfjs.Tensor4D;

  /** The taps of a filter along an axis in a phase's order; missing ones are zeros. */
  function tapsOf(filter: tfjs.Tensor, axis: 0 | 1, taps: number[]): tfjs.Tensor4D {
    const whole = taps.length === filter.shape[axis] && taps[0] === taps.length - 1;
    if (whole) return (taps.length === 1 ? filter : tf.reverse(filter, axis)) as tfjs.Tensor4D;
    const size = filter.shape.map((extent, i) => (i === axis ? 1 : extent));
    const begin = (tap: number) => size.map((_, i) => (i === axis ? tap : 0));
    return joined(
      taps.map((tap) => (tap < 0 ? tf.zeros(size) : tf.slice(filter, begin(tap), size))),
      axis,
    );
  }

  /** The part of a map that is in the frame, and the zeros that the frame has around it. */
  function framed(x: tfjs.Tensor4D, [top, left, height, width]: Frame) {
    const [n, h, w, c] = x.shape;
    const [rows, columns] = [axisFrame(top, height, h), axisFrame(left, width, w)];
    const cut =
      rows.size === h && columns.size === w
        ? x
        : (tf.slice(x, [0, rows.begin, columns.begin, 0], [n, rows.size, columns.size, c]) as tfjs.Tensor4D);
    const pad: tfjs.backend_util.ExplicitPadding = [[0, 0], rows.pad, columns.pad, [0, 0]];
    return { cut, pad };
  }

  /** The convolution of what is in the frame. The zeros are the convolution's own: a padded copy would cost as much as it. */
  function convolved(x: tfjs.Tensor4D, filter: tfjs.Tensor4D, frame: Frame, { strides, dilations }: Steps) {
    const { cut, pad } = framed(x, frame);
    return tf.conv2d(cut, filter, strides, pad, 'NHWC', dilations);
  }

  function filterGradient(x: tfjs.Tensor4D, dy: tfjs.Tensor4D, info: Conv2DInfo): tfjs.Tensor {
    const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } = info;
    return tf.tidy(() => {
      // As many rows as make exactly kh taps: a stride that does not divide leaves rows unused.
      const height = (info.outHeight - 1) * strideHeight + (info.filterHeight - 1) * dilationHeight + 1;
      const width = (info.outWidth - 1) * strideWidth + (info.filterWidth - 1) * dilationWidth + 1;
      const maps = tf.transpose(x, [3, 1, 2, 0]);
      const taps = tf.transpose(dy, [1, 2, 0, 3]);
      const dw = convolved(maps, taps, [-padInfo.top, -padInfo.left, height, width], {
        strides: [dilationHeight, dilationWidth],
        dilations: [strideHeight, strideWidth],
      });
      return tf.transpose(dw, [1, 2, 0, 3]);
    });
  }

  /**
   * dx, where `rows` gives [n, u, v, sw c] of the phase of rows that it is told, all phases of the columns joined along the
   * channels; u by v is the size of a phase.
   */
  function joinPhases(info: Conv2DInfo, rows: (phase: Phase, u: number, v: number) => tfjs.Tensor): tfjs.Tensor {
    const { batchSize: n, inHeight, inWidth, inChannels, strideHeight, strideWidth } = info;
    const u = Math.ceil(inHeight / strideHeight);
    const v = Math.ceil(inWidth / strideWidth);
    const parts = rowPhases(info).map((phase) => tf.reshape(rows(phase, u, v), [n * u, v * strideWidth * inChannels]));
    const full = tf.reshape(joined(parts, 1), [n, u * strideHeight, v * strideWidth, inChannels]);
    return framed(full as tfjs.Tensor4D, [0, 0, inHeight, inWidth]).cut;
  }

  function inputGradient(dy: tfjs.Tensor4D, filter: tfjs.Tensor4D, info: Conv2DInfo): tfjs.Tensor {
    const { dilationHeight, dilationWidth } = info;
    return tf.tidy(() => {
      const turned = tf.transpose(filter, [0, 1, 3, 2]);
      // One convolution for all phases of the columns, over every offset that one of them has.
      const columns = columnPhases(info);
      const left = Math.min(...columns.map(({ from }) => from));
      const count =
        Math.max(...columns.map(({ from, taps }) => from + (taps.length - 1) * dilationWidth - left)) / dilationWidth +
        1;
      const spread = ({ from, taps }: Phase) =>
        Array.from({ length: count }, (_, i) => taps[i - (from - left) / dilationWidth] ?? -1);
      const wide = joined(
        columns.map((phase) => tapsOf(turned, 1, spread(phase))),
        3,
      );
      return joinPhases(info, ({ from, taps }, u, v) => {
        const height = u + (taps.length - 1) * dilationHeight;
        const width = v + (count - 1) * dilationWidth;
        return convolved(dy, tapsOf(wide, 0, taps), [from, left, height, width], {
          strides: 1,
          dilations: [dilationHeight, dilationWidth],
        });
      });
    });
  }

  function depthwiseInputGradient(dy: tfjs.Tensor4D, filter: tfjs.Tensor4D, info: Conv2DInfo): tfjs.Tensor {
    const { batchSize: n, inChannels, dilationHeight, dilationWidth, filterHeight, filterWidth } = info;
    const multiplier = info.outChannels / inChannels;
    return tf.tidy(() => {
      // Every output channel by its own taps, before those of one input channel are added.
      const each = tf.reshape(filter, [filterHeight, filterWidth, info.outChannels, 1]) as tfjs.Tensor4D;
      return joinPhases(info, (row, u, v) => {
        const parts = columnPhases(info).map((column) => {
          const height = u + (row.taps.length - 1) * dilationHeight;
          const width = v + (column.taps.length - 1) * dilationWidth;
          const taps = tapsOf(tapsOf(each, 0, row.taps), 1, column.taps);
          const { cut, pad } = framed(dy, [row.from, column.from, height, width]);
          // The kernel takes such a padding, the types of the operation do not.
          const part = tf.depthwiseConv2d(cut, taps, 1, pad as never, 'NHWC', [dilationHeight, dilationWidth]);
          return multiplier === 1 ? part : tf.sum(tf.reshape(part, [n, u, v, inChannels, multiplier]), 4);
        });
        return joined(parts, 3);
      });
    });
  }

  function depthwiseFilterGradient(x: tfjs.Tensor4D, dy: tfjs.Tensor4D, info: Conv2DInfo): tfjs.Tensor {
    const { filterHeight, filterWidth, inChannels, outChannels } = info;
    const sums = depthwiseFilterSums(x.dataSync() as Float32Array, dy.dataSync() as Float32Array, info);
    return tf.tensor(sums, [filterHeight, filterWidth, inChannels, outChannels / inChannels], 'float32');
  }

  return { inputGradient, filterGradient, depthwiseInputGradient, depthwiseFilterGradient };
}

/** Of a map: where it begins in the map's own coordinates, and its size. [top, left, height, width] */
type Frame = [number, number, number, number];

interface Steps {
  strides: [number, number] | 1;
  dilations: [number, number];
}

/** What is cut off an axis of `extent` and what is added, so that it starts at `start` of itself and has `size`. */
function axisFrame(start: number, size: number, extent: number) {
  const begin = Math.min(Math.max(start, 0), extent);
  const end = Math.min(Math.max(start + size, begin), extent);
  const before = Math.min(Math.max(-start, 0), size);
  const pad: [number, number] = [before, size - before - (end - begin)];
  return { begin, size: end - begin, pad };
}

const rowPhases = ({ strideHeight, filterHeight, dilationHeight, padInfo }: Conv2DInfo) =>
  Array.from({ length: strideHeight }, (_, r) => phaseOf(r, filterHeight, strideHeight, dilationHeight, padInfo.top));

const columnPhases = ({ strideWidth, filterWidth, dilationWidth, padInfo }: Conv2DInfo) =>
  Array.from({ length: strideWidth }, (_, r) => phaseOf(r, filterWidth, strideWidth, dilationWidth, padInfo.left));

/** dw of a depthwise convolution, added in double: [kh, kw, c, m], flat. */
function depthwiseFilterSums(x: Float32Array, dy: Float32Array, info: Conv2DInfo): Float32Array {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, filterHeight, filterWidth } =
    info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  const multiplier = outChannels / inChannels;
  const sums = new Float64Array(filterHeight * filterWidth * outChannels);
  for (let a = 0; a < filterHeight; a += 1) {
    for (let b = 0; b < filterWidth; b += 1) {
      const tap = (a * filterWidth + b) * outChannels;
      for (let n = 0; n < batchSize; n += 1) {
        for (let i = 0; i < outHeight; i += 1) {
          const row = i * strideHeight + a * dilationHeight - padInfo.top;
          if (row < 0 || row >= inHeight) continue;
          for (let j = 0; j < outWidth; j += 1) {
            const column = j * strideWidth + b * dilationWidth - padInfo.left;
            if (column < 0 || column >= inWidth) continue;
            const from = ((n * inHeight + row) * inWidth + column) * inChannels;
            const to = ((n * outHeight + i) * outWidth + j) * outChannels;
            for (let c = 0, k = 0; c < inChannels; c += 1) {
              const value = x[from + c];
              for (let m = 0; m < multiplier; m += 1, k += 1) sums[tap + k] += value * dy[to + k];
            }
          }
        }
      }
    }
  }
  return Float32Array.from(sums);
}

/** dx of max pooling, [n, h, w, c]: every window gives its dy to its first maximum. */
function maxPoolGradient(tf: Tf) {
  return ({ inputs, attrs, backend }: Call<'dy' | 'input'> & { backend: tfjs.KernelBackend }) => {
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as PoolAttributes;
    const shape = inputs.input.shape as Shape4;
    const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
    const x = backend.readSync(inputs.input.dataId) as Float32Array;
    const dy = backend.readSync(inputs.dy.dataId) as Float32Array;
    const dx = new Float32Array(x.length);
    let to = 0;
    for (let n = 0; n < batchSize; n += 1) {
      for (let i = 0; i < outHeight; i += 1) {
        const top = i * info.strideHeight - info.padInfo.top;
        const [firstRow, lastRow] = [Math.max(top, 0), Math.min(top + filterHeight, inHeight)];
        for (let j = 0; j < outWidth; j += 1) {
          const left = j * info.strideWidth - info.padInfo.left;
          const [firstColumn, lastColumn] = [Math.max(left, 0), Math.min(left + filterWidth, inWidth)];
          for (let c = 0; c < inChannels; c += 1, to += 1) {
            let largest = -1;
            for (let row = firstRow; row < lastRow; row += 1) {
              for (let column = firstColumn; column < lastColumn; column += 1) {
                const at = ((n * inHeight + row) * inWidth + column) * inChannels + c;
                if (largest < 0 || x[at] > x[largest]) largest = at;
              }
            }
            // A window within the padding has no maximum.
            if (largest >= 0) dx[largest] += dy[to];
          }
        }
      }
    }
    return tf.tensor(dx, shape, 'float32');
  };
}

/** out[i] = Σ x[j] over the j whose id is i, for x [n, ...] and ids [n]: the gradient of tf.gather. */
function segmentSum(tf: Tf) {
  return ({ inputs, attrs, backend }: Call<'x' | 'segmentIds'> & { backend: tfjs.KernelBackend }) => {
    const { x, segmentIds } = inputs;
    const numSegments = attrs.numSegments as number;
    const values = backend.readSync(x.dataId) as ArrayLike<number>;
    const ids = backend.readSync(segmentIds.dataId) as ArrayLike<number>;
    const rest = x.shape.slice(segmentIds.shape.length);
    const width = rest.reduce((product, extent) => product * extent, 1);
    const sums = new Float64Array(numSegments * width);
    for (let row = 0; row < ids.length; row += 1) {
      // What is out of range adds to nothing.
      if (!(ids[row] >= 0 && ids[row] < numSegments)) continue;
      for (let i = 0; i < width; i += 1) sums[ids[row] * width + i] += values[row * width + i];
    }
    return tf.tensor(Float32Array.from(sums), [numSegments, ...rest], x.dtype as 'float32');
  };
}

type InputGradient = (dy: tfjs.Tensor4D, filter: tfjs.Tensor4D, info: Conv2DInfo) => tfjs.Tensor;
type FilterGradient = (x: tfjs.Tensor4D, dy: tfjs.Tensor4D, info: Conv2DInfo) => tfjs.Tensor;

/** Gradients that were put in the place of tfjs's own. */
const replaced = new WeakSet<object>();

/** Differentiates a convolution where tfjs refuses its dilation; elsewhere the gradient is tfjs's own. */
function registerDilated(tf: Tf, kernelName: string, dx: InputGradient, dw: FilterGradient): void {
  const own = tf.getGradient(kernelName);
  // The core of tfjs alone has no gradients to begin with.
  if (own === undefined || replaced.has(own)) return;
  const config: tfjs.GradConfig = {
    ...own,
    gradFunc(dy, saved, attributes) {
      const { dilations = 1, dataFormat } = attributes as unknown as ConvAttributes;
      const dilated = [dilations].flat().some((dilation) => dilation > 1);
      if (!dilated || dataFormat === 'NCHW') return own.gradFunc(dy as tfjs.Tensor, saved, attributes);
      const [x, filter] = saved as tfjs.Tensor4D[];
      const info = geometry(tf, x.shape, filter.shape, attributes, kernelName !== 'Conv2D');
      return { x: () => dx(dy as tfjs.Tensor4D, filter, info), filter: () => dw(x, dy as tfjs.Tensor4D, info) };
    },
  };
  replaced.add(config);
  tf.unregisterGradient(kernelName);
  tf.registerGradient(config);
}
