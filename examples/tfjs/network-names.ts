/**
 * What networks there are, without loading tfjs:
 * - `cnn<w>`: three 3x3 convolutions with w, 2w and 4w filters; the last two halve the map while it stays >= 8 x 8.
 * - `resnet<d>`: the CIFAR ResNet of depth d = 6k + 2 with basic blocks of 16, 32 and 64 filters (He et al. 2016).
 * Every convolution is followed by batch norm.
 */
export const networkNames = 'cnn<width> (such as cnn8) or resnet<6k+2> (such as resnet20)';

export type Family = { kind: 'cnn'; width: number } | { kind: 'resnet'; blocks: number };

/** @throws RangeError for a name that is none of the above. */
export function parseNetwork(name: string): Family {
  const [, family, digits] = /^(cnn|resnet)([1-9]\d{0,3})$/.exec(name) ?? [];
  const number = Number(digits);
  if (family === 'cnn') return { kind: 'cnn', width: number };
  if (family === 'resnet' && number >= 8 && (number - 2) % 6 === 0) return { kind: 'resnet', blocks: (number - 2) / 6 };
  throw new RangeError(`expected ${networkNames}, got '${name}'`);
}
