/**
 * The safetensors file format (https://huggingface.co/docs/safetensors): the length of a JSON header as a 64-bit
 * little-endian integer, the header, then the tensors' bytes. Only float32 is written and read here.
 */

export interface NamedArray {
  data: Float32Array;
  shape: number[];
}

export interface SafetensorsFile {
  tensors: Map<string, NamedArray>;
  /** Free text by key, the format's `__metadata__`. */
  metadata: Record<string, string>;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

export function encodeSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { data, shape }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] } satisfies Entry;
    offset += data.byteLength;
  }
  let text = Buffer.from(JSON.stringify(header));
  // Spaces up to a multiple of 8 keep the tensors aligned, as the format asks.
  text = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')]);
  const bytes = new Uint8Array(8 + text.length + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  for (const { data } of tensors.values()) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** @throws Error saying what is wrong when the bytes are not such a file. `name` is for the message. */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  const damaged = (what: string) => new Error(`${name}: not a whole safetensors file: ${what}`);
  if (bytes.byteLength < 8) throw damaged(`${bytes.byteLength} bytes`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (8 + length > bytes.byteLength) throw damaged(`a header of ${length} bytes in ${bytes.byteLength}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<string, unknown>;
  } catch (error) {
    throw damaged(`its header is not JSON (${(error as Error).message})`);
  }
  const tensors = new Map<string, NamedArray>();
  let end = 0;
  for (const [key, value] of Object.entries(header)) {
    if (key === '__metadata__') continue;
    const {
      dtype,
      shape,
      data_offsets: [from, to],
    } = value as Entry;
    if (dtype !== 'F32') throw damaged(`tensor '${key}' has dtype ${dtype}, expected F32`);
    if (8 + length + to > bytes.byteLength) throw damaged(`tensor '${key}' ends after the end of the file`);
    const data = new Uint8Array(bytes.subarray(8 + length + from, 8 + length + to)); // a copy; a Buffer's slice is none
    tensors.set(key, { data: new Float32Array(data.buffer), shape });
    end = Math.max(end, to);
  }
  if (8 + length + end !== bytes.byteLength) throw damaged('bytes after the last tensor');
  return { tensors, metadata: (header.__metadata__ ?? {}) as Record<string, string> };
}
