/** What calls do besides computing: refuse, stop, run out of memory, change shape, and go on afterwards. */
import { CudaTensor, GldLoss, gldLoss, gldLossAsync, type GldError, type GldOptions } from 'gld-loss';
import { problem } from '../../support/problems.js';
import type { Target } from '../target.js';
import { call, compare, Prepared, type Setting } from '../call.js';
import type { Check } from '../check.js';
import type { Judge } from '../judge.js';
import { usual } from '../limits.js';
import { digest } from './repeat.js';

const side = { channels: 33, map: [6, 6] } as const;
const small: Setting = { inputs: problem({ samples: 5, classes: 9, teacher: side, student: side }) };

/** After whatever happened, the same call still gives what it did. */
async function stillWorks(judge: Judge, target: Target, after: string): Promise<void> {
  const { loss, gradient } = await compare(target, small);
  judge.ok(
    loss <= usual.float32.loss && gradient <= usual.float32.gradient,
    `after ${after}: errors ${loss} and ${gradient}`,
  );
}

async function caught(run: () => unknown): Promise<GldError | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error as GldError;
  }
}

async function refused(judge: Judge, what: string, code: string, run: () => unknown): Promise<void> {
  const error = await caught(run);
  judge.ok(
    error?.code === code,
    `${what}: expected ${code}, got ${error === undefined ? 'no error' : `${error.code}: ${error.message}`}`,
  );
}

const onGpu = ({ facts }: Target) =>
  facts.kind === 'cpu' ? 'device memory of its own is what it is about' : undefined;

