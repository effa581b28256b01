/** The studies of `npm run paper`, by name. */
import type { AnyStudy } from '../training/study.js';
import { study as classification } from './classification/index.js';
import { study as detection } from './detection/index.js';
import { study as segmentation } from './segmentation/index.js';
import { study as transfer } from './transfer/index.js';

export const studies: Record<string, AnyStudy> = { classification, transfer, detection, segmentation };
