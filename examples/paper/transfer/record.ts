/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../../present.js';
import { arm, type ArmName } from '../../distill/arms.js';
import { integer } from 'gld-loss-pages/numbers';
import { accuracyCertainty, type Scores } from '../../report/scores.js';
import type { RunEnvironment } from '../../report/types.js';
import type { Outcome } from '../../training/study.js';
import { lengthsOf } from '../classification/jobs.js';
import { baselines } from '../classification/scores.js';
import type { LengthName } from '../classification/settings.js';
import type { LinearJob, TransferDescription, TransferJob } from './jobs.js';
import type { TransferSettings } from './settings.js';

/** A linear classifier's training; the seed is that of the network it is on. */
export interface LinearRun {
  seed: number;
  /** Test accuracy after each epoch. */
  curve: number[];
}

export interface TransferLength {
  name: LengthName;
  /** Of the networks' training. */
  epochs: number;
  arms: { id: ArmName; label: string; description: string; runs: LinearRun[] }[];
}

/** Plain JSON. */
export interface TransferRecord {
  /** Version of this form. */
  version: 2;
  study: 'transfer';
  settings: TransferSettings;
  digits: TransferDescription['digits'];
  teacher: { network: string } & LinearRun;
  student: string;
  lengths: TransferLength[];
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time, pauses left out. */
  seconds: number;
}

export function buildRecord({
  header,
  description,
  environment,
  jobs,
  states,
  seconds,
}: Outcome<TransferSettings, TransferJob, TransferDescription>): TransferRecord {
  const { settings, command, startedAt } = header;
  const all = jobs.filter((job): job is LinearJob => job.role === 'linear');
  const run = ({ id, network: { seed } }: LinearJob): LinearRun => ({
    seed,
    curve: present(states.get(id)).training.epochs.map(({ score }) => score),
  });
  const lengths = lengthsOf(settings.classification);
  const [[, pair]] = lengths;
  const teacher = present(all.find(({ network }) => network.role === 'teacher'));
  return {
    version: 2,
    study: 'transfer',
    settings,
    digits: description.digits,
    environment,
    command,
    startedAt,
    seconds,
    teacher: { network: pair.teacher.network, ...run(teacher) },
    student: pair.student.network,
    lengths: lengths.map(([name, own]) => ({
      name,
      epochs: own.student.epochs,
      arms: own.arms.map((id) => {
        const { label, description: text } = arm(id, own.loss);
        const runs = all.filter(({ network }) => network.length === name && network.role === id).map(run);
        return { id, label, description: text, runs };
      }),
    })),
  };
}

export const lengthTitle = ({ student }: TransferRecord, { epochs }: TransferLength): string =>
  `Linear classifiers on a frozen ${student} that was trained for ${epochs} epochs`;

const scoredRun = ({ seed, curve }: LinearRun) => ({
  seed,
  score: curve[curve.length - 1],
  epochs: curve.map((score, i) => ({ epoch: i + 1, score })),
});

export function lengthScores({ digits, teacher }: TransferRecord, { arms }: TransferLength): Scores {
  const scored = arms.map(({ label, description, runs }) => ({ label, description, runs: runs.map(scoredRun) }));
  return {
    measure: 'Test accuracy',
    arms: scored,
    baselines: baselines.filter((label) => arms.some((one) => one.label === label)),
    reference: {
      label: 'Teacher',
      description: `a linear classifier on the frozen ${teacher.network}, ${integer(digits.trainSize)} training images`,
      ...scoredRun(teacher),
    },
    certainty: accuracyCertainty(scored[0].runs, digits.testSize),
  };
}
