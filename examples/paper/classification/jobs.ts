/** A run as a list of trainings, and what its networks and data turn out to be. */
import { present } from '../../present.js';
import {
  type DataDescription,
  type PairDescription,
  type PairSettings,
  planPair,
  type StudentJob,
  workOf,
} from '../../distill/jobs.js';
import type { Work } from '../../training/study.js';
import type { ClassificationSettings, LengthName } from './settings.js';

export interface ClassificationJob extends StudentJob {
  length: LengthName;
  /** The jobs whose rates were tried for this one, each with its rate. */
  tries?: { id: string; rate: number }[];
}

export interface ClassificationDescription {
  data: DataDescription;
  pair: PairDescription;
}

export const lengthsOf = ({ lengths }: Pick<ClassificationSettings, 'lengths'>): [LengthName, PairSettings][] =>
  Object.entries(lengths) as [LengthName, PairSettings][];

const isStudent = ({ role }: StudentJob) => role !== 'teacher' && role !== 'outputs';

/** The teacher, which all lengths share; then of each length every arm's tries of learning rates, then its students. */
export function planJobs(settings: ClassificationSettings): ClassificationJob[] {
  const { rates, seeds } = settings.tries;
  const lengths = lengthsOf(settings);
  const [[first, pair]] = lengths;
  const teacher = planPair(pair).filter((job) => !isStudent(job));
  return [
    ...teacher.map((job) => ({ ...job, length: first })),
    ...lengths.flatMap(([length, own]): ClassificationJob[] => {
      const tries = rates.flatMap((rate) =>
        planPair({ ...own, seeds }, `${length}-rate${rate}-`)
          .filter(isStudent)
          .map((job): ClassificationJob => ({ ...job, length, rate, tried: true })),
      );
      const students = planPair(own, `${length}-`).filter(isStudent);
      return [
        ...tries,
        ...students.map((job): ClassificationJob => {
          const tried = tries.filter(({ role }) => role === job.role);
          return {
            ...job,
            length,
            needs: [...job.needs, ...tried.map(({ id }) => id)],
            tries: tried.map(({ id, rate }) => ({ id, rate: present(rate) })),
          };
        }),
      ];
    }),
  ];
}

export const jobWork = (
  job: ClassificationJob,
  { lengths }: ClassificationSettings,
  { data, pair }: ClassificationDescription,
): Work => workOf(job, present(lengths[job.length]), pair, data);
