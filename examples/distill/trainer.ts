/** Trains a teacher and its students, one job at a time; and the way back to what a finished job has learnt. */
import { type Dataset, Rng } from '../data/index.js';
import type { MapShape } from '../tfjs/layers.js';
import { type Backbone, buildBackbone, buildNetwork, type Network } from '../tfjs/networks.js';
import { crossEntropy } from '../tfjs/objectives.js';
import { restoreTraining } from '../training/checkpoint.js';
import { type Checkpoint, readCheckpoint } from '../training/checkpoint-file.js';
import { trainJob } from '../training/job.js';
import { evaluate } from '../training/metrics.js';
import { checkpointPath } from '../training/run-directory.js';
import type { JobContext, JobState } from '../training/study.js';
import { arm } from './arms.js';
import { objectiveOf, probeRelations } from './distillation.js';
import type { DataDescription, PairDescription, PairSettings, StudentJob, StudentResult } from './jobs.js';

type Side = 'teacher' | 'student';

const sideOf = ({ role }: StudentJob): Side => (role === 'teacher' ? 'teacher' : 'student');

export function describeData(data: Omit<Dataset, 'name'>): DataDescription {
  const { description, classes, height, width, channels, train, test } = data;
  return { description, classes, imageShape: [height, width, channels], trainSize: train.size, testSize: test.size };
}

export class PairTrainer {
  private teacher: { id: string; network: Network } | undefined;

  constructor(private readonly settings: PairSettings, private readonly data: Dataset) {}

  describe(): PairDescription {
    const summary = (side: Side) => {
      const network = this.build(this.settings[side].network, side, new Rng(0));
      const { flops, map, parameters: { count } } = network;
      network.dispose();
      return { flops, map, parameters: count };
    };
    return { teacher: summary('teacher'), student: summary('student') };
  }

  /** Trains the job's network, or goes on with it; true when it is finished. */
  async run(job: StudentJob, context: JobContext): Promise<boolean> {
    const { settings, data } = this;
    const { threads } = context;
    // Students with the same seed begin with the same weights and see the same batches in every arm.
    const rng = new Rng(job.seed, job.role === 'teacher' ? 0 : 1);
    const network = this.build(job.network, sideOf(job), rng);
    try {
      const chosen = arm(job.role === 'teacher' ? 'ce' : job.role, settings.loss);
      const objective = chosen.kind === 'task' ? crossEntropy(network)
        : objectiveOf(chosen, network, await this.trainedTeacher(job.needs[0], context.directory), threads);
      return await trainJob(job.id, context, {
        parameters: [network.parameters], rng, source: data.train, objective,
        recipe: { ...settings, epochs: job.epochs },
        evaluate: () => evaluate(network, data.test),
        finish: async (): Promise<StudentResult> =>
          ({ relationMatrix: await probeRelations(network, data, settings.loss.grid, threads) }),
      });
    } finally {
      network.dispose();
    }
  }

  dispose(): void {
    this.teacher?.network.dispose();
    this.teacher = undefined;
  }

  private build(name: string, side: Side, rng: Rng): Network {
    const { height, width, channels, classes } = this.data;
    return buildNetwork(name, { input: [height, width, channels], classes: classes.length, scope: side, rng });
  }

  /** The trained teacher, read from its checkpoint once. */
  private async trainedTeacher(id: string, directory: string): Promise<Network> {
    if (this.teacher?.id !== id) {
      const checkpoint = await finishedCheckpoint(directory, id);
      this.dispose();
      const network = this.build(this.settings.teacher.network, 'teacher', new Rng(0));
      await restoreTraining(checkpoint, [network.parameters]);
      this.teacher = { id, network };
    }
    return this.teacher.network;
  }
}

/** @throws Error when the job has no checkpoint in the run's folder, or is not finished */
async function finishedCheckpoint(directory: string, id: string): Promise<Checkpoint<JobState>> {
  const checkpoint = await readCheckpoint<JobState>(checkpointPath(directory, id));
  if (!checkpoint?.state.finished) throw new Error(`${id}: expected a finished training in ${directory}`);
  return checkpoint;
}

/**
 * The backbone that a finished job has trained, without its classifier. Free it with dispose().
 *
 * @param directory folder of the run
 * @param job of `planPair`
 * @param input height, width and channels of the images it is to be used for; they may be larger than those it was
 *   trained with
 */
export async function loadBackbone(directory: string, job: StudentJob, input: MapShape): Promise<Backbone> {
  const checkpoint = await finishedCheckpoint(directory, job.id);
  const backbone = buildBackbone(job.network, { input, scope: sideOf(job), rng: new Rng(0) });
  try {
    await restoreTraining(checkpoint, [backbone.parameters]);
  } catch (error) {
    backbone.dispose();
    throw error;
  }
  return backbone;
}
