/** The same problem with other samples, or with another axis: for facts that hold between two problems. */
import type { Dense, Inputs, Labels, Side } from '../reference/types.js';

/** The chosen samples of a tensor [n, ...], in that order. */
function chosen({ data, shape }: Dense, which: readonly number[]): Dense {
  const size = data.length / shape[0];
  const values = which.flatMap((i) => Array.from({ length: size }, (_, at) => data[i * size + at]));
  return { data: Float64Array.from(values), shape: [which.length, ...shape.slice(1)] };
}

function eachSample(side: Side, change: (tensor: Dense) => Dense): Side {
  const { mask } = side as { mask?: { data: Uint8Array; shape: number[] } };
  const masked = mask && { mask: change(mask) };
  if ('logits' in side) return { logits: change(side.logits) };
  if ('logitMap' in side) return { ...side, logitMap: change(side.logitMap), ...masked };
  return { ...side, features: change(side.features), ...masked };
}

/** The problem of these samples of another one, any of them as often as it is named. */
export function select(inputs: Inputs, which: readonly number[]): Inputs {
  const { labels } = inputs;
  const pick = (tensor: Dense): Dense => chosen(tensor, which);
  const ofLabels = (given: Labels): Labels => ('data' in given ? pick(given) : which.map((i) => given[i]));
  return {
    teacher: eachSample(inputs.teacher, pick),
    student: eachSample(inputs.student, pick),
    ...(labels && { labels: ofLabels(labels) }),
  };
}

/** A gradient over repeated samples, as those of one sample's copies added up; 0 for a sample without any. */
export function sumCopies({ data, shape }: Dense, counts: readonly number[]): Dense {
  const copies = counts.reduce((sum, count) => sum + count, 0);
  const size = data.length / copies;
  const summed = new Float64Array(counts.length * size);
  let from = 0;
  counts.forEach((count, i) => {
    for (let at = 0; at < count * size; at++, from++) summed[i * size + (at % size)] += data[from];
  });
  return { data: summed, shape: [counts.length, ...shape.slice(1)] };
}

/** The same maps, channels first, with one more axis of size 1 before the others. */
export function withAxis(inputs: Inputs): Inputs {
  const side = (of: Side): Side => {
    if ('logits' in of) return of;
    const { layout: _, ...rest } = of;
    const wider = ({ data, shape: [n, channels, ...sizes] }: Dense): Dense => ({
      data,
      shape: [n, channels, 1, ...sizes],
    });
    const mask = of.mask && { mask: { data: of.mask.data, shape: [of.mask.shape[0], 1, ...of.mask.shape.slice(1)] } };
    if ('logitMap' in rest) return { ...rest, logitMap: wider(rest.logitMap), ...mask };
    return { ...rest, features: wider(rest.features), ...mask };
  };
  return { ...inputs, teacher: side(inputs.teacher), student: side(inputs.student) };
}
