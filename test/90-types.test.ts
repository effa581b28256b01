// The published types: strict consumers in both module formats compile against the built package, and publint finds
// nothing to complain about.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import t from 'tap';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Right uses, and wrong ones that must not compile. */
const core = `
  const features = { data: new Float32Array(32), shape: [1, 2, 4, 4] };
  const weight = { data: new Float32Array(6), shape: [3, 2] };
  const side = { features, weight, layout: 'NCHW' as const };
  const teacher = { logits: { data: new Float64Array(15), dims: [1, 5, 3] } };
  const inputs: Inputs = { teacher, student: side, labels: [0] };
  const result: GldResult = gldLoss(inputs, {
    alpha: 0.5, grid: [2, 2], normalization: { kind: 'temperature', temperature: 4 },
    relation: { method: 'moments', reduction: 'row' }, gradients: ['features'],
    out: { features: new Float32Array(32) },
  });
  const loss: number = result.loss;
  const task: number | undefined = result.terms.task;
  const gradient: Float32Array | Float64Array | undefined = result.gradients?.features?.data;
  const promise: Promise<GldResult> = gldLossAsync(inputs, { signal: new AbortController().signal });
  {
    const reused = new GldLoss({ beta: 1 });
    const again: GldResult = reused.compute(inputs);
    reused.dispose();
    void again;
  }
  const pooled = pool({ features }, { grid: 2 }).pooled;
  const { logits } = classify({ pooled, weight });
  const ce: number = crossEntropy({ logits: { data: logits.data, shape: [5, 3] }, labels: new Int32Array(5) }).loss;
  const kd: number = normalizedKd({ teacher: logits, student: logits }).loss;
  const method: 'pairwise' | 'moments' = relation({ teacher: logits, student: logits }, { method: 'pairwise' }).method;
  const level: string = deviceInfo().cpu.level;
  const schedule: Schedule = gldSchedule({ alpha: { from: 0.9, to: 0.5 }, steps: 9 });
  new GldLoss().compute(inputs, schedule(3, { out: {} }));
  void [loss, task, gradient, promise, ce, kd, method, level];

  () => {
    const there = CudaTensor.from(features, { device: 'cuda:1' });
    const bytes: { data: ArrayBufferView; dtype: string } = there.toHost();
    const pointer = { device: 'cuda' as const, ptr: 4096n, shape: [3, 2], dtype: 'bfloat16' as const, deviceId: 1 };
    const onGpu = { teacher: inputs.teacher, student: { features: there, weight: pointer }, labels: there };
    const there2: CudaTensor | undefined = gldLoss(onGpu, { device: 'cuda:1', out: { weight: pointer } }).gradients?.weight;
    const teacherOnly: Float32Array | Float64Array | undefined =
      gldLoss({ ...inputs, teacher: { logits: there } }, { precision: 'tf32' }).gradients?.features?.data;
    const mixed = gldLoss({ ...inputs, student: { features: there, weight } }).gradients?.weight;
    const data = mixed !== undefined && 'data' in mixed ? mixed.data : mixed?.toHost().data;
    const halves = gldLoss(inputs, { device: 'auto', gradientDtype: 'student' }).gradients?.weight;
    const words: Float32Array | Float64Array | Uint16Array | undefined = halves?.data;
    const reused = new GldLoss({ gradientDtype: 'student', device: 'cuda' });
    const words2: Float32Array | Float64Array | Uint16Array | undefined = reused.compute(inputs).gradients?.weight?.data;
    const there3: Promise<CudaTensor | undefined> = reused.computeAsync(onGpu).then((result) => result.gradients?.bias);
    const there4: CudaTensor = pool({ features: there }).pooled;
    const there5: CudaTensor = classify({ pooled: there4, weight: there }, { device: 'cuda' }).logits;
    const there6: CudaTensor | undefined = relation({ teacher: there5, student: there5 }).gradients?.logits;
    const ofLogits = normalizedKd({ teacher: there5, student: logits }).gradients?.logits;
    const here: Float32Array | Float64Array | undefined = ofLogits?.data;
    crossEntropy({ logits: there5, labels: there });
    const gpus: { name: string; freeMemory: number }[] = deviceInfo().cuda.devices;
    void [bytes, there2, teacherOnly, data, words, words2, there3, there6, here, gpus];

    // @ts-expect-error: no such device
    gldLoss(inputs, { device: 'gpu' });
    // @ts-expect-error: an address is a bigint
    gldLoss({ ...onGpu, labels: { ...pointer, ptr: 4096 } });
    // @ts-expect-error: no float64 on a GPU
    CudaTensor.empty([3], { dtype: 'float64' });
  };

  // @ts-expect-error: a misspelt option
  gldLoss(inputs, { alhpa: 0.5 });
  // @ts-expect-error: no such method
  gldLoss(inputs, { relation: { method: 'exact' } });
  // @ts-expect-error: a teacher needs features or logits
  gldLoss({ teacher: { weight }, student: side });
  // @ts-expect-error: strings are no labels
  gldLoss({ ...inputs, labels: 'cat' });
  // @ts-expect-error: a temperature is needed
  gldLoss(inputs, { normalization: { kind: 'temperature' } });
`;

