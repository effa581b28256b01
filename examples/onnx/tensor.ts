/** Constants of an ONNX model as float32 arrays. */
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { present } from '../present.js';
import { type Numbers, TeacherError } from '../teachers/types.js';
import { elementType, type TensorProto } from './schema.js';

/**
 * The numbers of a constant tensor of type float or double.
 *
 * @param path the model's file: other files that it refers to are in its folder
 * @throws TeacherError for another element type, or when the numbers are not all there
 */
export async function readFloats(tensor: TensorProto, path: string): Promise<Numbers> {
  const { name, dims: shape, dataType, floatData = [], doubleData = [] } = tensor;
  const damaged = (what: string) => new TeacherError(`${path}: tensor '${name}': ${what}`);
  const array =
    dataType === elementType.float ? Float32Array : dataType === elementType.double ? Float64Array : undefined;
  if (!array) throw damaged(`expected elements of type float or double, found type ${dataType} of the format`);
  const raw = tensor.dataLocation === 1 ? await externalBytes(tensor, path) : tensor.rawData;
  const listed = dataType === elementType.float ? floatData : doubleData;
  // A copy, because the bytes of a model are aligned to nothing.
  const values = raw?.length ? new array(new Uint8Array(raw).buffer) : listed;
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (values.length !== count) throw damaged(`expected ${count} numbers for shape [${shape}], found ${values.length}`);
  return { data: Float32Array.from(values), shape };
}

/** Where a tensor's numbers are, if in another file. */
export function externalFile({ dataLocation, externalData = [] }: TensorProto, path: string): string | undefined {
  if (dataLocation !== 1) return undefined;
  return join(dirname(path), entry(externalData, 'location') ?? '');
}

const entry = (entries: NonNullable<TensorProto['externalData']>, key: string) =>
  entries.find((item) => item.key === key)?.value;

async function externalBytes(tensor: TensorProto, path: string): Promise<Uint8Array> {
  const { externalData = [] } = tensor;
  const offset = Number(entry(externalData, 'offset') ?? 0);
  const file = await open(present(externalFile(tensor, path)));
  try {
    const length = Number(entry(externalData, 'length') ?? (await file.stat()).size - offset);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await file.read(bytes, 0, length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
