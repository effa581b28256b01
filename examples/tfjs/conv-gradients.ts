/**
 * Gradients of conv2d for the tfjs wasm backend.
 *
 * The backend has no Conv2DBackpropFilter kernel and only a scalar loop for Conv2DBackpropInput. Both gradients are
 * themselves convolutions, so they are written here in terms of the backend's fast forward convolution (XNNPACK).
 * With y[n,i,j,k] = sum_abc x[n, i*s+a-p, j*s+b-q, c] w[a,b,c,k] (stride s, padding p before, zeros outside):
 *
 * - dw[a,b,c,k] = sum_nij x[n, i*s+a-p, j*s+b-q, c] dy[n,i,j,k] is a convolution whose batch is c, whose channels are
 *   n, whose filter is dy and whose dilation is s.
 * - For dx, take the rows h = s*u + r of one phase r, 0 <= r < s. Only taps a = s*t + (r+p) mod s reach them, from rows
 *   i = u + e - t with e = floor((r+p)/s): a stride-1 convolution with about kh/s taps. The same holds for columns. Row
 *   phases are separate convolutions; column phases share one, as s*c output channels, which is already their place in
 *   memory. Joining the row phases is a concatenation.
 */
import * as tf from '@tensorflow/tfjs';

interface KernelArgs<Name extends string> {
  inputs: Record<Name, tf.TensorInfo>;
  attrs: tf.NamedAttrMap;
}
type Pad = Parameters<typeof tf.backend_util.computeConv2DInfo>[4];

type Shape = [number, number, number, number];

