/**
 * A training loop that distils a teacher into a model of TensorFlow.js, in the manner of that model's own `fit`. Callbacks and
 * history are tfjs's; what is computed at a step is the loss of this package.
 */
import type * as tfjs from '@tensorflow/tfjs';
import { copyStudent, type TfjsSide } from '../adapters/tfjs-inputs.js';
import { tfjsGld, type TfjsGld, type TfjsValue } from '../adapters/tfjs-loss.js';
import { registerGradients, type TfjsRegistry } from '../adapters/tfjs-gradients.js';
import type { TfjsOptimizer, TfjsTensor } from '../adapters/tfjs-types.js';
import { expectObject, known, number, optional, options as checkOptions } from '../check.js';
import { describe } from '../describe.js';
import { fail } from '../errors.js';
import { tables } from '../options.js';
import { gldSchedule, type Schedule, type StepWeights } from '../schedule.js';
import type { GldLossOptions, TensorLike } from '../types.js';
import {
  type Batch,
  type Batches,
  datasetBatches,
  expectImages,
  expectLabels,
  expectSamples,
  expectWeights,
  isDataset,
  type Samples,
  sampleWeights,
  tensorBatches,
} from './batches.js';
import { Kept } from './kept.js';
import { expectUndisposed } from './layers-model.js';
import { line, Means } from './logs.js';
import { globalLogits, measure, metricsOf, type Metric } from './metrics.js';
import type { TfjsLayersModel } from './model-types.js';
import { disposeTape, isOptimizer, optimizerOf } from './optimizers.js';
import { replayed } from './replay.js';
import { openStudent, type Student } from './student.js';
import { kindOf, openTeacher, storedCount, type Teacher, type TfjsTeacher } from './teacher.js';
import {
  args as checks,
  type DistillerEvaluateArgs,
  type DistillerEvaluateDatasetArgs,
  type DistillerFitArgs,
  type DistillerFitDatasetArgs,
  type DistillerHistory,
  type DistillerLogs,
  type DistillerTrainArgs,
  expectTraining,
  type TfjsDataset,
  type TfjsTraining,
} from './training.js';

/** What a {@link Distiller} is made of. */
export interface DistillerConfig<Tensor = TfjsTensor, Scalar extends Tensor = Tensor> {
  /** The network that is imitated: a model, ONNX or of tfjs, a function of images, or outputs that were stored. */
  readonly teacher: TfjsTeacher<Tensor>;
  /** The model that is trained. It stays an ordinary model, to be saved and used as any other. */
  readonly student: TfjsLayersModel<Tensor>;
  /**
   * An optimizer of `tf.train`, or its name with the settings that tfjs has for it: 'sgd', 'adam', 'adamax', 'rmsprop',
   * 'adagrad' or 'adadelta'. @default 'sgd'
   */
  readonly optimizer?: TfjsOptimizer<Tensor, Scalar> | string | undefined;
  /** Options of the loss. @default those of {@link tfjsGld} */
  readonly loss?: GldLossOptions | undefined;
  /**
   * Names as `model.compile` takes them, or functions of labels and probabilities, both [n, K], which give a number for
   * every sample. @default none
   */
  readonly metrics?: DistillerMetric<Tensor> | readonly DistillerMetric<Tensor>[] | undefined;
  /**
   * Epochs, or a part of one, in which the distillation terms come in, as {@link gldSchedule} has it; 0 for none. A student
   * that has just been made gets gradients from them that are many times those of the task, which it does not recover from.
   * Where the length of an epoch is not known beforehand, the first one counts as 100 batches.
   * @default a tenth of the epochs that the first `fit` is to end with
   */
  readonly warmup?: number | undefined;
  /**
   * Weights of the terms by the step, in the place of the warm-up. Steps are counted on from training to training, unless
   * `initialEpoch` says where one begins. @default none
   */
  readonly schedule?: Schedule | undefined;
}

/** A metric's name, or a function of labels and probabilities, both [n, K]. */
export type DistillerMetric<Tensor = TfjsTensor> = string | ((labels: Tensor, probabilities: Tensor) => Tensor);

