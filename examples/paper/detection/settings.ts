/** What a run of the study is: its options and the numbers they stand for. */
import {
  type TuningArguments,
  tuningOptions,
  type TuningPreset,
  type TuningSettings,
  tuningSettings,
} from '../tuning/settings.js';
import type { DefaultBoxOptions } from './default-boxes.js';

export interface DetectionSettings extends TuningSettings {
  detector: DetectorShape;
}

/** What a detector has beside its backbone. */
export interface DetectorShape extends Pick<DefaultBoxOptions, 'scales' | 'ratios'> {
  /** How many of the backbone's maps are used, counted from the last. */
  maps: number;
  /** Further maps, each half as wide and high as the one before. */
  extraMaps: number;
}

const full: TuningPreset = { scenes: { trainSize: 600, testSize: 200 }, epochs: 8, batchSize: 32, rate: 0.05 };
const quick: TuningPreset = { ...full, scenes: { trainSize: 300, testSize: 100 }, epochs: 4 };

export const groups = tuningOptions(full, 'detectors');

export const resolveSettings = (args: TuningArguments): DetectionSettings => ({
  ...tuningSettings(args, full, quick),
  detector: { maps: 2, extraMaps: 1, scales: [0.2, 0.5], ratios: [1, 2, 0.5] },
});
