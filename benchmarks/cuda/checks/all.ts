/** Every check. */
import { callChecks } from './calls.js';
import { hostileChecks } from './hostile.js';
import type { Check } from './index.js';
import { largeChecks } from './large.js';
import { optionChecks } from './options.js';
import { repeatChecks } from './repeat.js';
import { sizeChecks } from './sizes.js';
import { stageChecks } from './stages.js';

export const checks: Check[] = [
  ...stageChecks,
  ...optionChecks,
  ...sizeChecks,
  ...hostileChecks,
  ...repeatChecks,
  ...callChecks,
  ...largeChecks,
];
