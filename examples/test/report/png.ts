import { inflateSync } from 'node:zlib';
import { present } from '../../present.js';

/** Rows of a picture made by the report: palette indices, or red, green, blue of each pixel. */
export function decodePng(source: string): { width: number; height: number; rows: number[][] } {
  const file = Buffer.from(source.replace('data:image/png;base64,', ''), 'base64');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    chunks.set(file.toString('latin1', at + 4, at + 8), file.subarray(at + 8, at + 8 + file.readUInt32BE(at)));
  }
  const header = present(chunks.get('IHDR'));
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const length = width * (header[9] === 2 ? 3 : 1);
  const raw = inflateSync(present(chunks.get('IDAT')));
  const row = (y: number): number[] => [...raw.subarray(y * (length + 1) + 1, (y + 1) * (length + 1))];
  return { width, height, rows: Array.from({ length: height }, (_, y) => row(y)) };
}
