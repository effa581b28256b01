/** In the order in which they run, ours first. */
export const contenderNames = [
  'gld-loss',
  'pytorch',
  'pytorch-tuned',
  'pytorch-refblas',
  'pytorch-compile',
  'tfjs',
  'typescript',
] as const;
export type ContenderName = (typeof contenderNames)[number];
