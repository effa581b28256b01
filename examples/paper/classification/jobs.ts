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
import type { ClassificationSettings, PairName } from './settings.js';

export interface ClassificationJob extends StudentJob {
  pair: PairName;
}

export interface ClassificationDescription {
  data: DataDescription;
  pairs: Partial<Record<PairName, PairDescription>>;
}

export const pairsOf = ({ pairs }: Pick<ClassificationSettings, 'pairs'>): [PairName, PairSettings][] =>
  Object.entries(pairs) as [PairName, PairSettings][];

/** The teachers first: the students of one pair can be trained beside the teacher of the other. */
export function planJobs(settings: ClassificationSettings): ClassificationJob[] {
  const jobs = pairsOf(settings).flatMap(([pair, own]) =>
    planPair(own, `${pair}-`).map((job): ClassificationJob => ({ ...job, pair })),
  );
  const teachers = jobs.filter(({ role }) => role === 'teacher');
  return [...teachers, ...jobs.filter((job) => !teachers.includes(job))];
}

export const jobWork = (
  job: ClassificationJob,
  { pairs }: ClassificationSettings,
  { data, pairs: networks }: ClassificationDescription,
): Work => workOf(job, present(pairs[job.pair]), present(networks[job.pair]), data);
