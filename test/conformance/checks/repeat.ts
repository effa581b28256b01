/** The same input gives the same bits: again, in another object, from other memory, in another way of calling. */
import { createHash } from 'node:crypto';
import { GldLoss, type GldOptions } from 'gld-loss';
import { relations } from '../../support/hostile.js';
import { problem } from '../../support/problems.js';
import type { Target } from '../target.js';
import { call, Prepared, type Answer, type Setting, type Ways } from '../call.js';
import type { Check } from '../check.js';
import type { Judge } from '../judge.js';

export function digest({ result, gradients }: Answer): string {
  const hash = createHash('sha256');
  const numbers = [result.loss, ...Object.values(result.terms)];
  hash.update(new Uint8Array(Float64Array.from(numbers).buffer));
  for (const [name, { values }] of Object.entries(gradients)) {
    hash.update(name).update(new Uint8Array(Float64Array.from(values).buffer));
  }
  return hash.digest('hex').slice(0, 16);
}

const side = { channels: 65, map: [7, 7] } as const;
const large = { channels: 256, map: [8, 8] } as const;

async function sameBits(judge: Judge, target: Target, setting: Setting, what: string, times: number): Promise<void> {
  const ways: Ways[] = ['sync', 'async', 'object', 'object async'];
  const seen = new Map<string, string>();
  for (const way of ways) {
    for (const where of target.memories) {
      const changed: Setting = {
        ...setting,
        way,
        memory: { teacher: where, student: where, labels: where },
        out: 'none',
      };
      const prepared = new Prepared(target, changed);
      for (let again = 0; again < times; again++)
        seen.set(`${way}, ${where}, ${again}`, digest(await call(target, prepared, changed)));
      prepared.dispose();
    }
  }
  const [[first, bits] = ['', '']] = seen;
  const other = [...seen].find(([, found]) => found !== bits);
  judge.ok(other === undefined, `${what}: other bits from '${other?.[0]}' than from '${first}'`);
}

/** Many calls under way at once, of different inputs, each against the same call alone. */
async function atOnce(judge: Judge, target: Target, count: number): Promise<void> {
  const settings = Array.from(
    { length: count },
    (_, seed): Setting => ({
      inputs: problem({ samples: 4 + (seed % 3), classes: 33, teacher: side, student: side, seed }),
      way: 'async',
    }),
  );
  const prepared = settings.map((setting) => new Prepared(target, setting));
  const alone: string[] = [];
  for (const [at, setting] of settings.entries()) alone.push(digest(await call(target, prepared[at], setting)));
  const together = await Promise.all(
    settings.map(async (setting, at) => digest(await call(target, prepared[at], setting))),
  );
  judge.ok(
    together.every((bits, at) => bits === alone[at]),
    `${count} calls at once give other bits than one by one`,
  );

  // One object, whose calls under way each have a workspace of their own.
  const options: GldOptions = { device: target.device };
  const loss = new GldLoss(options);
  const results = await Promise.all(prepared.map(({ given }) => loss.computeAsync(given)));
  loss.dispose();
  const again = new GldLoss(options);
  for (const [at, { given }] of prepared.entries()) {
    judge.ok(
      again.compute(given).loss === results[at].loss,
      `call ${at} of one object at once has another loss than alone`,
    );
  }
  again.dispose();
  for (const one of prepared) one.dispose();
}

export const repeatChecks: Check[] = [
  {
    group: 'repeat',
    name: 'small shapes, every way to call',
    quick: true,
    async run(judge, target) {
      const inputs = problem({ samples: 9, classes: 33, teacher: side, student: side });
      for (const precision of target.precisions) {
        for (const relation of relations) {
          await sameBits(
            judge,
            target,
            { inputs, precision, options: { relation } },
            `${precision}, ${JSON.stringify(relation)}`,
            3,
          );
        }
      }
    },
  },
  {
    group: 'repeat',
    name: 'the released recipe: n 64, 256x8x8, K 100',
    quick: false,
    async run(judge, target) {
      const inputs = problem({ samples: 64, classes: 100, teacher: large, student: large });
      for (const precision of target.precisions) await sameBits(judge, target, { inputs, precision }, precision, 5);
    },
  },
  { group: 'repeat', name: 'several calls at once', quick: true, run: (judge, target) => atOnce(judge, target, 12) },
];
