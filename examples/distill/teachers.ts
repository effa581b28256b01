/** The teacher of a run in a worker: the trained network, the ONNX model, or their outputs from a file. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { present } from '../present.js';
import { type Dataset, Rng } from '../data/index.js';
import { openOnnxTeacher, type OnnxTeacher } from '../onnx/teacher.js';
import { type CacheEntry, cachedTeacher, dataDigest, fillCache, sha256 } from '../teachers/cache.js';
import { accuracy } from '../teachers/logits.js';
import { networkTeacher } from '../teachers/network.js';
import { mapOf, type Teacher, TeacherError } from '../teachers/types.js';
import type { Network } from '../tfjs/networks.js';
import { restoreTraining } from '../training/checkpoint.js';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../training/checkpoint-file.js';
import { checkpointPath } from '../training/run-directory.js';
import type { JobContext, JobState } from '../training/study.js';
import { newTraining } from '../training/train.js';
import {
  type ModelResult,
  type NetworkDescription,
  type OutputsResult,
  outputsId,
  type PairSettings,
  type StudentJob,
  teacherId,
} from './jobs.js';
import { probe } from './probe.js';

/** What a teacher is opened with. */
export interface Surroundings {
  settings: PairSettings;
  data: Dataset;
  build(name: string, role: 'teacher', rng: Rng): Network;
}

/** @throws Error when the job has no checkpoint in the run's folder, or is not finished */
export async function finishedCheckpoint(directory: string, id: string): Promise<Checkpoint<JobState>> {
  const checkpoint = await readCheckpoint<JobState>(checkpointPath(directory, id));
  if (!checkpoint?.state.finished) throw new Error(`${id}: expected a finished training in ${directory}`);
  return checkpoint;
}

/** sha256 over names and numbers of a network's tensors. */
function weightsDigest({ tensors }: Checkpoint<unknown>): string {
  const hash = createHash('sha256');
  for (const [name, { data, shape }] of tensors) {
    hash.update(JSON.stringify([name, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

export class Teachers {
  private model: OnnxTeacher | undefined;
  /** What the students learn from at the moment, and the job that it comes from. */
  private open: { id: string; teacher: Teacher } | undefined;

  constructor(private readonly at: Surroundings) {}

  /** A model as the networks are described. */
  async describe(threads: number): Promise<NetworkDescription> {
    const {
      data: { height, width },
    } = this.at;
    const { form, parameters, description } = await this.onnx(threads);
    const map = mapOf(form);
    // What a model computes is not known: each parameter is taken to be used once in every position of the last map, or
    // of a map of usual size.
    const positions = map ? map[0] * map[1] : (height * width) / 64;
    return { parameters, flops: 2 * parameters * positions, taken: description, ...(map ? { map } : {}) };
  }

  /** Instead of training: how good a model is. */
  async evaluate(job: StudentJob, context: JobContext): Promise<boolean> {
    const { settings, data } = this.at;
    const { directory, threads } = context;
    const model = await this.onnx(threads);
    const result: ModelResult = {
      digest: model.digest,
      testAccuracy: await accuracy(model, data.test, threads),
      ...(await probe(model, data, settings.loss.grid, threads)),
    };
    await this.finish(job, context, directory, result);
    return true;
  }

  /** Sees to it that the teacher's outputs of the training images are in their file. */
  async computeOutputs(job: StudentJob, context: JobContext): Promise<boolean> {
    const { settings, data } = this.at;
    const { directory, stopped, progress, threads } = context;
    const checkpoint = await finishedCheckpoint(directory, teacherId);
    const { onnx } = settings.teacher;
    const { path: _, ...options } = onnx ?? { path: '', network: job.network };
    const views = settings.augment ? data.train.views : 1;
    const { grid } = settings.loss;
    const key = {
      model: onnx ? (checkpoint.state.result as ModelResult).digest : weightsDigest(checkpoint),
      data: await dataDigest(data),
      options: sha256(JSON.stringify({ ...options, views, grid })),
    };
    const done = await fillCache(this.entry(key, directory), () => this.ofJob(teacherId, context), {
      train: data.train,
      ...{ views, grid, threads, stopped },
      title: `${job.network}, ${data.name}`,
      // Files of other runs are worth a word, where there can be some.
      note: (text) => settings.teacher.kept?.folder !== undefined && process.stderr.write(`${text}\n`),
      onProgress: (records) => progress(0, Math.floor(records / settings.batchSize)),
    });
    if (done) await this.finish(job, context, directory, { key } satisfies OutputsResult);
    return done;
  }

  /** What a student learns from: outputs from their file if they are kept and there, else the teacher itself. */
  async ready(job: StudentJob, context: JobContext): Promise<Teacher> {
    if (!job.needs.includes(outputsId)) return this.ofJob(teacherId, context);
    if (this.open?.id === outputsId) return this.open.teacher;
    const { state } = await finishedCheckpoint(context.directory, outputsId);
    const entry = this.entry((state.result as OutputsResult).key, context.directory);
    const stored = await cachedTeacher(entry, this.at.data.train);
    if (typeof stored !== 'string') return this.use(outputsId, stored);
    process.stderr.write(
      `Teacher outputs are computed in every epoch: those in ${entry.folder} cannot be used any more, ${stored}\n`,
    );
    return this.ofJob(teacherId, context);
  }

  private entry(key: CacheEntry['key'], directory: string): CacheEntry {
    const { network, kept } = this.at.settings.teacher;
    return { folder: kept?.folder ?? join(directory, 'teacher-outputs'), teacher: network, key };
  }

  private async onnx(threads: number): Promise<OnnxTeacher> {
    const { settings, data } = this.at;
    this.model ??= await openOnnxTeacher(present(settings.teacher.onnx), data, threads, settings.loss.grid);
    return this.model;
  }

  /** The teacher that the job has trained or evaluated. */
  private async ofJob(id: string, { directory, threads }: JobContext): Promise<Teacher> {
    if (this.open?.id === id) return this.open.teacher;
    const { network: name, onnx } = this.at.settings.teacher;
    const checkpoint = await finishedCheckpoint(directory, id);
    if (onnx) {
      const model = await this.onnx(threads);
      if (model.digest !== (checkpoint.state.result as ModelResult).digest) {
        throw new TeacherError(
          `${onnx.path}: the run began with another model than this file holds now, or another tensor of it`,
        );
      }
      return this.use(id, model);
    }
    const network = this.at.build(name, 'teacher', new Rng(0));
    await restoreTraining(checkpoint, [network.parameters]);
    return this.use(id, networkTeacher(network));
  }

  /** Replaces what was open, but the model, which is opened once. */
  private async use(id: string, teacher: Teacher): Promise<Teacher> {
    if (this.open && this.open.teacher !== this.model) await this.open.teacher.dispose();
    this.open = { id, teacher };
    return teacher;
  }

  /** Leaves behind the checkpoint of a job that is not a training. */
  private async finish(
    { id, seed }: StudentJob,
    context: JobContext,
    directory: string,
    result: unknown,
  ): Promise<void> {
    const state: JobState = {
      finished: true,
      trainSize: this.at.data.train.size,
      training: newTraining(new Rng(seed)),
      runSeconds: context.runSeconds(),
      result,
    };
    await writeCheckpoint(checkpointPath(directory, id), { tensors: new Map(), state });
  }
}
