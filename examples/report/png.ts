import { crc32, deflateSync } from 'node:zlib';

/**
 * A PNG file with one byte per pixel and a palette (PNG specification, third edition, colour type 3).
 *
 * @param palette up to 256 colours as [red, green, blue], 0 … 255
 * @param pixels width × height indices into the palette, row by row
 */
export function encodePng(
  width: number,
  height: number,
  palette: [number, number, number][],
  pixels: Uint8Array,
): Buffer {
  return png(width, height, 3, 1, pixels, [chunk('PLTE', Buffer.from(palette.flat()))]);
}

/**
 * A PNG file of full colour (colour type 2).
 *
 * @param pixels width × height × 3 bytes: red, green, blue of each pixel, row by row
 */
export const encodeRgbPng = (width: number, height: number, pixels: Uint8Array): Buffer =>
  png(width, height, 2, 3, pixels, []);

/** For the `src` of a picture in a page. */
export const pngUrl = (file: Buffer): string => `data:image/png;base64,${file.toString('base64')}`;

function png(
  width: number,
  height: number,
  colourType: 2 | 3,
  perPixel: number,
  pixels: Uint8Array,
  palette: Buffer[],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, colourType, 0, 0, 0], 8); // bits per sample, colour type, deflate, standard filters, not interlaced
  const row = width * perPixel;
  const rows = Buffer.alloc(height * (row + 1)); // each row begins with its filter, 0: none
  for (let y = 0; y < height; y++) rows.set(pixels.subarray(y * row, (y + 1) * row), y * (row + 1) + 1);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...palette,
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const result = Buffer.alloc(body.length + 8);
  result.writeUInt32BE(data.length, 0);
  result.set(body, 4);
  result.writeUInt32BE(crc32(body), body.length + 4);
  return result;
}
