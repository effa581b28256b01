/** The images of a run, which its settings decide. */
import { type Dataset, shapes } from '../../data/index.js';
import { pairsOf } from './jobs.js';
import type { ClassificationSettings } from './settings.js';

export const imagesOf = (settings: ClassificationSettings): Dataset =>
  shapes({ seed: pairsOf(settings)[0][1].baseSeed, ...settings.shapes });
