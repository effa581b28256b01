// Every wrong call gets a structured error before any work starts, through every entry point.
import { GldLoss, gldLoss, gldLossAsync, type GldError, type GldResult } from 'gld-loss';
import t from 'tap';
import { classes, wrongCalls, type Expected } from './wrong-calls/index.js';
import { right } from './wrong-calls/inputs.js';
import { wrongStageCalls } from './wrong-calls/stages.js';

type Loose = (inputs: any, options?: any) => any;
type Asserts = Pick<typeof t, 'match' | 'equal' | 'fail'>;

function check(t: Asserts, by: string, error: unknown, [code, argument, message]: Expected): void {
  const type = classes[code];
  if (!(error instanceof type)) return void t.fail(`${by}: expected a ${type.name}, got ${String(error)}`);
  const { expected, received, ...got } = error as unknown as GldError;
  t.match(got, { code: `ERR_GLD_${code}`, argument }, `${by}: code and argument`);
  t.equal(error.message, `${argument}: expected ${expected}, got ${received}`, `${by}: the message has all parts`);
  if (typeof message === 'string') t.equal(error.message, message, `${by}: message`);
  else t.match(error.message, message, `${by}: message`);
}

function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return 'nothing';
}

/** The error that a promise rejects with; a call that throws instead of rejecting fails its test. */
async function rejected(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => 'nothing',
    (error: unknown) => error,
  );
}

/** The options of a GldLoss and those of its calls. */
function split(options: unknown): [instance: unknown, call: unknown] {
  if (typeof options !== 'object' || options === null || !('out' in options)) return [options, undefined];
  const { out, ...instance } = options;
  return [instance, { out }];
}

t.test('the right call that the wrong ones were made from', async (t) => {
  const { loss } = gldLoss(right());
  t.ok(Number.isFinite(loss));
});

for (const [name, given, ...expected] of wrongCalls) {
  t.test(name, async (t) => {
    const { inputs, options } = { inputs: right(), options: undefined, ...given };
    check(
      t,
      'gldLoss',
      thrown(() => (gldLoss as Loose)(inputs, options)),
      expected,
    );
    check(t, 'gldLossAsync', await rejected(() => (gldLossAsync as Loose)(inputs, options)), expected);
    const [instance, call] = split(options);
    const make = (): { compute: Loose; computeAsync: Loose } => new (GldLoss as any)(instance);
    check(
      t,
      'GldLoss.compute',
      thrown(() => make().compute(inputs, call)),
      expected,
    );
    check(t, 'GldLoss.computeAsync', await rejected(async () => make().computeAsync(inputs, call)), expected);
  });
}

t.test('what only asynchronous calls take', async (t) => {
  const expected: Expected = ['ARG_TYPE', 'signal', /an AbortSignal, got an AbortController: its signal is one$/];
  const signal = new AbortController();
  check(t, 'gldLossAsync', await rejected(() => (gldLossAsync as Loose)(right(), { signal })), expected);
  check(t, 'computeAsync', await rejected(() => new GldLoss().computeAsync(right(), { signal } as any)), expected);
  const unknown: Expected = ['OPTION', 'signal', /got an unknown name$/];
  check(
    t,
    'gldLoss',
    thrown(() => (gldLoss as Loose)(right(), { signal: signal.signal })),
    unknown,
  );
  check(
    t,
    'compute',
    thrown(() => new GldLoss().compute(right(), { signal: signal.signal } as any)),
    unknown,
  );
});

t.test('GldLoss: buffers belong to a call, options to the object', async (t) => {
  const out = { bias: new Float32Array(10) };
  const stray = (argument: string): Expected => ['OPTION', argument, /unknown name/];
  check(
    t,
    'constructor',
    thrown(() => new GldLoss({ out } as any)),
    stray('out'),
  );
  check(
    t,
    'compute',
    thrown(() => new GldLoss().compute(right(), { grid: 1 } as any)),
    stray('grid'),
  );
});

t.test('GldLoss: use after dispose', async (t) => {
  const message = 'GldLoss: expected an object in use, got one that was disposed';
  const expected: Expected = ['DISPOSED', 'GldLoss', message];
  const loss = new GldLoss();
  loss.compute(right());
  loss.dispose();
  loss.dispose();
  loss[Symbol.dispose]();
  check(
    t,
    'compute',
    thrown(() => loss.compute(right())),
    expected,
  );
  check(t, 'computeAsync', await rejected(() => loss.computeAsync(right())), expected);
});

for (const [name, call, ...expected] of wrongStageCalls) {
  t.test(name, async (t) => check(t, name, thrown(call), expected));
}

t.test('a getter that throws keeps its own error', async (t) => {
  const error = new Error('disposed');
  const features = Object.defineProperty({ shape: [4, 6, 8, 8] }, 'data', {
    get() {
      throw error;
    },
  });
  t.equal(
    thrown(() => (gldLoss as Loose)({ ...right(), student: { ...right().student, features } })),
    error,
  );
});

t.test('a call inside a call, from a getter, disturbs neither', async (t) => {
  const expected = gldLoss(right());
  let inner: GldResult | undefined;
  const inputs = right();
  const { data } = inputs.student.weight;
  Object.defineProperty(inputs.student.weight, 'data', {
    get() {
      inner = gldLoss(right(), { alpha: 1 });
      return data;
    },
  });
  t.same(gldLoss(inputs), expected);
  t.not(inner?.loss, expected.loss);
});
