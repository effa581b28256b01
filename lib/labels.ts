import type { RoleView } from './call.js';
import { arrayKind, describe } from './describe.js';
import { fail } from './errors.js';
import { asFloats, isDetached, natural, readView, type View } from './tensor.js';

/**
 * Reads and checks the labels of n samples over so many classes: class indices, copied into memory of our own, or a
 * view of soft labels [n, K].
 */
export function readLabels(argument: string, value: unknown, n: number, classes: number): RoleView {
  if (Array.isArray(value)) {
    expectCount(argument, value.length, n);
    return indices(argument, n, classes, (i) => value[i]);
  }
  const kind = arrayKind(value);
  if (kind !== undefined) {
    const dtype = natural[kind];
    if (dtype === undefined || !/^u?int/.test(dtype)) {
      const expected = 'an integer array of class indices, or soft labels as a tensor { data, shape: [n, K] }';
      fail('ERR_GLD_DTYPE', argument, expected, `a bare ${kind}`);
    }
    const array = value as Int32Array;
    if (isDetached(array)) fail('ERR_GLD_DETACHED', argument, 'memory that is still there', 'a detached buffer');
    expectCount(argument, array.length, n);
    return indices(argument, n, classes, (i) => array[i]);
  }
  if (typeof value !== 'object' || value === null) {
    fail('ERR_GLD_ARG_TYPE', argument, 'class indices [n] or soft labels [n, K]', describe(value));
  }
  const view = readView(argument, value, [1, 2], '[n] or [n, K]');
  return view.shape.length === 1 ? fromTensor(argument, view, n, classes) : softLabels(argument, view, n, classes);
}

function fromTensor(argument: string, view: View, n: number, classes: number): RoleView {
  const { data, dtype, offset, shape } = view;
  if (!/^u?int/.test(dtype)) {
    fail('ERR_GLD_DTYPE', argument, 'integer elements for labels [n] (soft labels have shape [n, K])', dtype);
  }
  expectCount(argument, shape[0]!, n);
  const stride = view.strides[0]!;
  return indices(argument, n, classes, (i) => data[offset + i * stride]);
}

function softLabels(argument: string, view: View, n: number, classes: number): RoleView {
  const floats = asFloats(argument, view);
  if (view.shape[0] !== n || view.shape[1] !== classes) {
    const expected = `shape [${n}, ${classes}], one distribution over the classes per sample`;
    fail('ERR_GLD_SHAPE', argument, expected, `[${view.shape[0]}, ${view.shape[1]}]`);
  }
  return ['softLabels', floats];
}

function expectCount(argument: string, count: number, n: number): void {
  if (count !== n) fail('ERR_GLD_SHAPE', argument, `${n} labels, one per sample`, `${count}`);
}

/** Copies before checking, so that what is checked is what is used even if the source is shared memory. */
function indices(argument: string, n: number, classes: number, at: (i: number) => unknown): RoleView {
  const data = new Int32Array(n);
  for (let i = 0; i < n; i += 1) {
    const given = at(i);
    const label = typeof given === 'bigint' ? Number(given) : given;
    if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= classes) {
      fail('ERR_GLD_LABEL', `${argument}[${i}]`, `an integer in [0, ${classes})`, describe(given));
    }
    data[i] = label as number;
  }
  return ['labels', { data, dtype: 'int32', shape: [n], strides: [1], offset: 0, first: 0, end: n }];
}