const values = [
  'gldLoss',
  'gldLossAsync',
  'GldLoss',
  'CudaTensor',
  'gldSchedule',
  'pool',
  'classify',
  'crossEntropy',
  'normalizedKd',
  'relation',
  'deviceInfo',
].join(', ');
const types = 'type Inputs, type GldResult, type Schedule';

const tfjs = `
  const f = tf.zeros([1, 4, 4, 2]) as tf.Tensor4D;
  const w = tf.zeros([2, 3]) as tf.Tensor2D;
  const side = { features: f, weight: w };
  const loss: tf.Scalar = tfjsGld(tf)({ teacher: side, student: side });
  void loss;
`;

/** Of jax-js, and of the generic adapter with a framework of the caller's. */
const others = `
  async () => {
    const p = { kernel: jax.numpy.zeros([6, 32]), weight: jax.numpy.zeros([3, 2]) };
    const images = jax.numpy.zeros([4, 6]);
    const forward = ({ kernel, weight }: typeof p, x: jax.numpy.Array) =>
      ({ features: jax.numpy.matmul(x, kernel).reshape([4, 2, 4, 4]), weight });
    const gldLoss = jaxGld(jax);
    const targets = { teacher: { logits: images }, labels: [0, 1, 2, 0] };
    const { loss, gradients } = gldLoss(forward, [p, images], targets, { beta: 1 });
    const kernel: jax.numpy.Array = gradients[0].kernel;
    const [value, pullback] = gldLoss.vjp(forward, [p, images], targets);
    const dImages: jax.numpy.Array = pullback(2)[1];
    const later = await gldLoss.async(forward, [p, images], targets, { signal: new AbortController().signal });
    const at = await gldLoss.surrogate({ ...targets, student: forward(p, images) });
    const scalar: jax.numpy.Array = gldLoss.scalar(forward(p, images), at.constants());
    void [loss, kernel, value.terms.global, dImages, later.gradients[0].weight, scalar, at.scalar(forward(p, images))];
    gldLoss((x: jax.numpy.Array) => ({ logitMap: x, mask: x }), [images], { ...targets, sampleWeights: images });

    // @ts-expect-error: a misspelt option
    gldLoss(forward, [p, images], targets, { bta: 1 });
    // @ts-expect-error: the primals are those of forward
    gldLoss(forward, [images, p], targets);
  };

  class Variable {
    constructor(readonly value: Float32Array, readonly shape: number[]) {}
  }
  const gldLoss = surrogateGld<Variable>({
    isTensor: (value) => value instanceof Variable,
    read: ({ value, shape }) => ({ data: value, shape }),
    constant: (data, shape) => new Variable(Float32Array.from(data), shape),
    dot: (a) => a,
    add: (a) => a,
  });
  const weight = new Variable(new Float32Array(6), [3, 2]);
  const side = { features: { data: new Float32Array(32), shape: [1, 2, 4, 4] }, weight };
  const scalar: Variable = gldLoss({ teacher: { logits: weight }, student: side, labels: [0] }, { grid: 2 });
  const numbers: number = gldLoss.withTerms({ teacher: side, student: side }).terms.global;
  const promise: Promise<Variable> = gldLoss.surrogate({ teacher: side, student: side }).then((at) => at.scalar(side));
  void [scalar, numbers, promise];
  const mask = { data: [true, false], shape: [1, 2] };
  const masked = { ...side, mask: weight };
  gldLoss({ teacher: { logitMap: weight, mask }, student: masked, labels: weight, sampleWeights: weight });
  gldLoss({ teacher: side, student: side, sampleWeights: [1] });

  // @ts-expect-error: strings are no tensors
  gldLoss({ teacher: { logits: 'none' }, student: side });
  // @ts-expect-error: nothing to read with
  surrogateGld<Variable>({ isTensor: () => true, constant: () => weight });
`;

