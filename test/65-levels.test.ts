/** The accuracy tests again for every engine level that this machine has, each in a process of its own. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { deviceInfo } from 'gld-loss';
import t from 'tap';

const { level, available } = deviceInfo().cpu;
const here = new URL('.', import.meta.url);
const accuracy = readdirSync(here).filter((name) => /^([1-5]\d|6[0-4])-.*\.test\.ts$/.test(name));

t.ok(available.includes(level), 'the level in use is an available one');
t.ok(accuracy.length >= 9, 'the accuracy tests are found');

// The level in use is what those tests run on anyway.
for (const other of available.filter((name) => name !== level)) {
  for (const name of accuracy) {
    const file = fileURLToPath(new URL(name, here));
    const env = { ...process.env, GLD_LOSS_CPU_LEVEL: other };
    t.spawn(process.execPath, [...process.execArgv, file], { env }, `${other} ${name}`);
  }
}
