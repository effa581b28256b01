/** A run as a list of trainings, and what its networks and data turn out to be. */
import type { DataDescription } from '../../distill/jobs.js';
import { stepsPerEpoch } from '../../training/schedule.js';
import type { Job, Work } from '../../training/study.js';
import {
  type ClassificationDescription,
  type ClassificationJob,
  jobWork as classificationWork,
  planJobs as planClassification,
} from '../classification/jobs.js';
import type { TransferSettings } from './settings.js';

/** Trains a linear classifier on what a frozen network makes of the second data set. */
export interface LinearJob extends Job {
  role: 'linear';
  /** The job that has trained the network. */
  network: ClassificationJob;
}

export type TransferJob = ClassificationJob | LinearJob;

export interface TransferDescription {
  /** Of the networks' own data and sizes. */
  classification: ClassificationDescription;
  digits: DataDescription;
}

/** The networks unless another run has them, then the linear classifiers, each as soon as its network is there. */
export function planJobs({ classification, from }: TransferSettings): TransferJob[] {
  const networks = planClassification(classification);
  const compared = networks.filter(({ role, tried }) => role !== 'outputs' && !tried);
  const linear = compared.map(
    (network): LinearJob => ({
      id: `linear-${network.id}`,
      role: 'linear',
      network,
      needs: from === undefined ? [network.id] : [],
    }),
  );
  return [...(from === undefined ? networks : []), ...linear];
}

export function jobWork(
  job: TransferJob,
  settings: TransferSettings,
  { classification, digits }: TransferDescription,
): Work {
  if (job.role !== 'linear') return classificationWork(job, settings.classification, classification);
  const { epochs, batchSize } = settings.linear;
  // A step of a linear classifier is nothing but calls: their time in operations of a network.
  return { epochs, steps: stepsPerEpoch(digits.trainSize, batchSize), cost: 1e6 };
}
