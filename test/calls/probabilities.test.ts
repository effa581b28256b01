/** Probabilities in the place of logits: one warning for each side of a process, and none for what may be logits. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';

const child = fileURLToPath(new URL('../support/children/probabilities.mjs', import.meta.url));
const run = (args: string[], flags: string[] = []) => promisify(execFile)(process.execPath, [...flags, child, ...args]);

interface Warning {
  name: string;
  code: string;
  message: string;
}

async function warningsOf(name: string): Promise<Warning[]> {
  return JSON.parse((await run([name])).stdout) as Warning[];
}

/** Cases and what their warnings name. */
const warned: Record<string, string[]> = {
  'a teacher': ['teacher.logits'],
  'a student': ['student.logits'],
  'both, again and again': ['student.logits', 'teacher.logits'],
  'of an asynchronous call': ['teacher.logits'],
  'of a GldLoss': ['teacher.logits'],
  'one row of each sample': ['teacher.logits'],
  'of few numbers': ['teacher.logits'],
  'of two classes': ['teacher.logits'],
  'of many classes': ['teacher.logits'],
  strided: ['teacher.logits'],
  float64: ['teacher.logits'],
  float16: ['teacher.logits'],
  bfloat16: ['teacher.logits'],
  'a map of probabilities': ['teacher.logitMap'],
  'a masked map of probabilities': ['teacher.logitMap'],
  'a GldLoss after others': ['teacher.logits'],
  'after a few calls': ['teacher.logits'],
  normalizedKd: ['teacher'],
  relation: ['student'],
  crossEntropy: ['logits'],
};

const silent = [
  'logits',
  'after many calls',
  'one row that is none',
  'one-hot rows',
  'rows of equal numbers',
  'two classes whose sum is nearly 1',
  'a row of float16 that may be chance',
  'a sum of 1 with a number below 0',
  'NaN',
  'soft labels',
  'features',
];

t.test('every case is looked at', async (t) => {
  t.same(JSON.parse((await run([])).stdout), [...Object.keys(warned), ...silent]);
});

for (const [name, sides] of Object.entries(warned)) {
  t.test(`warned of: ${name}`, async (t) => {
    const warnings = await warningsOf(name);
    t.same(
      warnings.map(({ message }) => message.split(':')[0]),
      sides,
    );
    for (const { message, ...rest } of warnings) {
      t.same(rest, { name: 'GldWarning', code: 'GLD_PROBABILITIES' });
      t.match(message, /expected logits, got rows that look like probabilities.* what lies before the softmax/);
    }
  });
}

for (const name of silent) t.test(`silent: ${name}`, async (t) => t.same(await warningsOf(name), []));

t.test("Node.js's own ways to silence it", async (t) => {
  const printed = async (flags: string[]) => (await run(['a teacher'], flags)).stderr;
  t.match(await printed([]), /\[GLD_PROBABILITIES\] GldWarning: teacher\.logits/);
  t.equal(await printed(['--disable-warning=GLD_PROBABILITIES']), '');
});
