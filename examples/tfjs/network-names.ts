/**
 * What networks there are, without loading tfjs. Each has three stages, of which the later ones have coarser maps.
 * - `cnn<w>`: three 3x3 convolutions with w, 2w and 4w filters; the last two halve the map while it stays >= 8 x 8.
 * - `resnet<d>`: the CIFAR ResNet of depth d = 6k + 2 with k basic blocks of 16, 32 and 64 filters in its stages (He et
 *   al. 2016).
 * - `wrn<d>-<w>`: the WideResNet of depth d = 6k + 4 with k pre-activation blocks of 16w, 32w and 64w filters
 *   (Zagoruyko and Komodakis 2016).
 * Every convolution is followed by batch norm, in a WideResNet preceded by it.
 */
export const networkNames =
  'cnn<width> (such as cnn8), resnet<6k+2> (such as resnet20) or wrn<6k+4>-<width> (such as wrn10-1)';

export type Family =
  | { kind: 'cnn'; width: number }
  | { kind: 'resnet'; blocks: number }
  | { kind: 'wrn'; blocks: number; width: number };

/** @throws RangeError for a name that is none of the above. */
export function parseNetwork(name: string): Family {
  const [, family, first, second] = /^(cnn|resnet|wrn(?=\d+-))([1-9]\d{0,3})(?:-([1-9]\d?))?$/.exec(name) ?? [];
  const number = Number(first);
  if (family === 'cnn' && !second) return { kind: 'cnn', width: number };
  if (family === 'resnet' && !second && number >= 8 && number % 6 === 2) return { kind: 'resnet', blocks: (number - 2) / 6 };
  if (family === 'wrn' && number >= 10 && number % 6 === 4) {
    return { kind: 'wrn', blocks: (number - 4) / 6, width: Number(second) };
  }
  throw new RangeError(`expected ${networkNames}, got '${name}'`);
}