type Tf = typeof tfjs;

/** What is made on the first images. */
interface Opened<Tensor> {
  readonly student: Student<Tensor>;
  readonly teacher: Teacher<Tensor>;
  /** Of these images. */
  readonly dtype: string;
}

/** Batches in an epoch until one has passed, where nobody says how many there are. */
const assumedSteps = 100;

const table = {
  teacher: given,
  student: given,
  optimizer: given,
  loss: given,
  metrics: given,
  warmup: given,
  schedule: given,
};

function given(value: unknown) {
  return value;
}

/** What a schedule gives. */
const weightTable = (({ alpha, beta, localWeight }) => ({ alpha, beta, localWeight }))(tables.adapter);

/**
 * Distils a teacher into a model of TensorFlow.js. Its methods take what those of `tf.LayersModel` take.
 *
 *     const distiller = new Distiller(tf, { teacher, student, optimizer: 'adam', metrics: ['accuracy'] });
 *     const { history } = await distiller.fit(images, labels, { epochs: 12, batchSize: 64, validationSplit: 0.1 });
 *     await student.save('file://student');
 *
 * Labels are class indices, [n] or [n, 1], or soft labels [n, K]. Logs have the loss with the model's regularization, its
 * terms before they are weighed, and the metrics, all of them numbers: `loss`, `task`, `global`, `local`, `relation`, `acc`,
 * and `val_loss` and so on, where the terms have the weights that they have after the warm-up.
 *
 * The student's feature map and classifier are found, and checked against its own output, on the first images. On the backend
 * wasm, tfjs needs {@link registerGradients} to differentiate convolutions, which this calls. Backends that are read
 * asynchronously, such as webgl and webgpu, work too, with a second forward pass at every step.
 *
 * @throws {GldError} `ERR_GLD_SPLIT` if a model cannot be split into feature map and head, which says what was found instead;
 * for others see {@link GldErrorCode}. What a callback throws ends the training and is passed on.
 */
export class Distiller<Tensor extends TfjsTensor = TfjsTensor, Scalar extends Tensor = Tensor> {
  readonly #tf: TfjsTraining<Tensor, Scalar>;
  readonly #teacher: TfjsTeacher<Tensor>;
  /** Whether the teacher is its outputs for the whole data set. */
  readonly #isStored: boolean;
  readonly #model: TfjsLayersModel<Tensor>;
  readonly #optimizer: TfjsOptimizer<Tensor, Scalar>;
  /** Whether the optimizer was made here. */
  readonly #own: boolean;
  readonly #options: GldLossOptions;
  readonly #weights: StepWeights;
  readonly #metrics: readonly Metric[];
  readonly #warmup: number | undefined;
  readonly #schedule: Schedule | undefined;
  readonly #gldLoss: TfjsGld<Tensor, Scalar>;
  #opened: Promise<Opened<Tensor>> | undefined;
  /** Those that the optimizer has updated, whose state it keeps by their order. */
  #variables: readonly Tensor[] | undefined;
  #busy = false;
  /** Steps that count for the weights of the terms, and those of them that are the warm-up. */
  #steps = 0;
  #warming = 0;
  /** Trainings and evaluations that go on. */
  #users = 0;
  #disposed = false;

