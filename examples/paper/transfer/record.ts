/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../../present.js';
import { arm, type ArmName } from '../../distill/arms.js';
import { integer } from 'gld-loss-pages/numbers';
import type { Scores } from '../../report/scores.js';
import type { RunEnvironment } from '../../report/types.js';
import type { Outcome } from '../../training/study.js';
import { pairsOf } from '../classification/jobs.js';
import { type PairName, pairTitles } from '../classification/settings.js';
import { accuracyScores, type Training } from '../scores.js';
import type { LinearJob, TransferDescription, TransferJob } from './jobs.js';
import type { TransferSettings } from './settings.js';

/** A linear classifier's training; the seed is that of the network it is on. */
export type LinearRun = Training;

export interface TransferPair {
  name: PairName;
  teacher: { network: string } & LinearRun;
  student: { network: string };
  arms: { id: ArmName; label: string; description: string; runs: LinearRun[] }[];
}

/** Plain JSON. */
export interface TransferRecord {
  /** Version of this form. */
  version: 1;
  study: 'transfer';
  settings: TransferSettings;
  symbols: TransferDescription['symbols'];
  pairs: TransferPair[];
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
  const { symbols } = description;
  const all = jobs.filter((job): job is LinearJob => job.role === 'linear');
  const run = ({ id, network: { seed } }: LinearJob): LinearRun => ({
    seed,
    epochs: present(states.get(id)).training.epochs,
  });
  return {
    version: 1,
    study: 'transfer',
    settings,
    symbols,
    environment,
    command,
    startedAt,
    seconds,
    pairs: pairsOf(settings.classification).map(([name, pair]) => {
      const own = all.filter(({ network }) => network.pair === name);
      const of = (role: ArmName | 'teacher') => own.filter(({ network }) => network.role === role);
      return {
        name,
        teacher: { network: pair.teacher.network, ...run(of('teacher')[0]) },
        student: { network: pair.student.network },
        arms: pair.arms.map((id) => {
          const { label, description: text } = arm(id, pair.loss);
          return { id, label, description: text, runs: of(id).map(run) };
        }),
      };
    }),
  };
}

export const pairTitle = ({ name, teacher, student }: TransferPair): string =>
  `${pairTitles[name]}: linear classifier on a frozen ${student.network} taught by ${teacher.network}`;

export function pairScores({ symbols }: TransferRecord, { teacher, arms }: TransferPair): Scores {
  const description = `a linear classifier on the frozen ${teacher.network}, ${integer(symbols.trainSize)} training images`;
  return accuracyScores(arms, { ...teacher, description }, symbols.testSize);
}
