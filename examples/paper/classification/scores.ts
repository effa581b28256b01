/** The accuracies of a pair, for tables and curves. */
import { integer } from '../../report/numbers.js';
import type { Scores } from '../../report/scores.js';
import { accuracyCertainty, scored } from '../scores.js';
import type { ClassificationRecord, PairRecord } from './record.js';
import { pairTitles } from './settings.js';

export const pairTitle = ({ name, teacher, student }: PairRecord): string =>
  `${pairTitles[name]}: ${teacher.network} teaches ${student.network}`;

export function pairScores({ data }: ClassificationRecord, { teacher, student, arms }: PairRecord): Scores {
  const scoredArms = arms.map(({ label, description, runs }) => ({ label, description, runs: runs.map(scored) }));
  return {
    measure: 'Test accuracy',
    arms: scoredArms,
    reference: {
      label: 'Teacher', ...scored(teacher),
      description: `${teacher.network}, ${integer(teacher.parameters)} parameters ` +
        `(student: ${integer(student.parameters)})`,
    },
    certainty: accuracyCertainty(scoredArms[0].runs, data.testSize),
  };
}
