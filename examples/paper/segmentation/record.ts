/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import type { Outcome } from '../../training/study.js';
import { tunedArms, type TunedRun, type TuningRecord, type TuningStudyJob } from '../tuning.js';
import type { SegmentationDescription, SegmentationResult, ShownScene } from './jobs.js';
import type { SegmentationSettings } from './settings.js';

/** Test scenes that the report shows: the first ones. */
export const shownScenes = 8;

/** Plain JSON. Of the predictions, those of the first seed; the others' lists are empty. */
export interface SegmentationRecord extends TuningRecord<SegmentationSettings, SegmentationResult> {
  study: 'segmentation';
  scenes: ShownScene[];
}

export function buildRecord(
  outcome: Outcome<SegmentationSettings, TuningStudyJob, SegmentationDescription>,
): SegmentationRecord {
  const { header: { settings, command, startedAt }, description: { shown, ...description }, environment, seconds } = outcome;
  const { teacherAccuracy, arms } = tunedArms<SegmentationResult>(settings.pair, outcome);
  const firstAlone = (run: TunedRun<SegmentationResult>, i: number) =>
    (i === 0 ? run : { ...run, result: { ...run.result, predicted: [] } });
  return {
    version: 1, study: 'segmentation', settings, description, environment, command, startedAt, seconds, teacherAccuracy,
    arms: arms.map((arm) => ({ ...arm, runs: arm.runs.map(firstAlone) })), scenes: shown,
  };
}