const consumers = {
  ESM: { name: 'core.mts', lines: [`import { ${values}, ${types} } from 'gld-loss';`, core], strictLibraries: true },
  CommonJS: {
    name: 'core.cts',
    lines: [
      `import gld = require('gld-loss');`,
      `const { ${values} } = gld;`,
      'type Inputs = gld.Inputs; type GldResult = gld.GldResult; type Schedule = gld.Schedule;',
      'type CudaTensor = gld.CudaTensor;',
      core,
    ],
    strictLibraries: true,
  },
  'ESM, tfjs': {
    name: 'tfjs.mts',
    lines: [`import * as tf from '@tensorflow/tfjs';`, `import { tfjsGld } from 'gld-loss/tfjs';`, tfjs],
    strictLibraries: false, // tfjs's own declarations need DOM types that it does not bring along
  },
  'CommonJS, tfjs': {
    name: 'tfjs.cts',
    lines: [
      `import tf = require('@tensorflow/tfjs');`,
      `import adapter = require('gld-loss/tfjs');`,
      'const { tfjsGld } = adapter;',
      tfjs,
    ],
    strictLibraries: false,
  },
  'ESM, jax-js and surrogate': {
    name: 'others.mts',
    lines: [
      `import * as jax from '@jax-js/jax';`,
      `import { jaxGld } from 'gld-loss/jax';`,
      `import { surrogateGld } from 'gld-loss/surrogate';`,
      others,
    ],
    strictLibraries: false, // jax-js's own declarations need WebGPU types that it does not bring along
  },
  'CommonJS, surrogate': {
    name: 'others.cts',
    lines: [
      `import adapter = require('gld-loss/surrogate');`,
      'const { surrogateGld } = adapter;',
      others.slice(others.indexOf('  class Variable')),
    ],
    strictLibraries: true,
  },
};

for (const [title, { name, lines, strictLibraries }] of Object.entries(consumers)) {
  t.test(`a strict consumer compiles: ${title}`, async (t) => {
    const folder = t.testdir();
    for (const dependency of ['gld-loss', '@types/node', 'undici-types', '@tensorflow', '@jax-js']) {
      const link = join(folder, 'node_modules', dependency);
      mkdirSync(join(link, '..'), { recursive: true });
      symlinkSync(dependency === 'gld-loss' ? root : join(root, 'node_modules', dependency), link);
    }
    const file = join(folder, name);
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(file, lines.join('\n'));
    const program = ts.createProgram([file], {
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts'],
      types: ['node'],
      typeRoots: [join(folder, 'node_modules/@types')],
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: !strictLibraries,
      noEmit: true,
    });
    const messages = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      return `${file?.fileName ?? ''}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    t.same(messages, []);
    const flavour = name.endsWith('.mts') ? 'esm' : 'cjs';
    const declarations = program.getSourceFiles().map((source) => source.fileName);
    t.ok(
      declarations.some((path) => path.includes(`/dist/${flavour}/`)),
      `uses the types of dist/${flavour}`,
    );
  });
}

t.test('publint', async (t) => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  t.same(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});