  /**
   * @param tf the framework: `import * as tf from '@tensorflow/tfjs'`
   */
  constructor(tf: TfjsTraining<Tensor, Scalar>, config: DistillerConfig<Tensor, Scalar>) {
    expectTraining(tf);
    const { teacher, student, optimizer, loss, metrics, warmup, schedule } = known(
      table,
      expectObject('config', config, '{ teacher, student, optimizer?, loss?, metrics?, warmup?, schedule? }'),
    ) as unknown as DistillerConfig<Tensor, Scalar>;
    const { alpha, beta, localWeight } = checkOptions(tables.adapter, loss, 'loss');
    if (alpha > 1)
      fail('ERR_GLD_OPTION', 'loss.alpha', 'at most 1 with labels, whose term weighs 1 - alpha', String(alpha));
    this.#tf = tf;
    this.#model = expectModel(student);
    this.#isStored = kindOf(teacher) === 'stored';
    this.#teacher = teacher;
    this.#options = { ...loss };
    this.#weights = { alpha, beta, localWeight };
    this.#metrics = metricsOf(tf, metrics);
    if (schedule !== undefined && typeof schedule !== 'function') {
      fail('ERR_GLD_ARG_TYPE', 'schedule', 'a function, which gldSchedule() gives', describe(schedule));
    }
    if (warmup !== undefined && schedule !== undefined) {
      fail('ERR_GLD_OPTION', 'warmup', 'none beside a schedule', describe(warmup));
    }
    this.#warmup = optional(number(0, 0, 'epochs, at least 0'))(warmup, 'warmup');
    this.#schedule = schedule;
    this.#own = !isOptimizer(optimizer);
    this.#optimizer = isOptimizer(optimizer) ? optimizer : optimizerOf(tf, optimizer);
    this.#gldLoss = tfjsGld(tf);
  }

  /**
   * Trains the student on tensors, as `tf.LayersModel.fit` does.
   *
   * @param x images, [n, ...]
   * @param y labels, [n], [n, 1] or [n, K]
   * @returns tfjs's own `History`
   */
  async fit(x: Tensor, y: Tensor, args?: DistillerFitArgs<Tensor>): Promise<DistillerHistory> {
    const { sampleWeight, validationData, validationSplit, batchSize, shuffle, ...settings } = checkOptions(
      checks.fit,
      args,
    );
    this.#expectSettings(settings);
    if (validationData !== undefined) this.#expectUnstored('validationData');
    const samples = this.#samples('', x, y, sampleWeight);
    const count = x.shape[0];
    const split =
      validationSplit > 0 && validationData === undefined ? Math.floor(count * (1 - validationSplit)) : count;
    if (split < 1)
      fail(
        'ERR_GLD_OPTION',
        'validationSplit',
        'a share that leaves samples to train with',
        `${validationSplit} of ${count}`,
      );
    const validation =
      validationData !== undefined
        ? this.#validation(validationData, batchSize)
        : split < count
          ? tensorBatches(this.#tf, { ...samples, begin: split }, batchSize, false)
          : undefined;
    const batches = tensorBatches(this.#tf, { ...samples, end: split }, batchSize, shuffle);
    return this.#exclusively(() => this.#train(batches, validation, settings, { batchSize, samples: split }, x));
  }

  /**
   * Trains the student on a data set of batches { xs, ys }, as `tf.LayersModel.fitDataset` does. A teacher whose outputs were
   * stored needs `fit`, as a data set does not say which samples it gives.
   */
  async fitDataset(dataset: TfjsDataset, args?: DistillerFitDatasetArgs<Tensor>): Promise<DistillerHistory> {
    const { batchesPerEpoch, validationData, validationBatchSize, validationBatches, ...settings } = checkOptions(
      checks.fitDataset,
      args,
    );
    this.#expectSettings(settings);
    const batches = this.#dataset('dataset', dataset, batchesPerEpoch);
    const validation = isDataset(validationData)
      ? this.#dataset('validationData', validationData, validationBatches)
      : validationData === undefined
        ? undefined
        : this.#validation(validationData, validationBatchSize);
    return this.#exclusively(() => this.#train(batches, validation, settings, {}));
  }

  /**
   * The loss, its terms and the metrics of samples, as numbers. The student is as at inference, and the terms have the weights
   * that they have after the warm-up.
   */
  async evaluate(x: Tensor, y: Tensor, args?: DistillerEvaluateArgs<Tensor>): Promise<DistillerLogs> {
    const { batchSize, sampleWeight } = checkOptions(checks.evaluate, args);
    const batches = tensorBatches(this.#tf, this.#samples('', x, y, sampleWeight), batchSize, false);
    return this.#evaluated(batches);
  }

  /** The same of a data set of batches { xs, ys }. */
  async evaluateDataset(dataset: TfjsDataset, args?: DistillerEvaluateDatasetArgs): Promise<DistillerLogs> {
    const { batches } = checkOptions(checks.evaluateDataset, args);
    const all = this.#dataset('dataset', dataset, batches);
    return this.#evaluated(all);
  }

  #evaluated(batches: Batches<Tensor>): Promise<DistillerLogs> {
    return this.#used(async () => {
      await batches.prepare();
      return this.#evaluate(batches);
    });
  }

