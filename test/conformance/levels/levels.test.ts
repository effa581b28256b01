/** The accuracy tests again for every engine level that this machine has, each in a process of its own. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import t from 'tap';

const { level, available } = deviceInfo().cpu;
const tests = fileURLToPath(new URL('../..', import.meta.url));
const accuracy = ['stages', 'loss', 'conformance/cpu/calls', 'conformance/cpu/stages', 'conformance/cpu/sizes']
  .flatMap((folder) => readdirSync(join(tests, folder)).map((name) => join(folder, name)))
  .filter((name) => name.endsWith('.test.ts'));

t.ok(available.includes(level), 'the level in use is an available one');
t.ok(accuracy.length >= 9, 'the accuracy tests are found');

// The level in use is what those tests run on anyway.
for (const other of available.filter((name) => name !== level)) {
  for (const name of accuracy) {
    const env = { ...process.env, GLD_LOSS_CPU_LEVEL: other };
    t.spawn(process.execPath, [...process.execArgv, join(tests, name)], { env }, `${other} ${name}`);
  }
}
