/**
 * What networks there are, without loading tfjs. Each has three stages, of which the later ones have coarser maps.
 * - `cnn<w>`: three 3x3 convolutions with w, 2w and 4w filters; the last two halve the map while it stays >= 8 x 8.
 * - `resnet<d>`: the CIFAR ResNet of depth d = 6k + 2 with k basic blocks of 16, 32 and 64 filters in its stages (He et
 *   al. 2016); `resnet<d>x<w>` has w times as many filters.
 * - `wrn<d>-<w>`: the WideResNet of depth d = 6k + 4 with k pre-activation blocks of 16w, 32w and 64w filters
 *   (Zagoruyko and Komodakis 2016).
 * A factor w may be any multiple of 1/16, so that there are narrow networks too: resnet8x0.25 has 4, 8 and 16 filters.
 * Every convolution is followed by batch norm, in a WideResNet preceded by it.
 */
export const networkNames =
  'cnn<width> (such as cnn8), resnet<6k+2> or resnet<6k+2>x<factor> (such as resnet20, ' +
  'resnet8x0.5) or wrn<6k+4>-<factor> (such as wrn10-1)';

export type Family =
  | { kind: 'cnn'; width: number }
  /** `width`: filters of the first stage. */
  | { kind: 'resnet' | 'wrn'; blocks: number; width: number };

const factor = '(\\d{1,2}(?:\\.\\d{1,4})?)';
const forms = {
  cnn: /^cnn([1-9]\d{0,3})$/,
  resnet: new RegExp(`^resnet([1-9]\\d{0,3})(?:x${factor})?$`),
  wrn: new RegExp(`^wrn([1-9]\\d{0,3})-${factor}$`),
};
/** Layers of a residual network beside those in its 3 stages of k blocks of 2. */
const otherLayers = { resnet: 2, wrn: 4 };

/** @throws RangeError for a name that is none of the above. */
export function parseNetwork(name: string): Family {
  const [, cnn] = forms.cnn.exec(name) ?? [];
  if (cnn) return { kind: 'cnn', width: Number(cnn) };
  for (const kind of ['resnet', 'wrn'] as const) {
    const [, depth, times = '1'] = forms[kind].exec(name) ?? [];
    const blocks = (Number(depth) - otherLayers[kind]) / 6;
    const width = 16 * Number(times);
    if (Number.isInteger(blocks) && blocks > 0 && Number.isInteger(width) && width > 0) return { kind, blocks, width };
  }
  throw new RangeError(`expected ${networkNames}, got '${name}'`);
}
