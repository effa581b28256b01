/** A run as a list of trainings, and what each leaves behind. */
import type { ArmName } from '../../distill/arms.js';
import { type DataDescription, type PairDescription, planPair, type StudentJob, workOf } from '../../distill/jobs.js';
import { stepsPerEpoch } from '../../training/schedule.js';
import type { Job, Work } from '../../training/study.js';
import type { TuningSettings } from './settings.js';

/** Fine-tunes a larger network from the backbone that another job has trained. */
export interface TuningJob extends Job {
  role: 'tuning';
  arm: ArmName;
  seed: number;
  backbone: StudentJob;
}

export type TuningStudyJob = StudentJob | TuningJob;

/** The larger network with its backbone. */
export interface NetworkSize {
  parameters: number;
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
}

/** What data and networks turn out to be. */
export interface TuningDescription<Network extends NetworkSize = NetworkSize> {
  pair: PairDescription;
  /** Of the pictures of one object. */
  objects: DataDescription;
  /** Of the scenes. */
  scenes: DataDescription;
  network: Network;
}

/** Teacher and backbones, then the larger networks (`name` begins their ids), each as soon as its backbone is there. */
export function planTuning(name: string, { pair }: TuningSettings): TuningStudyJob[] {
  const backbones = planPair(pair);
  const tunings = backbones.flatMap((backbone): TuningJob[] => {
    const { id, role: arm, seed } = backbone;
    if (arm === 'teacher' || arm === 'outputs') return [];
    return [{ id: `${name}-${id}`, role: 'tuning', arm, seed, backbone, needs: [id] }];
  });
  return [...backbones, ...tunings];
}

/** @param outputCost of what a step does with the larger network's outputs, for each image, in floating-point operations */
export function tuningWork(
  job: TuningStudyJob,
  settings: TuningSettings,
  { pair, objects, scenes, network }: TuningDescription,
  outputCost: number,
): Work {
  if (job.role !== 'tuning') return workOf(job, settings.pair, pair, objects);
  const { epochs, batchSize } = settings.recipe;
  // Forward and backward; the constant stands for the work that does not grow with the network.
  return { epochs, steps: stepsPerEpoch(scenes.trainSize, batchSize), cost: 3 * network.flops + outputCost + 2e6 };
}
