/** The scores that tables and plots show: of the larger networks, and of the backbones as classifiers before. */
import { integer } from 'gld-loss-pages/numbers';
import { accuracyCertainty, type ScoredRun, type ScorePoint, type Scores } from '../../report/scores.js';
import { scored } from '../scores.js';
import { scoreTables } from '../../report/table.js';
import type { TunedRun, TuningRecord } from './record.js';

const armsOf = ({ arms }: TuningRecord, epochsOf: (run: TunedRun) => ScorePoint[]) =>
  arms.map(({ label, description, runs }) => ({
    label,
    description,
    runs: runs.map((run): ScoredRun => scored({ seed: run.seed, epochs: epochsOf(run) })),
  }));

export function backboneScores(record: TuningRecord): Scores {
  const {
    description: { pair, objects },
    settings,
    teacher,
  } = record;
  const arms = armsOf(record, ({ backbone }) => backbone);
  const { score, epochs } = scored({ seed: settings.pair.baseSeed, epochs: teacher });
  return {
    measure: 'Test accuracy',
    arms,
    certainty: accuracyCertainty(arms[0].runs, objects.testSize),
    reference: {
      label: 'Teacher',
      score,
      epochs,
      description:
        `${settings.pair.teacher.network}, ${integer(pair.teacher.parameters)} parameters ` +
        `(backbones: ${settings.pair.student.network}, ${integer(pair.student.parameters)})`,
    },
  };
}

/** @param measure such as 'mIoU' */
export const tunedScores = (measure: string, record: TuningRecord): Scores => ({
  measure,
  arms: armsOf(record, ({ epochs }) => epochs),
  certainty: `All arms are measured on the same ${integer(record.description.scenes.testSize)} test scenes.`,
});

/** With a capital letter. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Both for the terminal. @param networks what the larger networks are, in the plural */
export function tuningTables(measure: string, networks: string, record: TuningRecord): string {
  const {
    description: { objects, scenes },
    settings: { pair },
  } = record;
  return scoreTables([
    [
      `Backbones ${pair.student.network}, as classifiers of ${integer(objects.testSize)} pictures of one object`,
      backboneScores(record),
    ],
    [
      `${capital(networks)} fine-tuned from them, on ${integer(scenes.testSize)} test scenes`,
      tunedScores(measure, record),
    ],
  ]);
}
