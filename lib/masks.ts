import { brackets, describe } from './describe.js';
import { fail } from './errors.js';
import { expectHost, readView, type View } from './tensor.js';

const ranks = [2, 3, 4] as const;

/** Reads the mask of a map [n, C, ...axes], one byte for each of its positions in each sample. */
export function readMask(view: View, argument: string, value: unknown, map: View): void {
  readView(view, argument, value, ranks, '[n, ...axes of the map]', bytesOf);
  expectHost(view, 'a tensor in CPU memory', 'one');
  if (view.dtype !== 'uint8' && view.dtype !== 'bool') {
    fail('ERR_GLD_DTYPE', argument, 'bytes or booleans (a Uint8Array or an array of booleans)', view.dtype);
  }
  if (suits(view, map)) return;
  const wanted = [map.shape[0], ...map.shape.slice(2)];
  fail(
    'ERR_GLD_SHAPE',
    argument,
    `shape ${brackets(wanted)}, for the positions of ${map.argument}`,
    brackets(view.shape),
  );
}

function suits({ shape }: View, map: View): boolean {
  if (shape.length !== map.shape.length - 1 || shape[0] !== map.shape[0]) return false;
  for (let axis = 1; axis < shape.length; axis += 1) if (shape[axis] !== map.shape[axis + 1]) return false;
  return true;
}

/** An array of booleans as bytes; whatever else it is, as it is. */
function bytesOf(argument: string, data: unknown): unknown {
  if (!Array.isArray(data)) return data;
  return Uint8Array.from(data, (each: unknown, i) => {
    if (typeof each !== 'boolean') fail('ERR_GLD_DTYPE', `${argument}.data[${i}]`, 'true or false', describe(each));
    return Number(each);
  });
}
