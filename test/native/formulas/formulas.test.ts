/** The formulas that the engines share, by themselves: compiled for the host and run, and compiled for a device. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { at } from '../../../tools/support.js';

const source = at('test/native/formulas.cpp');
// Without the runtime of a sanitizer, under which compilers crash.
const env = { ...process.env, LD_PRELOAD: '' };
const shell = (program: string, args: string[]) => spawnSync(program, args, { encoding: 'utf8', env });
const flags = ['-std=c++17', '-O1'];

t.test('against other ways to the same numbers', async (t) => {
  const program = `${t.testdir()}/formulas`;
  const built = shell('g++', [...flags, '-Wall', '-Wextra', '-Werror', '-ffp-contract=off', source, '-o', program]);
  t.equal(built.status, 0, built.stderr);
  const { status, stdout } = shell(program, []);
  t.equal(status, 0, stdout);
  t.match(stdout, /^\d{2,} checks, 0 failed$/m);
});

const missing = shell('nvcc', ['--version']).status === 0 ? false : 'nvcc is not installed';

t.test('in device code', { skip: missing }, async (t) => {
  const { status, stderr } = shell('nvcc', [
    ...flags,
    '-x',
    'cu',
    '-arch=sm_80',
    '-c',
    source,
    '-o',
    `${t.testdir()}/formulas.o`,
  ]);
  t.equal(status, 0, stderr);
});
