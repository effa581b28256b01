/** The scores that tables and plots show: of the detectors, and of the backbones as classifiers before. */
import { integer } from '../../report/numbers.js';
import type { ScoredRun, Scores } from '../../report/scores.js';
import type { EpochResult } from '../../training/train.js';
import { accuracyCertainty, scored } from '../scores.js';
import { scoreTable } from '../table.js';
import type { DetectionRecord, DetectorRun } from './record.js';

const armsOf = ({ arms }: DetectionRecord, epochsOf: (run: DetectorRun) => EpochResult[]) =>
  arms.map(({ label, description, runs }) => ({
    label, description, runs: runs.map((run): ScoredRun => scored({ seed: run.seed, epochs: epochsOf(run) })),
  }));

export function backboneScores(record: DetectionRecord): Scores {
  const { description: { pair, objects }, settings, teacher } = record;
  const arms = armsOf(record, ({ backbone }) => backbone);
  const { score, epochs } = scored({ seed: settings.pair.baseSeed, epochs: teacher });
  return {
    measure: 'Test accuracy', arms, certainty: accuracyCertainty(arms[0].runs, objects.testSize),
    reference: {
      label: 'Teacher', score, epochs,
      description: `${settings.pair.teacher.network}, ${integer(pair.teacher.parameters)} parameters ` +
        `(backbones: ${settings.pair.student.network}, ${integer(pair.student.parameters)})`,
    },
  };
}

export const detectorScores = (record: DetectionRecord): Scores => ({
  measure: 'mAP at IoU 0.5',
  arms: armsOf(record, ({ epochs }) => epochs),
  certainty: `All arms are measured on the same ${integer(record.description.scenes.testSize)} test scenes.`,
});

/** Both for the terminal. */
export function resultTables(record: DetectionRecord): string {
  const { description: { objects, scenes }, settings: { pair } } = record;
  return [
    scoreTable(`Backbones ${pair.student.network}, as classifiers of ${integer(objects.testSize)} pictures of one object`,
      backboneScores(record)),
    scoreTable(`Detectors fine-tuned from them, on ${integer(scenes.testSize)} test scenes`, detectorScores(record)),
  ].join('\n');
}
