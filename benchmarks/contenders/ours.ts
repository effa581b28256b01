/** gld-loss itself, called as a training loop would: one GldLoss, with buffers for the gradients, over all steps. */
import {
  classify,
  crossEntropy,
  deviceInfo,
  GldLoss,
  gldLoss,
  normalizedKd,
  pool,
  relation,
  type GldOptions,
  type GldResult,
  type Gradient,
  type Inputs,
  type OutBuffers,
  type RelationMethod,
} from 'gld-loss';
import { present } from '../../tools/present.js';
import { bytesPerCall } from '../allocations.js';
import type { Case } from '../cases.js';
import type { Data } from '../data.js';
import { relationFlops } from '../floor.js';
import { type Contender, type Entry, type Outputs, type Participant, tooLong } from './index.js';

function gldInputs(on: Case, data: Data): Inputs {
  const side = (name: string) => ({
    features: data.tensor(`${name}.features`, on.dtype),
    weight: data.tensor(`${name}.weight`, on.dtype),
    bias: data.tensor(`${name}.bias`, on.dtype),
    layout: on.layout,
  });
  return { teacher: side('teacher'), student: side('student'), labels: data.tensor('labels', on.dtype) };
}

const outNames = ['features', 'weight', 'bias'] as const;

function outBuffers(on: Case, data: Data): OutBuffers {
  if (on.mode === 'forward') return {};
  const array = on.dtype === 'float64' ? Float64Array : Float32Array;
  return Object.fromEntries(outNames.map((name) => [name, new array(data.inputs[`student.${name}`].data.length)]));
}

/** Gradients by the name of the input: all but the classifier stage's rows are the student's. */
function named(gradients: { [name: string]: Gradient } = {}): Outputs['gradients'] {
  return Object.fromEntries(
    Object.entries(gradients).map(([name, { data }]) => [name === 'pooled' ? name : `student.${name}`, data]),
  );
}

const outputs = ({ loss, gradients, relationMethod }: GldResult): Outputs => ({
  value: loss,
  gradients: named(gradients),
  method: relationMethod,
});

async function timed(calls: number, run: () => unknown): Promise<number> {
  const begin = performance.now();
  for (let call = 0; call < calls; call++) {
    const pending = run();
    if (pending instanceof Promise) await pending;
  }
  return (performance.now() - begin) / 1000 / calls;
}

function participant<T>(run: () => T | Promise<T>, read: (result: T) => Outputs): Participant {
  return { result: async () => read(await run()), time: (calls) => timed(calls, run) };
}

interface LogitLoss {
  loss: number;
  gradients?: { logits: Gradient };
  method?: RelationMethod;
}

function lossOfLogits(call: (out: { logits: Gradient['data'] | undefined }) => LogitLoss): Participant {
  const out = { logits: call({ logits: undefined }).gradients?.logits.data };
  return participant(
    () => call(out),
    ({ loss, gradients, method }) => ({ value: loss, gradients: named({ ...gradients }), ...(method && { method }) }),
  );
}

/** The stages, which write their results into the arrays of a first call. */
function stage(on: Case, data: Data, threads: number, method: 'auto' | RelationMethod = 'auto'): Participant {
  const gradients = on.mode === 'gradients';
  const at = (name: string) => data.tensor(name, on.dtype);
  const upstream = () => (gradients ? { upstream: at('upstream') } : {});
  const pair = () => ({ teacher: at('teacher.logits'), student: at('student.logits') });
  switch (on.operation) {
    case 'pool': {
      const given = { features: at('student.features'), layout: on.layout };
      const options = { grid: on.sizes.grid, threads, ...upstream() };
      const first = pool(given, options);
      const out = { pooled: first.pooled.data, features: first.gradients?.features.data };
      return participant(
        () => pool(given, { ...options, out }),
        ({ pooled, gradients: d }) => ({ value: pooled.data, gradients: named({ ...d }) }),
      );
    }
    case 'classifier': {
      const given = { pooled: at('pooled'), weight: at('student.weight'), bias: at('student.bias') };
      const options = { threads, ...upstream() };
      const first = classify(given, options);
      const { pooled, weight, bias } = first.gradients ?? {};
      const out = { logits: first.logits.data, pooled: pooled?.data, weight: weight?.data, bias: bias?.data };
      return participant(
        () => classify(given, { ...options, out }),
        ({ logits, gradients: d }) => ({ value: logits.data, gradients: named({ ...d }) }),
      );
    }
    case 'cross_entropy': {
      const given = { logits: at('student.logits'), labels: at('labels') };
      return lossOfLogits((out) => crossEntropy(given, { gradients, threads, out }));
    }
    case 'normalized_kd': {
      const given = pair();
      return lossOfLogits((out) => normalizedKd(given, { gradients, threads, out }));
    }
    case 'relation': {
      const given = pair();
      return lossOfLogits((out) => relation(given, { gradients, threads, method, out }));
    }
    case 'gld':
      throw new Error('the whole loss is no stage');
  }
}

