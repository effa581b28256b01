/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../../present.js';
import { arm, type ArmName } from '../../distill/arms.js';
import type { NetworkDescription, StudentResult } from '../../distill/jobs.js';
import { type PackedMatrix, packMatrix } from '../../report/packed-matrix.js';
import type { RunEnvironment } from '../../report/types.js';
import type { JobState, Outcome } from '../../training/study.js';
import type { Training } from '../scores.js';
import { type ClassificationDescription, type ClassificationJob, pairsOf } from './jobs.js';
import type { ClassificationSettings, PairName } from './settings.js';

export interface NetworkRun extends Training {
  /** Of the first seed. */
  relations?: PackedMatrix;
}

export interface PairRecord {
  name: PairName;
  teacher: NetworkRun & { network: string } & NetworkDescription;
  student: { network: string } & NetworkDescription;
  arms: { id: ArmName; label: string; description: string; runs: NetworkRun[] }[];
}

/** Plain JSON. */
export interface ClassificationRecord {
  /** Version of this form. */
  version: 1;
  study: 'classification';
  settings: ClassificationSettings;
  data: ClassificationDescription['data'];
  pairs: PairRecord[];
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time, pauses left out. */
  seconds: number;
}

function networkRun(seed: number, { training, result }: JobState, withRelations: boolean): NetworkRun {
  const { relationMatrix } = result as StudentResult;
  return { seed, epochs: training.epochs, ...(withRelations ? { relations: packMatrix(relationMatrix) } : {}) };
}

export function buildRecord({
  header,
  description,
  environment,
  jobs,
  states,
  seconds,
}: Outcome<ClassificationSettings, ClassificationJob, ClassificationDescription>): ClassificationRecord {
  const { settings, command, startedAt } = header;
  const { data, pairs: networks } = description;
  return {
    version: 1,
    study: 'classification',
    settings,
    data,
    environment,
    command,
    startedAt,
    seconds,
    pairs: pairsOf(settings).map(([name, pair]) => {
      const own = jobs.filter((job) => job.pair === name);
      const teacher = present(own.find(({ role }) => role === 'teacher'));
      const described = present(networks[name]);
      return {
        name,
        teacher: {
          network: teacher.network,
          ...described.teacher,
          ...networkRun(teacher.seed, present(states.get(teacher.id)), true),
        },
        student: { network: pair.student.network, ...described.student },
        arms: pair.arms.map((id) => {
          const { label, description: text } = arm(id, pair.loss);
          const students = own.filter(({ role }) => role === id);
          return {
            id,
            label,
            description: text,
            runs: students.map((job, i) => networkRun(job.seed, present(states.get(job.id)), i === 0)),
          };
        }),
      };
    }),
  };
}
