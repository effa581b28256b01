/** The run's record: what results.json holds and the report is made from, put together from the checkpoints. */
import { present } from '../present.js';
import type { RunRecord, StudentRun } from '../report/types.js';
import type { JobState, Outcome } from '../training/study.js';
import { arm, type ArmName, relationRows } from './arms.js';
import type { PairSettings, StudentJob, StudentResult } from './jobs.js';
import { choosePictures } from './pictures.js';
import type { Settings } from './settings.js';
import type { Description } from './study.js';

const resultOf = ({ result }: JobState) => result as StudentResult;

/** What is known of a network by itself; its answers are beside those of the others. */
function networkRun(state: JobState): Omit<StudentRun, 'seed'> {
  const { testAccuracy, relationMatrix } = resultOf(state);
  return { epochs: state.training.epochs, testAccuracy, relationMatrix };
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
  const { onnx, kept } = settings.teacher;
  return {
    version: 1,
    settings: {
      dataset: settings.dataset.name,
      datasetDescription: data.description,
      classes: data.classes,
      imageShape: data.imageShape,
      trainSize: data.trainSize,
      validationSize: data.validationSize,
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
        ...(kept ? { "Teacher's logits": 'computed once for all views of the images' } : {}),
        Augmentation: settings.augment,
        'Seed of data and teacher': settings.baseSeed,
      },
    },
    environment,
    teacher: {
      name: settings.teacher.network,
      parameters: networks.teacher.parameters,
      ...networkRun(teacher),
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
        runs: jobsOf(name).map((job) => ({ seed: job.seed, ...networkRun(stateOf(job)) })),
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

/** @param rate in words, where it is not one for all */
export function optimizerText(
  { schedule, momentum, weightDecay }: Pick<PairSettings, 'schedule' | 'momentum' | 'weightDecay'>,
  rate: string | number = schedule.base,
): string {
  const course = schedule.kind === 'cosine' ? 'to 0 along a cosine' : 'times 0.1 at 50 % and at 75 % of the epochs';
  const { warmup = 0 } = schedule;
  const start = warmup > 0 ? `, growing from 0 over ${warmup === 1 ? 'the first epoch' : `${warmup} epochs`}` : '';
  return `SGD, momentum ${momentum}, weight decay ${weightDecay}, learning rate ${rate} ${course}${start}`;
}
