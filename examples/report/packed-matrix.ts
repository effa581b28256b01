import { packBytes, unpackBytes } from './packed-bytes.js';
import type { RelationMatrix } from './types.js';

/** A relation matrix in a fraction of the text: one byte per value, enough for a picture. */
export interface PackedMatrix {
  size: number;
  rowLabels: number[];
  /** What the byte 255 stands for. */
  top: number;
  /** size × size bytes, row by row, packed. */
  bytes: string;
}

const most = 255;

/** A value that is not finite becomes 0. */
export function packMatrix({ size, data, rowLabels }: RelationMatrix): PackedMatrix {
  const top = data.reduce((max, value) => (Number.isFinite(value) && value > max ? value : max), 0);
  const bytes = Uint8Array.from(data, (value) => Math.round((most * value) / (top || 1)));
  return { size, rowLabels, top, bytes: packBytes(bytes) };
}

export const unpackMatrix = ({ size, rowLabels, top, bytes }: PackedMatrix): RelationMatrix => ({
  size,
  rowLabels,
  data: Array.from(unpackBytes(bytes), (byte) => (byte * top) / most),
});
