/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../../present.js';
import { arm, type ArmName } from '../../distill/arms.js';
import type { NetworkDescription, StudentResult } from '../../distill/jobs.js';
import type { RunEnvironment } from '../../report/types.js';
import type { JobState, Outcome } from '../../training/study.js';
import { type ClassificationDescription, type ClassificationJob, lengthsOf } from './jobs.js';
import type { ClassificationSettings, LengthName } from './settings.js';
import { bestRate, type Try, triesOf } from './tries.js';

export interface StudentRun {
  seed: number;
  testAccuracy: number;
  /** Validation accuracy after each epoch. */
  curve: number[];
}

export interface ArmRecord {
  id: ArmName;
  label: string;
  description: string;
  tries: Try[];
  /** The learning rate that was chosen by them. */
  rate: number;
  /** One per seed. */
  runs: StudentRun[];
}

export interface LengthRecord {
  name: LengthName;
  epochs: number;
  arms: ArmRecord[];
}

/** Plain JSON. */
export interface ClassificationRecord {
  /** Version of this form. */
  version: 2;
  study: 'classification';
  settings: ClassificationSettings;
  data: ClassificationDescription['data'];
  teacher: { network: string; testAccuracy: number } & NetworkDescription;
  student: { network: string } & NetworkDescription;
  lengths: LengthRecord[];
  environment: RunEnvironment;
  command: string;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time, pauses left out. */
  seconds: number;
}

const resultOf = ({ result }: JobState): StudentResult => result as StudentResult;

export function buildRecord({
  header,
  description,
  environment,
  jobs,
  states,
  seconds,
}: Outcome<ClassificationSettings, ClassificationJob, ClassificationDescription>): ClassificationRecord {
  const { settings, command, startedAt } = header;
  const { data, pair } = description;
  const stateOf = (id: string) => present(states.get(id));
  const curveOf = (id: string) => stateOf(id).training.epochs.map(({ score }) => score);
  const teacher = present(jobs.find(({ role }) => role === 'teacher'));
  const [[, first]] = lengthsOf(settings);
  return {
    version: 2,
    study: 'classification',
    settings,
    data,
    environment,
    command,
    startedAt,
    seconds,
    teacher: { network: teacher.network, ...pair.teacher, testAccuracy: resultOf(stateOf(teacher.id)).testAccuracy },
    student: { network: first.student.network, ...pair.student },
    lengths: lengthsOf(settings).map(([name, own]) => ({
      name,
      epochs: own.student.epochs,
      arms: own.arms.map((id) => {
        const { label, description: text } = arm(id, own.loss);
        const students = jobs.filter((job) => job.length === name && job.role === id && !job.tried);
        const tries = triesOf(students[0], (job) => present(curveOf(job).at(-1)));
        return {
          ...{ id, label, description: text, tries, rate: bestRate(tries) },
          runs: students.map((job) => ({
            seed: job.seed,
            testAccuracy: resultOf(stateOf(job.id)).testAccuracy,
            curve: curveOf(job.id),
          })),
        };
      }),
    })),
  };
}
