// The published types: strict consumers in both module formats compile against the built package with compilers old and
// new, nothing but what is public is published, and publint finds nothing to complain about.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import t, { type Test } from 'tap';
import ts from 'typescript';
import { cleanEnvironment } from '../../tools/consumer.js';
import { present } from '../../tools/present.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

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
  const promise: Promise<GldResult> = gldLossAsync(inputs, { signal: {} as AbortSignalLike });
  {
    using reused = new GldLoss({ beta: 1 });
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
  // @ts-expect-error: a misspelt buffer
  gldLoss(inputs, { out: { features: new Float32Array(32), wieght: new Float32Array(6) } });
  // @ts-expect-error: a misspelt buffer of a stage
  pool({ features }, { out: { pooled: new Float32Array(10), feature: new Float32Array(32) } });
  // @ts-expect-error: a buffer of integers
  gldLoss(inputs, { out: { features: new Int32Array(32) } });
  // @ts-expect-error: only the functions that make one
  new CudaTensor();
  // @ts-expect-error: no such method
  gldLoss(inputs, { relation: { method: 'exact' } });
  // @ts-expect-error: a teacher needs features or logits
  gldLoss({ teacher: { weight }, student: side });
  // @ts-expect-error: strings are no labels
  gldLoss({ ...inputs, labels: 'cat' });
  // @ts-expect-error: a temperature is needed
  gldLoss(inputs, { normalization: { kind: 'temperature' } });
  // @ts-expect-error: what it divides by is no σ
  gldLoss(inputs, { normalization: { kind: 'temperature', temperature: 4, compensated: true } });
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
const types = 'type Inputs, type GldResult, type Schedule, type AbortSignalLike';

const tfjs = `
  const f = tf.zeros([1, 4, 4, 2]) as tf.Tensor4D;
  const w = tf.zeros([2, 3]) as tf.Tensor2D;
  const side = { features: f, weight: w };
  const loss: tf.Scalar = tfjsGld(tf)({ teacher: side, student: side });
  async () => {
    const graph: tf.GraphModel = await tf.loadGraphModel('model.json');
    const student = await openStudent(tf, tf.sequential(), f);
    const onnx = { model: new Uint8Array(9), ort, features: 'map' };
    for (const teacher of [graph, { model: graph, features: false as const }, onnx, () => side]) {
      const { outputs } = await openTeacher(tf, teacher, f, { grid: 2 });
      const again: tf.Scalar = tfjsGld(tf)({ teacher: await outputs(f, [3]), student: student.forward(f, true) });
      const logits: tf.Tensor = student.logits(f);
      void [again, logits];
    }
    // @ts-expect-error: no such model
    await openTeacher(tf, { model: 7 }, f);
  };
  void loss;
  registerGradients(tf);
  async () => {
    const student = tf.sequential();
    const teacher: tf.LayersModel = student;
    const metric = (labels: tf.Tensor, probabilities: tf.Tensor) => tf.sub(labels, probabilities);
    const optimizer = tf.train.momentum(0.1, 0.9);
    const distiller = new Distiller(tf, { teacher, student, optimizer, loss: { grid: 2 }, metrics: ['acc', metric] });
    const callbacks = [tf.callbacks.earlyStopping({ patience: 2 }), { onEpochEnd: async (epoch: number) => void epoch }];
    const { history } = await distiller.fit(f, w, { epochs: 3, callbacks, validationData: [f, w], classWeight: { 0: 2 } });
    const numbers: number[] = history.val_loss;
    const dataset = tf.data.array([f]).map((xs) => ({ xs, ys: xs }));
    await distiller.fitDataset(dataset, { validationData: dataset });
    const accuracy: number = (await distiller.evaluate(f, w)).acc;
    new Distiller(tf, { teacher: { logits: f }, student, optimizer: 'adam' });
    new Distiller(tf, { teacher: (images: tf.Tensor) => ({ logits: images }), student });
    void [numbers, accuracy];

    // @ts-expect-error: a misspelt option
    await distiller.fit(f, w, { epoch: 3 });
    // @ts-expect-error: no model
    new Distiller(tf, { teacher, student: f });
  };
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
    const later = await gldLoss.async(forward, [p, images], targets, { signal: {} as never });
    const at = await gldLoss.surrogate({ ...targets, student: forward(p, images) });
    const scalar: jax.numpy.Array = gldLoss.scalar(forward(p, images), at.constants());
    void [loss, kernel, value.terms.global, dImages, later.gradients[0].weight, scalar, at.scalar(forward(p, images))];
    gldLoss((x: jax.numpy.Array) => ({ logitMap: x, mask: x }), [images], { ...targets, sampleWeights: images });

    type Tree = jax.JsTree<jax.numpy.Array>;
    const optax = {} as {
      init<T extends Tree>(params: T): Tree;
      update<T extends Tree>(updates: T, state: Tree, params?: T): [T, Tree];
    };
    const teacher = (x: jax.numpy.Array) => ({ logits: x });
    const step = jaxStep(jax, { teacher, student: forward, optimizer: optax, loss: { beta: 1 }, steps: 9 });
    const state = step.init(p);
    const next = step(p, state, { images, labels: [0, 1, 2, 0] });
    const moved: jax.numpy.Array = next.parameters.kernel;
    const { loss: number, state: { step: count } } = await step.async(p, next.state, { images }, { signal: {} as never });
    void [moved, number + count];
    const adam: JaxOptimizer<typeof p, { mean: typeof p; count: number }> = {
      init: (parameters) => ({ mean: parameters, count: 0 }),
      update: (gradients, state) => [gradients, state],
    };
    const own = jaxStep(jax, { student: forward, optimizer: adam, schedule: gldSchedule() });
    const mean: typeof p = own(p, own.init(p), { images, teacher: { logits: images } }).state.optimizer.mean;
    void mean;

    // @ts-expect-error: a misspelt option
    jaxStep(jax, { student: forward, optimizer: adam, warmpu: 3 });
    // @ts-expect-error: the state of another optimizer
    own(p, state, { images });
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

/** Where typed arrays of results can go, and what else the types of other packages and of the platform have to fit. */
const platform = `
  const side = { logits: { data: new Float32Array(15), shape: [1, 5, 3] } };
  const inputs = { teacher: side, student: side };
  const pair = { teacher: side.logits, student: side.logits };
  const sources: BufferSource[] = [
    gldLoss(inputs).gradients!.logits!.data,
    gldLoss(inputs, { gradientDtype: 'student', device: 'auto' }).gradients!.logits!.data,
    gldLoss(inputs, { out: { logits: new Float32Array(15) } }).gradients!.logits!.data,
    new GldLoss().compute(inputs, { alpha: 0.5 }).gradients!.logits!.data,
    new GldLoss().compute(inputs, gldSchedule()(1)).gradients!.logits!.data,
    classify({ pooled: side.logits, weight: side.logits }, { upstream: side.logits }).gradients!.weight.data,
    pool({ features: side.logits }).pooled.data,
    crossEntropy({ logits: side.logits, labels: [0] }).gradients!.logits.data,
    normalizedKd(pair).gradients!.logits.data,
    relation(pair).gradients!.logits.data,
    CudaTensor.from(side.logits).toHost().data,
  ];
  async () => {
    sources.push((await gldLossAsync(inputs, { signal: new AbortController().signal })).gradients!.logits!.data);
    sources.push((await new GldLoss().computeAsync(inputs, { signal: new Polyfilled().signal })).gradients!.logits!.data);
    const onGpu = { ...inputs, student: { features: CudaTensor.from(side.logits), weight: side.logits } };
    const mixed = (await gldLossAsync(onGpu)).gradients!.weight!;
    if ('data' in mixed) sources.push(mixed.data);
    const loss = surrogateGld<object>({
      isTensor: () => false,
      read: () => side.logits,
      constant: (data) => ({ source: sources.push(data) }),
    });
    const at = await loss.surrogate(inputs);
    sources.push(at.gradients.logits!.data);
  };

  // Tensors as other packages give them.
  (output: onnx.Tensor, strided: ndarray.NdArray<Float32Array>) =>
    gldLoss({ teacher: { logits: output }, student: { logits: strided }, labels: output });
`;

/** How it is where the compiler tells arrays over an ArrayBuffer from those over shared memory. */
const shared = `
  declare const inputs: HostInputs;
  declare const array: Float32Array<SharedArrayBuffer>;
  declare const buffers: OutBuffers;
  const { loss, gradients } = gldLoss(inputs, { out: { weight: array, bias: new Float64Array(3) } });
  const whatever: ArrayBufferView = gradients!.weight!.data;
  // @ts-expect-error: what was lent is shared memory
  const one: BufferSource = gradients!.weight!.data;
  // @ts-expect-error: what was lent may be shared memory
  const other: BufferSource = new GldLoss().compute(inputs, { out: buffers }).gradients!.weight!.data;
  // @ts-expect-error: of a stage too
  const third: BufferSource = pool(inputs.student as never, { out: { pooled: array } }).pooled.data;
  const ofMany: GldResult = gldLoss(inputs, { out: buffers });
  void [loss, whatever, one, other, third, ofMany];
`;

const names = `${values}, ${types}`;
const imported = {
  esm: (code: string) => [`import { ${names} } from 'gld-loss';`, code],
  cjs: (code: string) => [
    `import gld = require('gld-loss');`,
    `const { ${values} } = gld;`,
    'type Inputs = gld.Inputs; type GldResult = gld.GldResult; type Schedule = gld.Schedule;',
    'type CudaTensor = gld.CudaTensor; type AbortSignalLike = gld.AbortSignalLike;',
    code,
  ],
};
const surrogate = others.slice(others.indexOf('  class Variable'));

/** A project of a user: files, and the types that they have beside the package's. */
interface Project {
  readonly files: Readonly<Record<string, readonly string[]>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Needs nothing but the language: every declaration of the package is compiled, adapters' too. */
const strict: Project = {
  files: {
    'core.mts': imported.esm(core),
    'core.cts': imported.cjs(core),
    'surrogate.mts': [`import { surrogateGld } from 'gld-loss/surrogate';`, surrogate],
    'surrogate.cts': [
      `import adapter = require('gld-loss/surrogate');`,
      'const { surrogateGld } = adapter;',
      surrogate,
    ],
    'adapters.mts': [`export * from 'gld-loss/tfjs';`, `export * from 'gld-loss/jax';`],
    'adapters.cts': [
      `import tfjs = require('gld-loss/tfjs');`,
      `import jax = require('gld-loss/jax');`,
      'export type Adapters = tfjs.TfjsGld<never, never> | jax.JaxGld<never>;',
    ],
  },
  options: { lib: ['es2022'], types: [], skipLibCheck: false },
};

/** With frameworks and packages whose own declarations need types that they do not bring along. */
const frameworks: Project = {
  files: {
    'tfjs.mts': [
      `import * as tf from '@tensorflow/tfjs';`,
      `import * as ort from 'onnxruntime-common';`,
      `import { Distiller, openStudent, openTeacher, registerGradients, tfjsGld } from 'gld-loss/tfjs';`,
      tfjs,
    ],
    'tfjs.cts': [
      `import tf = require('@tensorflow/tfjs');`,
      `import adapter = require('gld-loss/tfjs');`,
      `import ort = require('onnxruntime-common');`,
      'const { Distiller, openStudent, openTeacher, registerGradients, tfjsGld } = adapter;',
      tfjs,
    ],
    'others.mts': [
      `import * as jax from '@jax-js/jax';`,
      `import { gldSchedule } from 'gld-loss';`,
      `import { jaxGld, jaxStep, type JaxOptimizer } from 'gld-loss/jax';`,
      `import { surrogateGld } from 'gld-loss/surrogate';`,
      others,
    ],
    'platform.mts': [
      `import { AbortController as Polyfilled } from 'abort-controller';`,
      `import type ndarray from 'ndarray';`,
      `import type * as onnx from 'onnxruntime-common';`,
      `import { ${values} } from 'gld-loss';`,
      `import { surrogateGld } from 'gld-loss/surrogate';`,
      platform,
    ],
    'shared.mts': [
      `import { GldLoss, gldLoss, pool, type GldResult, type HostInputs, type OutBuffers } from 'gld-loss';`,
      shared,
    ],
  },
  options: { lib: ['es2022', 'dom'], types: ['node'], skipLibCheck: true },
};

/** What Node.js and bundlers make of packages; the latter have no CommonJS files of TypeScript's kind. */
const resolutions: Readonly<Record<string, { readonly module: string; readonly files: RegExp }>> = {
  nodenext: { module: 'nodenext', files: /./ },
  node16: { module: 'node16', files: /./ },
  bundler: { module: 'esnext', files: /\.mts$/ },
};

/** Compilers by their versions: the one of this repository, and those of test/compilers. */
const compilers = new Map([[ts.versionMajorMinor, join(root, 'node_modules/typescript')]]);
for (const version of readdirSync(join(root, 'test/compilers'))) {
  compilers.set(version, join(root, 'test/compilers', version, 'node_modules/typescript'));
}

/** What a compiler says of a project, and what it has read. */
function compile(t: Test, compiler: string, { files, options }: Project, resolution: string) {
  const folder = t.testdir();
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/gld-loss'));
  const { module, files: chosen } = resolutions[resolution];
  const written = Object.keys(files).filter((name) => chosen.test(name));
  for (const name of written) writeFileSync(join(folder, name), files[name].join('\n'));
  const compilerOptions = {
    ...options,
    module,
    moduleResolution: resolution,
    target: 'es2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    listFiles: true,
  };
  writeFileSync(join(folder, 'package.json'), '{}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: written }));
  const command = [join(compiler, 'lib/tsc.js'), '--pretty', 'false', '-p', folder];
  const { stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8', env: cleanEnvironment() });
  const lines = `${stdout}${stderr}`.trim().split('\n');
  return { messages: lines.filter((line) => !isAbsolute(line)), read: lines.filter(isAbsolute) };
}

for (const [version, compiler] of compilers) {
  t.test(`TypeScript ${version}`, async (t) => {
    for (const resolution of Object.keys(resolutions)) {
      await t.test(`strict, with ${resolution} resolution`, async (t) => {
        const { messages, read } = compile(t, compiler, strict, resolution);
        t.same(messages, []);
        const entries = ['index', 'adapters/tfjs', 'adapters/jax', 'adapters/surrogate'];
        for (const flavour of resolution === 'bundler' ? ['esm'] : ['esm', 'cjs']) {
          const folder = join(root, 'dist', flavour);
          const expected = [...entries, 'shared'].map((name) => join(folder, `${name}.d.ts`));
          t.same(read.filter((path) => path.startsWith(folder)).sort(), expected.sort(), flavour);
        }
      });
    }
    await t.test('with frameworks and the DOM', async (t) => {
      const { 'shared.mts': only, ...files } = frameworks.files;
      const project = Number(version) < 5.9 ? { ...frameworks, files } : frameworks;
      const { messages } = compile(t, compiler, project, 'nodenext');
      t.same(messages, []);
    });
  });
}

/** Types that others are made of, and that have no names outside. */
const parts = ['ArgumentErrorCode', 'ArrayOf', 'MapOptions', 'OutOptions', 'Same', 'SideName', 'Sided', 'TfjsMap'];

t.test('nothing is published but what is public, in both flavours alike', async (t) => {
  const declared = (flavour: string) =>
    readdirSync(join(root, 'dist', flavour), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.d.ts'),
    );
  t.same(declared('esm').sort(), declared('cjs').sort());
  const unexported = new Set<string>();
  for (const name of declared('esm')) {
    const text = readFileSync(join(root, 'dist/esm', name), 'utf8');
    t.equal(text, readFileSync(join(root, 'dist/cjs', name), 'utf8'), name);
    t.match(text, /\/\*\*/, 'with its comments');
    const { statements } = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
    for (const statement of statements) {
      const { name } = statement as ts.Statement & { name?: ts.Identifier };
      if (name !== undefined) unexported.add(name.text);
    }
  }
  const exported = new Set<string>();
  for (const entry of ['index', 'adapters/tfjs', 'adapters/jax', 'adapters/surrogate']) {
    const program = ts.createProgram([join(root, 'dist/esm', `${entry}.d.ts`)], { lib: [] });
    const checker = program.getTypeChecker();
    const file = program.getSourceFile(join(root, 'dist/esm', `${entry}.d.ts`)) as ts.SourceFile;
    for (const { name } of checker.getExportsOfModule(present(checker.getSymbolAtLocation(file)))) exported.add(name);
  }
  t.same([...unexported].filter((name) => !exported.has(name)).sort(), parts);
});

t.test('publint', async (t) => {
  const { messages, pkg } = await publint({ pkgDir: root, strict: true });
  t.same(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});
