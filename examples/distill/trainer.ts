/** Trains a teacher and its students, one job at a time; and the way back to what a finished job has learnt. */
import { type Dataset, Rng } from '../data/index.js';
import type { MapShape } from '../tfjs/layers.js';
import { type Backbone, buildBackbone, buildNetwork, type Network } from '../tfjs/networks.js';
import { crossEntropy } from '../tfjs/objectives.js';
import { networkTeacher } from '../teachers/network.js';
import { restoreTraining } from '../training/checkpoint.js';
import { trainJob } from '../training/job.js';
import { evaluate } from '../training/metrics.js';
import type { JobContext } from '../training/study.js';
import { arm, type ArmName } from './arms.js';
import { objectiveOf } from './distillation.js';
import type { DataDescription, PairDescription, PairSettings, StudentJob, StudentResult } from './jobs.js';
import { probe } from './probe.js';
import { finishedCheckpoint, Teachers } from './teachers.js';

type Role = 'teacher' | 'student';

const roleOf = ({ role }: StudentJob): Role => (role === 'teacher' ? 'teacher' : 'student');

export function describeData(data: Omit<Dataset, 'name'>): DataDescription {
  const { description, classes, height, width, channels, train, validation, test } = data;
  return {
    description,
    classes,
    imageShape: [height, width, channels],
    trainSize: train.size,
    views: train.views,
    validationSize: validation?.size ?? 0,
    testSize: test.size,
  };
}

export class PairTrainer {
  private readonly teachers = new Teachers(this);

  constructor(
    readonly settings: PairSettings,
    readonly data: Dataset,
  ) {}

  /** @throws TeacherError when the teacher is a model that does not go with the data */
  async describe(threads: number): Promise<PairDescription> {
    const summary = (role: Role) => {
      const network = this.build(this.settings[role].network, role, new Rng(0));
      const {
        flops,
        map,
        parameters: { count },
      } = network;
      network.dispose();
      return { flops, map, parameters: count };
    };
    const teacher = this.settings.teacher.onnx ? await this.teachers.describe(threads) : summary('teacher');
    return { teacher, student: summary('student') };
  }

  /** Does the job, or goes on with it; true when it is finished. */
  async run(job: StudentJob, context: JobContext): Promise<boolean> {
    if (job.role === 'outputs') return this.teachers.computeOutputs(job, context);
    if (job.role === 'teacher' && this.settings.teacher.onnx) return this.teachers.evaluate(job, context);
    return this.train(job, job.role, context);
  }

  private async train(job: StudentJob, role: 'teacher' | ArmName, context: JobContext): Promise<boolean> {
    const { settings, data } = this;
    const { threads } = context;
    // Students with the same seed begin with the same weights and see the same batches in every arm.
    const rng = new Rng(job.seed, role === 'teacher' ? 0 : 1);
    const network = this.build(job.network, roleOf(job), rng);
    try {
      const chosen = arm(role === 'teacher' ? 'ce' : role, settings.loss);
      const objective =
        chosen.kind === 'task'
          ? crossEntropy(network)
          : objectiveOf(chosen, network, await this.teachers.ready(job, context), threads);
      return await trainJob(job.id, context, {
        parameters: [network.parameters],
        rng,
        source: data.train,
        objective,
        recipe: {
          ...settings,
          epochs: job.epochs,
          schedule: { ...settings.schedule, base: job.rate ?? settings.schedule.base },
        },
        evaluate: () => evaluate(network, data.validation ?? data.test),
        finish: async (): Promise<StudentResult | undefined> =>
          job.tried
            ? undefined
            : {
                testAccuracy: await evaluate(network, data.test),
                ...(await probe(networkTeacher(network), data, settings.loss.grid, threads)),
              },
      });
    } finally {
      network.dispose();
    }
  }

  build(name: string, role: Role, rng: Rng): Network {
    return build(name, this.data, role, rng);
  }
}

function build(name: string, { height, width, channels, classes }: Dataset, role: Role, rng: Rng): Network {
  return buildNetwork(name, { input: [height, width, channels], classes: classes.length, scope: role, rng });
}

/**
 * The network that a finished job has trained. Free it with dispose().
 *
 * @param directory folder of the run
 * @param job of `planPair`
 */
export async function loadNetwork(directory: string, job: StudentJob, data: Dataset): Promise<Network> {
  const checkpoint = await finishedCheckpoint(directory, job.id);
  const network = build(job.network, data, roleOf(job), new Rng(0));
  await restoreTraining(checkpoint, [network.parameters]);
  return network;
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
  const backbone = buildBackbone(job.network, { input, scope: roleOf(job), rng: new Rng(0) });
  try {
    await restoreTraining(checkpoint, [backbone.parameters]);
  } catch (error) {
    backbone.dispose();
    throw error;
  }
  return backbone;
}
