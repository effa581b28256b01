/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../present.js';
import type { EpochRecord, RunRecord, StudentRun } from '../report/types.js';
import type { JobState, Outcome } from '../training/study.js';
import type { EpochResult } from '../training/train.js';
import { arm, type ArmName, relationRows } from './arms.js';
import type { ModelResult, PairSettings, StudentJob, StudentResult } from './jobs.js';
import { choosePictures } from './pictures.js';
import type { Settings } from './settings.js';
import type { Description } from './study.js';

const epochRecords = (epochs: EpochResult[]): EpochRecord[] =>
  epochs.map(({ score, ...epoch }) => ({ ...epoch, testAccuracy: score }));

const resultOf = ({ result }: JobState) => result as StudentResult;

function studentRun(seed: number, state: JobState): StudentRun {
  const { epochs } = state.training;
  const accuracies = epochs.map(({ score }) => score);
  return {
    seed,
    epochs: epochRecords(epochs),
    finalAccuracy: accuracies[accuracies.length - 1],
    bestAccuracy: Math.max(...accuracies),
    relationMatrix: resultOf(state).relationMatrix,
  };
}

export function buildRecord({
  header,
  description,
  environment,
  jobs,
  states,
  seconds,
}: Outcome<Settings, StudentJob, Description>): RunRecord {
  const { settings } = header;
  const { data, networks, candidates } = description;
  const teacher = present(states.get('teacher'));
  const jobsOf = (name: ArmName) => jobs.filter((job) => job.role === name);
  const stateOf = ({ id }: StudentJob) => present(states.get(id));
  const last = teacher.training.epochs.at(-1);
  const { onnx, cache } = settings.teacher;
  return {
    version: 1,
    settings: {
      dataset: settings.dataset.name,
      datasetDescription: data.description,
      classes: data.classes,
      imageShape: data.imageShape,
      trainSize: data.trainSize,
      testSize: data.testSize,
      teacherEpochs: settings.teacher.epochs,
      studentEpochs: settings.student.epochs,
      batchSize: settings.batchSize,
      alpha: settings.loss.alpha,
      beta: settings.loss.beta,
      localWeight: settings.loss.localWeight,
      grid: settings.loss.grid,
      reduction: settings.loss.reduction,
      metric: settings.loss.metric,
      seeds: settings.seeds,
      optimizer: optimizerText(settings),
      command: header.command,
      more: {
        'Logit rows m of a full batch': relationRows(settings.batchSize, settings.loss.grid),
        'Temperature of Hinton KD': settings.loss.temperature,
        ...(settings.arms.includes('rkd') ? { "Weight of RKD's distance term": settings.loss.distanceWeight } : {}),
        ...(onnx ? { "Taken from the teacher's model": networks.teacher.taken } : {}),
        ...(cache === undefined ? {} : { 'Teacher outputs': 'computed once and read from a file' }),
        Augmentation: settings.augment,
        'Seed of data and teacher': settings.baseSeed,
      },
    },
    environment,
    teacher: {
      name: settings.teacher.network,
      parameters: networks.teacher.parameters,
      testAccuracy: last?.score ?? (teacher.result as ModelResult).testAccuracy,
      epochs: epochRecords(teacher.training.epochs),
      relationMatrix: resultOf(teacher).relationMatrix,
    },
    student: { name: settings.student.network, parameters: networks.student.parameters },
    arms: settings.arms.map((name) => {
      const { label, description, weights, ...more } = arm(name, settings.loss);
      return {
        id: name,
        label,
        description,
        weights,
        ...('options' in more ? { options: { ...more.options } } : {}),
        runs: jobsOf(name).map((job) => studentRun(job.seed, stateOf(job))),
      };
    }),
    pictures: choosePictures(
      candidates,
      resultOf(teacher).answers,
      settings.arms.map((name) => resultOf(stateOf(jobsOf(name)[0])).answers),
    ),
    startedAt: header.startedAt,
    seconds,
  };
}

export function optimizerText({
  schedule,
  momentum,
  weightDecay,
}: Pick<PairSettings, 'schedule' | 'momentum' | 'weightDecay'>): string {
  const course = schedule.kind === 'cosine' ? 'to 0 along a cosine' : 'times 0.1 at 50 % and at 75 % of the epochs';
  const { base, warmup = 0 } = schedule;
  const start = warmup > 0 ? `, growing from 0 over ${warmup === 1 ? 'the first epoch' : `${warmup} epochs`}` : '';
  return `SGD, momentum ${momentum}, weight decay ${weightDecay}, learning rate ${base} ${course}${start}`;
}
