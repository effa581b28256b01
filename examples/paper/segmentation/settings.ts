/** What a run of the study is: its options and the numbers they stand for. */
import {
  type TuningArguments,
  tuningOptions,
  type TuningPreset,
  type TuningSettings,
  tuningSettings,
} from '../tuning/settings.js';
import type { HeadOptions } from './network.js';

export interface SegmentationSettings extends TuningSettings {
  head: HeadShape;
}

/** What a segmentation network has beside its backbone. */
export interface HeadShape extends Pick<HeadOptions, 'rates' | 'filters' | 'skipFilters'> {
  /** The backbone's stage, counted from 1, whose map the decoder gets directly. */
  skipStage: number;
}

const full: TuningPreset = { scenes: { trainSize: 600, testSize: 200 }, epochs: 8, batchSize: 16, rate: 0.1 };
const quick: TuningPreset = { ...full, scenes: { trainSize: 300, testSize: 60 }, epochs: 3 };

export const groups = tuningOptions(full, 'segmentation networks');

export const resolveSettings = (args: TuningArguments): SegmentationSettings => ({
  ...tuningSettings(args, full, quick),
  head: { skipStage: 1, rates: [1, 2, 3], filters: 16, skipFilters: 8 },
});