export const callChecks: Check[] = [
  {
    group: 'calls',
    name: 'a label out of range is an error, and nothing breaks',
    quick: true,
    async run(judge, target) {
      for (const label of [-1, 9, 1 << 30]) {
        for (const labels of target.memories) {
          for (const way of ['sync', 'async', 'object', 'object async'] as const) {
            const bad = Int32Array.of(0, 1, label, 3, 4);
            const setting: Setting = {
              inputs: { ...small.inputs, labels: bad },
              way,
              memory: { teacher: 'host', student: 'host', labels },
            };
            const prepared = new Prepared(target, setting);
            await refused(judge, `label ${label} in ${labels} memory, ${way}`, 'ERR_GLD_LABEL', () =>
              call(target, prepared, setting),
            );
            for (const damage of prepared.damages()) judge.ok(false, damage);
            prepared.dispose();
          }
        }
      }
      await stillWorks(judge, target, 'labels out of range');
    },
  },
  {
    group: 'calls',
    name: 'one object, changing shapes',
    quick: true,
    async run(judge, target) {
      const options: GldOptions = { device: target.device };
      const loss = new GldLoss(options);
      for (let round = 0; round < 3; round++) {
        for (const [samples, classes, channels] of [
          [5, 9, 33],
          [2, 65, 8],
          [9, 3, 128],
          [5, 9, 33],
        ] as const) {
          const of = { channels, map: [4, 4] } as const;
          const setting: Setting = { inputs: problem({ samples, classes, teacher: of, student: of, seed: round }) };
          const prepared = new Prepared(target, setting);
          const kept = loss.compute(prepared.given);
          const alone = gldLoss(prepared.given, options);
          judge.ok(
            kept.loss === alone.loss,
            `n ${samples}, K ${classes}: ${kept.loss} with kept memory, ${alone.loss} without`,
          );
          prepared.dispose();
        }
      }
      loss.dispose();
    },
  },
  {
    group: 'calls',
    name: 'inputs may change once an asynchronous call has begun',
    quick: true,
    async run(judge, target) {
      const prepared = new Prepared(target, { ...small, way: 'async' });
      const before = digest(await call(target, prepared, { ...small, way: 'async' }));
      const again = new Prepared(target, { ...small, way: 'async' });
      const under = call(target, again, { ...small, way: 'async' });
      const { student } = again.given as unknown as { student: { features: { data: Float32Array } } };
      student.features.data.fill(0);
      judge.ok(digest(await under) === before, 'a change of the inputs reached a call under way');
      prepared.dispose();
      again.dispose();
    },
  },
  {
    group: 'calls',
    name: 'aborting',
    quick: true,
    async run(judge, target) {
      const large = { channels: 64, map: [8, 8] } as const;
      const { facts } = target;
      const samples = facts.kind === 'gpu' ? 512 : 16;
      const prepared = new Prepared(target, {
        inputs: problem({ samples, classes: 100, teacher: large, student: large }),
      });
      const reason = new Error('enough');
      for (const wait of [0, 0, 1, 2]) {
        const controller = new AbortController();
        const calls = Array.from({ length: 6 }, () =>
          caught(() => gldLossAsync(prepared.given, { device: target.device, signal: controller.signal })),
        );
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        controller.abort(reason);
        // A call may have been done before; every other one rejects with the reason itself.
        const ends = await Promise.all(calls);
        judge.ok(
          ends.every((end) => end === undefined || (end as Error) === reason),
          `aborted after ${wait} ms: ${String(ends.find((end) => end !== reason))}`,
        );
        if (wait === 0) judge.ok(ends.includes(reason as GldError), 'no call was stopped');
      }
      prepared.dispose();
      await stillWorks(judge, target, 'aborted calls');
    },
  },
  {
    group: 'calls',
    name: 'what a device cannot do is refused by name',
    quick: true,
    skip: onGpu,
    async run(judge, target) {
      const { device } = target;
      const wide = new Prepared(target, { ...small, dtype: { teacher: 'float64', student: 'float32' } });
      await refused(judge, 'float64', 'ERR_GLD_DTYPE', () => gldLoss(wide.given, { device }));
      const plain = new Prepared(target, {
        ...small,
        memory: { teacher: 'device', student: 'device', labels: 'device' },
      });
      await refused(judge, "device 'cpu' for tensors on a GPU", 'ERR_GLD_DEVICE', () =>
        gldLoss(plain.given, { device: 'cpu' }),
      );
      await refused(judge, 'a GPU that is not there', 'ERR_GLD_DEVICE', () =>
        gldLoss(plain.given, { device: 'cuda:99' }),
      );
      const tensor = CudaTensor.from({ data: new Float32Array(4), shape: [4] });
      const { ptr } = tensor;
      tensor.dispose();
      await refused(judge, 'a disposed tensor', 'ERR_GLD_DISPOSED', () => tensor.toHost());
      const stray = { device: 'cuda', ptr: ptr + (1n << 40n), shape: [5, 5, 9], dtype: 'float32' } as const;
      await refused(judge, 'a pointer to nothing', 'ERR_GLD_DEVICE', () =>
        gldLoss({ teacher: { logits: stray }, student: { logits: stray } }),
      );
      wide.dispose();
      plain.dispose();
      await stillWorks(judge, target, 'refusals');
    },
  },
  {
    group: 'calls',
    name: 'running out of device memory is an error, and what was taken is free again',
    quick: true,
    skip: onGpu,
    async run(judge, target) {
      const { memoryBytes = 2 ** 40 } = target.facts;
      const pieces: CudaTensor[] = [];
      const elements = Math.ceil(memoryBytes / 4 / 8);
      const fill = () => {
        // Nine eighths of the memory: one of them fails.
        for (let piece = 0; piece < 9; piece++) pieces.push(CudaTensor.empty([elements], deviceOf(target)));
      };
      await refused(judge, 'more than there is', 'ERR_GLD_MEMORY', fill);
      for (const piece of pieces.splice(0)) piece.dispose();
      await stillWorks(judge, target, 'running out of memory');
      await refused(judge, 'more at once than there is', 'ERR_GLD_MEMORY', () =>
        CudaTensor.empty([9 * elements], deviceOf(target)),
      );
      await stillWorks(judge, target, 'asking for too much');
    },
  },
];

const deviceOf = ({ device }: Target) => ({ device: device as `cuda:${number}` });