function options(on: Case, threads: number): GldOptions {
  return { grid: on.sizes.grid, threads, gradients: on.mode === 'gradients' };
}

function withOut(on: Case, data: Data, threads: number): Participant {
  const given = gldInputs(on, data);
  const out = { out: outBuffers(on, data) };
  const loss = new GldLoss(options(on, threads));
  return {
    ...participant(() => loss.compute(given, out), outputs),
    bytesPerCall: () => bytesPerCall('out', threads),
    close: async () => loss.dispose(),
  };
}

function withoutOut(on: Case, data: Data, threads: number): Participant {
  const given = gldInputs(on, data);
  const loss = new GldLoss(options(on, threads));
  return {
    ...participant(() => loss.compute(given), outputs),
    bytesPerCall: () => bytesPerCall('compute', threads),
    close: async () => loss.dispose(),
  };
}

function plain(on: Case, data: Data, threads: number): Participant {
  const given = gldInputs(on, data);
  const settings = options(on, threads);
  return {
    ...participant(() => gldLoss(given, settings), outputs),
    bytesPerCall: () => bytesPerCall('function', threads),
  };
}

/** `count` asynchronous calls at once, each into buffers of its own; the time is that per call. */
function asynchronous(on: Case, data: Data, threads: number, count: number): Participant {
  const given = gldInputs(on, data);
  const outs = Array.from({ length: count }, () => ({ out: outBuffers(on, data) }));
  const loss = new GldLoss(options(on, threads));
  const run = () => Promise.all(outs.map((out) => loss.computeAsync(given, out)));
  return {
    result: async () => outputs(present((await run()).at(-1))),
    time: async (calls) => (await timed(calls, run)) / count,
    close: async () => loss.dispose(),
  };
}

type Prepare = (on: Case, data: Data, threads: number) => Participant;

const overhead: Record<string, Prepare> = {
  gldLoss: plain,
  'GldLoss.compute': withoutOut,
  'GldLoss.compute with out': withOut,
};

const calls: Record<string, Prepare> = {
  sync: withOut,
  async: (...given) => asynchronous(...given, 1),
  '4 async at once': (...given) => asynchronous(...given, 4),
};

/** By the function that fits the operation, with its default options. */
export async function prepareOurs(on: Case, data: Data, threads: number): Promise<Participant> {
  return on.operation === 'gld' ? withOut(on, data, threads) : stage(on, data, threads);
}

function entriesOf(on: Case, threads: number): Entry[] {
  const variants = (of: Record<string, Prepare>): Entry[] =>
    Object.entries(of).map(([variant, prepare]) => ({ variant, prepare: async (data) => prepare(on, data, threads) }));
  if (on.group === 'overhead') return variants(overhead);
  if (on.group === 'calls') return variants(calls);
  if (on.group !== 'relation') return [{ prepare: (data) => prepareOurs(on, data, threads) }];
  const flops = (method: 'pairwise' | 'moments') => relationFlops(method, on.sizes.m, on.sizes.K, on.mode);
  return (['auto', 'pairwise', 'moments'] as const).map((method) => {
    const skipped = tooLong(method === 'auto' ? Math.min(flops('pairwise'), flops('moments')) : flops(method));
    if (skipped) return { variant: method, skipped };
    return { variant: method, prepare: async (data) => stage(on, data, threads, method) };
  });
}

export const ours: Contender = {
  name: 'gld-loss',
  versions: { 'gld-loss': deviceInfo().version },
  entries: entriesOf,
  close: async () => undefined,
};
