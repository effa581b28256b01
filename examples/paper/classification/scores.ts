/** The accuracies of a pair, for tables and curves. */
import { integer } from 'gld-loss-pages/numbers';
import type { Scores } from '../../report/scores.js';
import { accuracyScores } from '../scores.js';
import type { ClassificationRecord, PairRecord } from './record.js';
import { pairTitles } from './settings.js';

export const pairTitle = ({ name, teacher, student }: PairRecord): string =>
  `${pairTitles[name]}: ${teacher.network} teaches ${student.network}`;

export function pairScores({ data }: ClassificationRecord, { teacher, student, arms }: PairRecord): Scores {
  const description =
    `${teacher.network}, ${integer(teacher.parameters)} parameters ` + `(student: ${integer(student.parameters)})`;
  return accuracyScores(arms, { ...teacher, description }, data.testSize);
}
