/** How a pair is trained, as facts for a report. */
import type { LossSettings } from '../distill/arms.js';
import type { PairSettings } from '../distill/jobs.js';
import { optimizerText } from '../distill/record.js';
import { reductionText } from '../report/beta.js';
import type { Content } from 'gld-loss-pages/html';

/** @param rate in words, where it is not one for all */
export const recipeFacts = (pair: PairSettings, rate?: string): [string, Content][] => [
  ['Optimizer', optimizerText(pair, rate)],
  ['Batch size', pair.batchSize],
  ['Augmentation', pair.augment ? 'yes' : 'no'],
  ['Seeds', pair.seeds.join(', ')],
  ['Seed of data and teacher', pair.baseSeed],
];

export const lossFacts = (loss: LossSettings): [string, Content][] => [
  ['α', loss.alpha],
  ['β', loss.beta],
  ['Local weight', loss.localWeight],
  ['Grid', `${loss.grid[0]} × ${loss.grid[1]} cells`],
  ['Relation metric', loss.metric],
  ['Relation reduction', reductionText(loss.reduction)],
  ['Temperature of Hinton KD', loss.temperature],
  ['Weight of RKD’s distance term', loss.distanceWeight],
];
