/** The images of the second data set, which the settings of a run decide. */
import { symbols } from '../../data/index.js';
import { pairsOf } from '../classification/jobs.js';
import type { TransferSettings } from './settings.js';

export const imagesOf = (settings: TransferSettings): ReturnType<typeof symbols> =>
  symbols({ seed: pairsOf(settings.classification)[0][1].baseSeed, ...settings.symbols });
