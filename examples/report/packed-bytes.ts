/** Bytes in a record, which is JSON: deflated, as base64. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

export const packBytes = (bytes: Uint8Array): string => deflateRawSync(bytes, { level: 9 }).toString('base64');

export const unpackBytes = (text: string): Uint8Array => inflateRawSync(Buffer.from(text, 'base64'));
