/** Every check. */
import { callChecks } from './calls.js';
import { hostileChecks } from './hostile.js';
import type { Check } from '../check.js';
import { largeChecks } from './large.js';
import { optionChecks } from './options.js';
import { repeatChecks } from './repeat.js';
import { sizeChecks } from './sizes.js';
import { classifierChecks } from '../stages/classifier.js';
import { crossEntropyChecks } from '../stages/cross-entropy.js';
import { normalizedKdChecks } from '../stages/normalized-kd.js';
import { poolChecks } from '../stages/pool.js';
import { relationChecks } from '../stages/relation.js';

export const checks: Check[] = [
  ...poolChecks,
  ...classifierChecks,
  ...crossEntropyChecks,
  ...normalizedKdChecks,
  ...relationChecks,
  ...optionChecks,
  ...sizeChecks,
  ...hostileChecks,
  ...repeatChecks,
  ...callChecks,
  ...largeChecks,
];
