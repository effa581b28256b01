import type { Content } from 'gld-loss-pages/html';
import { integer, mean, percent } from 'gld-loss-pages/numbers';
import type { RunRecord } from './types.js';

/** One score of every arm, seed and epoch: what the table of results and the learning curves show. All in 0 … 1. */
export interface Scores {
  /** What is measured, as in a heading: 'Test accuracy'. */
  measure: string;
  /** What the curves show after every epoch, if that is another: 'Validation accuracy'. */
  course?: string;
  /** In the order in which they are shown. */
  arms: ScoredArm[];
  /** Labels of the arms that those after them are compared with, a column each. Default: the first arm's. */
  baselines?: readonly string[];
  /** A network that is shown beside the arms, such as their teacher. */
  reference?: { label: string; description: Content; score: number; epochs: ScorePoint[] };
  /** A sentence on how sure a single score is, below the table. */
  certainty?: Content;
}

export interface ScoredArm {
  label: string;
  /** One sentence: what is particular to the arm. */
  description: string;
  /** One per seed. */
  runs: ScoredRun[];
}

export interface ScoredRun {
  seed: number;
  /** Of the test images, after the last epoch. */
  score: number;
  epochs: ScorePoint[];
}

export interface ScorePoint {
  /** 1 for the first. */
  epoch: number;
  score: number;
}

export const validationCourse = 'Validation accuracy';

/** How sure an accuracy on so many test images is. */
export function accuracyCertainty(runs: { score: number }[], testSize: number): string {
  const accuracy = mean(runs.map(({ score }) => score));
  const error = Math.sqrt((accuracy * (1 - accuracy)) / testSize);
  return (
    `With ${integer(testSize)} test images, an accuracy of ${percent(accuracy)} % has itself a standard error of ` +
    `${percent(error)} points.`
  );
}

/** The test accuracies of a distillation run. */
export function accuracies({ arms, teacher, student, settings }: RunRecord): Scores {
  const scoredArms = arms.map(({ label, description, runs }) => ({
    label,
    description,
    runs: runs.map(({ seed, testAccuracy, epochs }) => ({ seed, score: testAccuracy, epochs })),
  }));
  const first = scoredArms.find(({ runs }) => runs.length > 0)?.runs ?? [{ score: 0 }];
  return {
    measure: 'Test accuracy',
    ...(settings.validationSize > 0 ? { course: validationCourse } : {}),
    arms: scoredArms,
    reference: {
      label: 'Teacher',
      description:
        `${teacher.name}, ${integer(teacher.parameters)} parameters ` + `(student: ${integer(student.parameters)})`,
      score: teacher.testAccuracy,
      epochs: teacher.epochs,
    },
    certainty: accuracyCertainty(first, settings.testSize),
  };
}
