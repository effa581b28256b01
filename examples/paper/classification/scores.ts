/** The accuracies of students that were trained for one length of time, for tables and curves. */
import { integer } from 'gld-loss-pages/numbers';
import { accuracyCertainty, type Scores, validationCourse } from '../../report/scores.js';
import type { ClassificationRecord, LengthRecord } from './record.js';

export const lengthTitle = ({ name, epochs }: LengthRecord): string =>
  `${name === 'short' ? 'Short' : 'Long'} training: ${epochs} epochs`;

/** What the paper's ablation compares with, where the run has these arms. */
export const baselines = ['Cross-entropy', 'Hinton KD', 'GLD without relation'];

export function lengthScores({ data, teacher, student }: ClassificationRecord, { arms }: LengthRecord): Scores {
  const scored = arms.map(({ label, description, rate, runs }) => ({
    label,
    description: `${description} Learning rate ${rate}.`,
    runs: runs.map(({ seed, testAccuracy, curve }) => ({
      seed,
      score: testAccuracy,
      epochs: curve.map((score, i) => ({ epoch: i + 1, score })),
    })),
  }));
  return {
    measure: 'Test accuracy',
    course: validationCourse,
    arms: scored,
    baselines: baselines.filter((label) => arms.some((one) => one.label === label)),
    reference: {
      label: 'Teacher',
      description: `${teacher.network}, ${integer(teacher.parameters)} parameters (student: ${integer(student.parameters)})`,
      score: teacher.testAccuracy,
      epochs: [],
    },
    certainty: accuracyCertainty(scored[0].runs, data.testSize),
  };
}
