/** How PyTorch can be run, by the name that --contender selects. */
export const ways = {
  pytorch: { compiled: false, tuned: false },
  'pytorch-tuned': { compiled: false, tuned: true },
  'pytorch-compile': { compiled: true, tuned: false },
  'pytorch-compile-tuned': { compiled: true, tuned: true },
};
export type WayName = keyof typeof ways;
export const wayNames = Object.keys(ways) as WayName[];

/** In the order in which they run, ours first; each way of PyTorch with every interpreter. */
export const contenderNames = ['gld-loss', ...wayNames, 'tfjs', 'typescript'] as const;
export type ContenderName = (typeof contenderNames)[number];

/** A way of PyTorch with one of the interpreters, such as 'pytorch-tuned@2.13.0'. */
export const qualified = (way: WayName, label: string): string => `${way}@${label}`;