interface Attributes {
  strides: [number, number] | number;
  pad: Pad;
  dataFormat: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

interface Geometry {
  kh: number;
  kw: number;
  sh: number;
  sw: number;
  top: number;
  left: number;
  height: number;
  width: number;
  outHeight: number;
  outWidth: number;
}

/** Kernels get bare TensorInfo objects when called from other kernels; ops want tensors. */
function tensor(info: tf.TensorInfo): tf.Tensor4D {
  return (info instanceof tf.Tensor ? info : tf.engine().makeTensorFromTensorInfo(info)) as tf.Tensor4D;
}

function geometry(x: number[], filter: number[], attrs: tf.NamedAttrMap): Geometry {
  const { strides, pad, dataFormat, dimRoundingMode } = attrs as unknown as Attributes;
  if (dataFormat !== 'NHWC') throw new Error(`conv2d gradients on wasm: dataFormat must be NHWC, got ${dataFormat}`);
  const info = tf.backend_util.computeConv2DInfo(x as Shape, filter as Shape, strides, 1, pad, dimRoundingMode);
  return {
    kh: filter[0],
    kw: filter[1],
    sh: info.strideHeight,
    sw: info.strideWidth,
    top: info.padInfo.top,
    left: info.padInfo.left,
    height: info.inHeight,
    width: info.inWidth,
    outHeight: info.outHeight,
    outWidth: info.outWidth,
  };
}

function filterGradient({ inputs: { x, dy }, attrs }: KernelArgs<'x' | 'dy'>): tf.TensorInfo {
  const g = geometry(x.shape, attrs.filterShape as number[], attrs);
  // Rows needed after the map so that exactly kh taps fit. Negative: a stride that does not divide left rows unused.
  const after = (g.outHeight - 1) * g.sh + g.kh - g.height - g.top;
  const right = (g.outWidth - 1) * g.sw + g.kw - g.width - g.left;
  return tf.tidy(() => {
    const maps = tf.transpose(tensor(x), [3, 1, 2, 0]);
    const taps = tf.transpose(tensor(dy), [1, 2, 0, 3]);
    const pad: Pad = [
      [0, 0],
      [g.top, Math.max(0, after)],
      [g.left, Math.max(0, right)],
      [0, 0],
    ];
    const dw = tf.conv2d(maps, taps, 1, pad, 'NHWC', [g.sh, g.sw]);
    const cut = after < 0 || right < 0 ? tf.slice(dw, [0, 0, 0, 0], [-1, g.kh, g.kw, -1]) : dw;
    return tf.transpose(cut, [1, 2, 0, 3]);
  });
}

/** The part of the sum that one phase of one axis sees: out[u] = sum_d dy[u + d] w[tap(d)], d = from .. to. */
interface Phase {
  from: number;
  to: number;
  /** Index of the filter's tap for the offset d; outside 0 .. taps-1 the phase has no such tap. */
  tap(d: number): number;
}

function phase(r: number, taps: number, stride: number, before: number): Phase {
  const remainder = (r + before) % stride;
  const shift = (r + before - remainder) / stride;
  const last = Math.ceil((taps - remainder) / stride) - 1;
  return { from: shift - Math.max(last, 0), to: shift, tap: (d) => stride * (shift - d) + remainder };
}

/** Rows of w for the taps of the phases between two offsets, one after the other; missing taps are zero. */
function tapsOf(w: tf.Tensor, axis: number, phase: Phase, from: number, to: number): tf.Tensor4D {
  const size = w.shape[axis];
  const part = (start: number) => {
    const begin = w.shape.map((_, i) => (i === axis ? start : 0));
    return tf.slice(
      w,
      begin,
      w.shape.map((n, i) => (i === axis ? 1 : n)),
    );
  };
  const parts: tf.Tensor[] = [];
  for (let d = from; d <= to; d++) {
    const tap = phase.tap(d);
    parts.push(tap >= 0 && tap < size ? part(tap) : tf.zerosLike(part(0)));
  }
  return joined(parts, axis) as tf.Tensor4D;
}

const joined = (parts: tf.Tensor[], axis: number) => (parts.length === 1 ? parts[0] : tf.concat(parts, axis));

function inputGradient({ inputs, attrs }: KernelArgs<'filter' | 'dy'>): tf.TensorInfo {
  const inputShape = attrs.inputShape as Shape;
  const g = geometry(inputShape, inputs.filter.shape, attrs);
  const [batch, height, width, channels] = inputShape;
  const columns = Array.from({ length: g.sw }, (_, r) => phase(r, g.kw, g.sw, g.left));
  const from = Math.min(...columns.map((p) => p.from));
  const to = Math.max(...columns.map((p) => p.to));
  const u = Math.ceil(height / g.sh);
  const v = Math.ceil(width / g.sw);
  return tf.tidy(() => {
    const dy = tensor(inputs.dy);
    const w = tf.transpose(tensor(inputs.filter), [0, 1, 3, 2]); // [kh, kw, k, c]
    const wide = joined(
      columns.map((p) => tapsOf(w, 1, p, from, to)),
      3,
    ); // [kh, to-from+1, k, sw*c]
    const rows: tf.Tensor[] = [];
    for (let r = 0; r < g.sh; r++) {
      const p = phase(r, g.kh, g.sh, g.top);
      const part = convolve(dy, tapsOf(wide, 0, p, p.from, p.to), p.from, from, u, v);
      rows.push(tf.reshape(part, [batch * u, v * g.sw * channels]));
    }
    const full = tf.reshape(joined(rows, 1), [batch, u * g.sh, v * g.sw, channels]);
    return u * g.sh === height && v * g.sw === width ? full : tf.slice(full, [0, 0, 0, 0], inputShape);
  });
}

/** out[n,u,v] = sum over taps (a, b) of dy[n, u+top+a, v+left+b], outside of dy zero, for u < height and v < width. */
function convolve(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  top: number,
  left: number,
  height: number,
  width: number,
): tf.Tensor4D {
  const bottom = height - 1 + top + filter.shape[0] - dy.shape[1];
  const right = width - 1 + left + filter.shape[1] - dy.shape[2];
  const cut = (n: number) => Math.max(0, -n);
  const needed = [top, left, bottom, right].some((n, i) => (i < 2 ? n > 0 : n < 0));
  const inner = !needed
    ? dy
    : tf.slice(
        dy,
        [0, Math.max(0, top), Math.max(0, left), 0],
        [-1, dy.shape[1] - Math.max(0, top) - cut(bottom), dy.shape[2] - Math.max(0, left) - cut(right), -1],
      );
  const pad: Pad = [
    [0, 0],
    [cut(top), Math.max(0, bottom)],
    [cut(left), Math.max(0, right)],
    [0, 0],
  ];
  return tf.conv2d(inner, filter, 1, pad);
}

/** Registers both kernels for a backend, replacing what it has. */
export function registerConvGradients(backendName: string): void {
  const kernels: [string, (args: KernelArgs<'x' | 'dy' | 'filter'>) => tf.TensorInfo][] = [
    ['Conv2DBackpropFilter', filterGradient],
    ['Conv2DBackpropInput', inputGradient],
  ];
  for (const [kernelName, kernelFunc] of kernels) {
    if (tf.getKernel(kernelName, backendName)) tf.unregisterKernel(kernelName, backendName);
    tf.registerKernel({ kernelName, backendName, kernelFunc: kernelFunc as unknown as tf.KernelFunc });
  }
}