  /**
   * Frees what was made for the training: an optimizer that was named, sessions of ONNX Runtime, the loss's memory. Models and
   * an optimizer that was given stay. A training or an evaluation that goes on ends with `ERR_GLD_DISPOSED` before its next
   * batch, and frees all this itself.
   */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#users === 0) await this.#free();
  }

  async #free(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    this.#gldLoss.dispose();
    if (this.#own) (this.#optimizer as unknown as { dispose(): void }).dispose();
    await (await opened)?.teacher.dispose();
  }

  #samples(prefix: string, images: unknown, labels: unknown, weights: unknown): Samples<Tensor> {
    const [x, y, w] = prefix === '' ? ['x', 'y', 'sampleWeight'] : [0, 1, 2].map((i) => `${prefix}[${i}]`);
    const count = expectImages(x, images, this.#inputShape());
    const stored = this.#isStored && prefix === '' ? storedCount(this.#teacher) : undefined;
    if (stored !== undefined && stored !== count)
      fail('ERR_GLD_SHAPE', x, `${stored} samples, of which the teacher has stored outputs`, `${count}`);
    expectSamples(y, labels, count);
    if (weights !== undefined) expectSamples(w, weights, count);
    const samples = { images: images as Tensor, labels: labels as Tensor, weights: weights as Tensor | undefined };
    const expectValues = async () => {
      await expectLabels(y, samples.labels, this.#classes(), this.#options.ignoreIndex);
      if (samples.weights !== undefined) await expectWeights(w, samples.weights);
    };
    return { ...samples, expectValues };
  }

  /** How many classes the student tells apart, as far as its layers know. */
  #classes(): number {
    const [output] = this.#model.outputs as readonly { shape: readonly (number | null)[] }[];
    return output.shape.slice(1).reduce((product: number, size) => product * (size ?? Infinity), 1);
  }

  /** What a training is told that its parts do not agree on. */
  #expectSettings({ callbacks, yieldEvery, classWeight = {} }: TrainSettings): void {
    const yielding = callbacks.findIndex((callback) => 'onYield' in callback && !('setModel' in callback));
    if (yieldEvery === 'never' && yielding >= 0)
      fail('ERR_GLD_OPTION', 'yieldEvery', 'another one beside a callback with onYield()', "'never'");
    const classes = this.#classes();
    const other = Object.keys(classWeight).find((label) => Number(label) >= classes);
    if (other !== undefined)
      fail('ERR_GLD_OPTION', `classWeight[${other}]`, `classes from 0 to ${classes - 1}`, `class ${other}`);
  }

  #validation(data: unknown, batchSize: number): Batches<Tensor> {
    if (!Array.isArray(data) || data.length < 2 || data.length > 3) {
      return fail(
        'ERR_GLD_ARG_TYPE',
        'validationData',
        '[images, labels] or [images, labels, weights]',
        describe(data),
      );
    }
    const samples = this.#samples('validationData', data[0], data[1], data[2]);
    return tensorBatches(this.#tf, { ...samples, apart: true }, batchSize, false);
  }

  #dataset(argument: string, dataset: unknown, perEpoch: number | undefined): Batches<Tensor> {
    const batches = datasetBatches<Tensor>(argument, dataset, perEpoch, this.#inputShape());
    this.#expectUnstored(argument);
    return batches;
  }

  /** Refuses samples without places among those that the teacher has stored outputs of. */
  #expectUnstored(argument: string): void {
    if (!this.#isStored) return;
    const expected = 'none beside stored outputs of a teacher, which are those of x in fit() and evaluate()';
    fail('ERR_GLD_OPTION', argument, expected, 'some');
  }

  /** Of what the student takes, where it takes one thing. */
  #inputShape(): readonly (number | null)[] | undefined {
    const inputs = this.#model.inputs as readonly { shape?: readonly (number | null)[] }[];
    return inputs.length === 1 ? inputs[0].shape : undefined;
  }

  /** Runs what takes several batches, and frees what was left to it. */
  async #used<Result>(run: () => Promise<Result>): Promise<Result> {
    this.#expectInUse();
    this.#users += 1;
    try {
      return await run();
    } finally {
      this.#users -= 1;
      if (this.#disposed && this.#users === 0) await this.#free();
    }
  }

  #expectInUse(): void {
    if (this.#disposed) fail('ERR_GLD_DISPOSED', 'Distiller', 'an object in use', 'one that was disposed');
    expectUndisposed('student', this.#model);
  }

  async #exclusively<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#busy)
      fail('ERR_GLD_OPTION', 'fit()', 'to be called when the training before it has ended', 'a second one');
    this.#busy = true;
    try {
      return await this.#used(run);
    } finally {
      this.#busy = false;
    }
  }

  /** Splits and checks both models, once. */
  async #open(images: Tensor): Promise<Opened<Tensor>> {
    const open = async () => {
      registerGradients(this.#tf as unknown as TfjsRegistry);
      const { grid } = this.#options;
      const student = await openStudent(this.#tf, this.#model, images);
      const teacher = await openTeacher(this.#tf, this.#teacher, images, { grid });
      return { student, teacher, dtype: images.dtype };
    };
    this.#opened ??= open().catch((error: unknown) => {
      // The next call may have other images.
      this.#opened = undefined;
      throw error;
    });
    const opened = await this.#opened;
    if (images.dtype === opened.dtype) return opened;
    return fail('ERR_GLD_DTYPE', 'images', `${opened.dtype}, as the first ones were`, images.dtype);
  }

  async #train(
    batches: Batches<Tensor>,
    validation: Batches<Tensor> | undefined,
    { epochs, initialEpoch, callbacks, yieldEvery, verbose, classWeight }: TrainSettings,
    params: { batchSize?: number; samples?: number },
    images?: Tensor,
  ): Promise<DistillerHistory> {
    const tf = this.#tf as unknown as Tf;
    await batches.prepare();
    await validation?.prepare();
    if (images !== undefined) await this.#open(images);
    const history = new tf.History();
    const hooks = callbacks.map((callback) =>
      'setModel' in callback
        ? (callback as tfjs.Callback)
        : new tf.CustomCallback(callback as tfjs.CustomCallbackArgs, yieldEvery),
    );
    const list = new tf.CallbackList([...hooks, history]);
    const names = ['loss', 'task', 'global', 'local', 'relation', ...this.#metrics.map(({ name }) => name)];
    const metrics = validation === undefined ? names : [...names, ...names.map((name) => `val_${name}`)];
    const steps = batches.steps ?? null;
    const begin = initialEpoch ?? 0;
    const doValidation = validation !== undefined;
    const shared = { epochs, initialEpoch: begin, steps, verbose, doValidation, metrics, ...params };
    list.setParams(shared as never);
    const model = this.#model as unknown as tfjs.LayersModel;
    // A sequential model can be told to stop only when it has been built, which it puts off.
    if (model.getClassName() === 'Sequential' && !(model as { model?: unknown }).model)
      (model as tfjs.Sequential).build();
    if (model.trainableWeights.length === 0)
      fail('ERR_GLD_OPTION', 'student', 'a model with weights that are trainable', 'one without');
    list.setModel(model);
    await list.onTrainBegin();
    model.stopTraining = false;
    let stepsPerEpoch = batches.steps;
    const goesOn = initialEpoch === undefined && this.#steps > 0;
    for (let epoch = begin; epoch < epochs && !model.stopTraining; epoch += 1) {
      await list.onEpochBegin(epoch);
      const began = performance.now();
      const means = new Means();
      const length = stepsPerEpoch ?? assumedSteps;
      if (!goesOn) {
        this.#warming = (this.#warmup ?? epochs / 10) * length;
        this.#steps = epoch * length;
      }
      const schedule = this.#schedule ?? gldSchedule({ ...this.#weights, warmup: this.#warming });
      let step = 0;
      for await (const batch of batches.epoch()) {
        try {
          const logs: DistillerLogs = { batch: step, size: batch.size };
          await list.onBatchBegin(step, logs);
          const given = expectObject('schedule()', schedule(this.#steps), '{ alpha, beta, localWeight }');
          const weights = known(weightTable, given, 'schedule()') as unknown as StepWeights;
          const values = await this.#step(batch, weights, classWeight);
          means.add(values, batch.size);
          Object.assign(logs, values);
          await list.onBatchEnd(step, logs);
        } finally {
          batch.dispose();
        }
        step += 1;
        this.#steps += 1;
        if (model.stopTraining) break;
      }
      if (step === 0)
        fail('ERR_GLD_ARG_TYPE', 'dataset', 'a data set with batches for every epoch', 'one without more of them');
      stepsPerEpoch ??= step;
      const logs = means.values();
      if (validation !== undefined) {
        for (const [name, value] of Object.entries(await this.#evaluate(validation))) logs[`val_${name}`] = value;
      }
      if (verbose > 0) console.log(line(epoch, epochs, logs, performance.now() - began));
      await list.onEpochEnd(epoch, logs);
    }
    await list.onTrainEnd();
    return history as unknown as DistillerHistory;
  }

  /** Refuses other variables than those of the steps before. */
  #expectSame(variables: Tensor[]): Tensor[] {
    const before = (this.#variables ??= variables);
    if (variables.length === before.length && variables.every((variable, i) => variable === before[i]))
      return variables;
    const expected = 'the same trainable weights in every step (a new Distiller takes others)';
    return fail('ERR_GLD_OPTION', 'student', expected, 'others: a layer was frozen or thawed');
  }

  /** One update of the student. */
  async #step(batch: Batch<Tensor>, weights: StepWeights, classWeight: ClassWeights): Promise<DistillerLogs> {
    this.#expectInUse();
    const { student, teacher } = await this.#open(batch.images);
    const variables = this.#expectSame(student.variables);
    const tf = this.#tf;
    const outputs = (await teacher.outputs(batch.images, batch.indices)) as TfjsSide<Tensor>;
    const targets = {
      teacher: outputs,
      labels: batch.labels,
      sampleWeights: await sampleWeights(batch, classWeight),
    };
    const options = { ...this.#options, ...weights };
    const numbers = new Kept(tf);
    const sides = new Kept(tf);
    const forward = () => this.#beside(outputs, student.forward(batch.images, true));
    const minimize = (loss: () => Scalar) => {
      try {
        const cost = this.#optimizer.minimize(() => this.#regularized(loss()), true, variables) as Tensor;
        numbers.tensors.push(cost);
      } catch (error) {
        disposeTape(tf);
        throw error;
      }
    };
    const now = () => {
      let value!: TfjsValue;
      minimize(() => {
        const side = forward();
        const { scalar, ...rest } = this.#gldLoss.withTerms({ ...targets, student: side }, options);
        value = rest;
        this.#measure(batch.labels, side, numbers);
        return scalar;
      });
      return value;
    };
    const read = () => {
      let side!: TfjsSide<Tensor>;
      tf.tidy(() => {
        const own = forward();
        this.#measure(batch.labels, own, numbers);
        side = copyStudent(own, sides.keep);
      });
      return this.#gldLoss.surrogate({ ...targets, student: side }, options);
    };
    try {
      const { terms } = isSynchronous(tf)
        ? now()
        : await replayed(tf, this.#model, read, (at) => {
            minimize(() => at.scalar(forward()));
            return at;
          });
      const values = await numbers.numbers();
      const loss = values.pop() as number;
      return { loss, ...terms, ...this.#named(values) };
    } finally {
      numbers.dispose();
      sides.dispose();
    }
  }

  /** Means over the samples. */
  async #evaluate(batches: Batches<Tensor>): Promise<DistillerLogs> {
    const tf = this.#tf;
    const means = new Means();
    for await (const batch of batches.epoch()) {
      const numbers = new Kept(tf);
      const sides = new Kept(tf);
      try {
        this.#expectInUse();
        const { student, teacher } = await this.#open(batch.images);
        const outputs = (await teacher.outputs(batch.images, batch.indices)) as TfjsSide<Tensor>;
        let side!: TfjsSide<Tensor>;
        tf.tidy(() => {
          const own = this.#beside(outputs, student.forward(batch.images, false));
          this.#measure(batch.labels, own, numbers);
          numbers.keep(this.#regularized(tf.scalar(0, 'float32')));
          side = copyStudent(own, sides.keep);
        });
        const inputs = { teacher: outputs, student: side, labels: batch.labels, sampleWeights: batch.weights };
        const { loss, terms } = await this.#gldLoss.surrogate(inputs, { ...this.#options, gradients: false });
        const values = await numbers.numbers();
        const penalty = values.pop() as number;
        means.add({ loss: loss + penalty, ...terms, ...this.#named(values) }, batch.size);
      } finally {
        numbers.dispose();
        sides.dispose();
        batch.dispose();
      }
    }
    return means.values();
  }

  /** The student's side beside the teacher's: global logits alone where the teacher has no others. To be called in a tidy. */
  #beside(teacher: TfjsSide<Tensor>, student: TfjsSide<Tensor>): TfjsSide<Tensor> {
    const { shape, dims } = (teacher as { logits?: TensorLike }).logits ?? {};
    if ((shape ?? dims)?.length !== 2) return student;
    return { logits: globalLogits(this.#tf, student) as unknown as Tensor };
  }

  /** Keeps the metrics of a side. To be called in a tidy. */
  #measure(labels: Tensor, side: TfjsSide<Tensor>, numbers: Kept<Tensor>): void {
    const logits = globalLogits(this.#tf, side);
    const values = measure(this.#tf, this.#metrics, labels as unknown as tfjs.Tensor, logits);
    for (const value of values) numbers.keep(value);
  }

  /** The loss and what the model's regularizers add to it. */
  #regularized(loss: Scalar): Scalar {
    const { calculateLosses } = this.#model as unknown as tfjs.LayersModel;
    const penalties = calculateLosses.call(this.#model) as unknown as Scalar[];
    return penalties.reduce((sum, penalty) => this.#tf.add(sum, penalty) as Scalar, loss);
  }

  #named(values: readonly number[]): DistillerLogs {
    return Object.fromEntries(this.#metrics.map(({ name }, i) => [name, values[i]]));
  }
}

type ClassWeights = DistillerTrainArgs['classWeight'];

/** What every training is told, checked. */
interface TrainSettings {
  readonly epochs: number;
  readonly initialEpoch: number | undefined;
  readonly callbacks: readonly object[];
  readonly yieldEvery: number | 'auto' | 'batch' | 'epoch' | 'never';
  readonly verbose: 0 | 1;
  readonly classWeight: ClassWeights;
}

/** Backends whose tensors are read at once. */
function isSynchronous(tf: Pick<TfjsTraining, 'getBackend'>): boolean {
  return ['cpu', 'wasm', 'tensorflow'].includes(tf.getBackend());
}

function expectModel<Model>(student: Model): Model {
  const { layers, outputs, predict } = Object(student) as Partial<TfjsLayersModel>;
  if (!Array.isArray(layers) || !Array.isArray(outputs) || typeof predict !== 'function')
    return fail('ERR_GLD_ARG_TYPE', 'student', 'a model of tf.layers', describe(student));
  expectUndisposed('student', student as object);
  return student;
}
