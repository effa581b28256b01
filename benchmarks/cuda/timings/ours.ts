/** The library as a contender: inputs on the device or on the host, in each precision; and each stage alone. */
import { classify, crossEntropy, GldLoss, normalizedKd, pool, relation, type Inputs, type TensorLike } from 'gld-loss';
import { present } from '../../../tools/present.js';
import type { Outputs, Participant } from '../../contenders/index.js';
import type { Workload } from '../../cases.js';
import type { Data } from '../../data.js';
import type { Tensor } from '../../inputs.js';
import type { Precision } from '../../../test/conformance/record.js';
import type { Held, Target } from '../../../test/conformance/target.js';
import { numbersOf, release } from '../../../test/conformance/call.js';

/** Where the inputs are; on the device so are the gradients. */
export type Place = 'device' | 'host';

interface Placed {
  tensors: Record<string, TensorLike>;
  held: Record<string, Held>;
}

function place(target: Target, inputs: Record<string, Tensor>, where: Place): Placed {
  const held: Record<string, Held> = {};
  const tensors: Record<string, TensorLike> = {};
  for (const [name, { data, shape }] of Object.entries(inputs)) {
    if (where === 'host') {
      tensors[name] = { data, shape };
      continue;
    }
    held[name] = target.hold(data, { shape, dtype: data instanceof Int32Array ? 'int32' : 'float32' });
    tensors[name] = held[name].tensor as TensorLike;
  }
  return { tensors, held };
}

const sideOf = (tensors: Record<string, TensorLike>, side: string) => ({
  features: tensors[`${side}.features`],
  weight: tensors[`${side}.weight`],
  bias: tensors[`${side}.bias`],
});

const studentNames = ['features', 'weight', 'bias'] as const;

/** Repeated calls of one GldLoss with lent gradients: what a training loop does, and what replays a captured graph. */
function step(target: Target, data: Data, where: Place, precision: Precision): Participant {
  const { tensors, held } = place(target, data.inputs, where);
  const inputs = {
    teacher: sideOf(tensors, 'teacher'),
    student: sideOf(tensors, 'student'),
    labels: tensors.labels,
  } as unknown as Inputs;
  const loss = new GldLoss({
    device: target.device,
    grid: data.workload.sizes.grid ?? 1,
    ...(precision !== 'float32' && { precision }),
  });
  const buffers = studentNames.map((name) => {
    const { shape } = data.inputs[`student.${name}`];
    const elements = new Float32Array(shape.reduce((a, b) => a * b));
    return [
      name,
      where === 'device' ? target.hold(elements, { shape, dtype: 'float32' }) : undefined,
      elements,
    ] as const;
  });
  const out = Object.fromEntries(
    buffers.map(([name, memory, elements]) => {
      const tensor = memory?.tensor;
      return [name, tensor === undefined ? elements : 'data' in tensor ? tensor.data : tensor];
    }),
  ) as never;
  return {
    async result() {
      const { loss: value, relationMethod } = loss.compute(inputs, { out });
      const gradients = buffers.map(([name, memory, elements]) => [
        `student.${name}`,
        (memory?.read() ?? elements).slice(),
      ]);
      return { value, gradients: Object.fromEntries(gradients), method: relationMethod } as Outputs;
    },
    async time(calls) {
      const began = performance.now();
      for (let call = 0; call < calls; call++) loss.compute(inputs, { out });
      return (performance.now() - began) / 1000 / calls;
    },
    async close() {
      loss.dispose();
      for (const memory of [...Object.values(held), ...buffers.flatMap(([, memory]) => memory ?? [])]) memory.dispose();
    },
  };
}

interface StageResult {
  value: number | object;
  gradients: Record<string, object>;
  method?: 'pairwise' | 'moments';
}

type Stage = (tensors: Record<string, TensorLike>, workload: Workload, options: object) => StageResult;

const stages: Record<string, Stage> = {
  pool(t, { layout, sizes }, options) {
    const { pooled, gradients } = pool(
      { features: t['student.features'], layout },
      { ...options, grid: sizes.grid, upstream: t.upstream },
    );
    return { value: pooled, gradients: { 'student.features': present(gradients).features } };
  },
  classifier(t, _, options) {
    const { logits, gradients } = classify(
      { pooled: t.pooled, weight: t['student.weight'], bias: t['student.bias'] },
      { ...options, upstream: t.upstream },
    );
    const { pooled, weight, bias } = present(gradients);
    return { value: logits, gradients: { pooled, 'student.weight': weight, 'student.bias': present(bias) } };
  },
  cross_entropy(t, _, options) {
    const { loss, gradients } = crossEntropy({ logits: t['student.logits'], labels: t.labels }, options);
    return { value: loss, gradients: { 'student.logits': present(gradients).logits } };
  },
  normalized_kd(t, _, options) {
    const { loss, gradients } = normalizedKd({ teacher: t['teacher.logits'], student: t['student.logits'] }, options);
    return { value: loss, gradients: { 'student.logits': present(gradients).logits } };
  },
  relation(t, _, options) {
    const { loss, gradients, method } = relation(
      { teacher: t['teacher.logits'], student: t['student.logits'] },
      options,
    );
    return { value: loss, gradients: { 'student.logits': present(gradients).logits }, method };
  },
};

/** Stages whose products know a precision. */
const multiplying = ['classifier', 'relation'];

/** A stage alone; unlike a step it makes new memory for its results in every call, which is part of its time. */
function stage(target: Target, data: Data, where: Place, precision: Precision): Participant {
  const { tensors, held } = place(target, data.inputs, where);
  const { operation } = data.workload;
  const options = {
    device: target.device,
    ...(precision !== 'float32' && multiplying.includes(operation) && { precision }),
  };
  const run = () => stages[operation](tensors, data.workload, options);
  const free = ({ value, gradients }: StageResult) => {
    if (typeof value === 'object') release(value);
    Object.values(gradients).forEach(release);
  };
  return {
    async result() {
      const got = run();
      const outputs: Outputs = {
        value: typeof got.value === 'number' ? got.value : numbersOf(got.value),
        gradients: Object.fromEntries(Object.entries(got.gradients).map(([name, tensor]) => [name, numbersOf(tensor)])),
        ...(got.method && { method: got.method }),
      };
      free(got);
      return outputs;
    },
    async time(calls) {
      const began = performance.now();
      for (let call = 0; call < calls; call++) free(run());
      return (performance.now() - began) / 1000 / calls;
    },
    async close() {
      for (const memory of Object.values(held)) memory.dispose();
    },
  };
}

export function ours(target: Target, data: Data, where: Place, precision: Precision): Participant {
  return data.workload.operation === 'gld'
    ? step(target, data, where, precision)
    : stage(target, data, where, precision);
}
