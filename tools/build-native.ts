// Builds the addon and its engines with cmake-js into build/, or a build for tests into build-<name>/build: a sanitizer's,
// one whose CUDA engine runs on the CPU (--emulated), or both. With --target, one other program of CMakeLists.txt.
// Usage: tsx tools/build-native.ts [--sanitize address,undefined|thread] [--emulated] [--cuda off] [--cuda-architectures LIST]
//                                  [--target NAME] [--out build-asan]
import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeReport } from './cuda-report.js';
import { runLogged } from './logged.js';
import { parts, readState, stateOf, type State } from './state.js';
import { at, binaries, cudaEngine, root, tool } from './support.js';

/** What the objects in a build folder were made of, and where. */
interface Begun extends State {
  place: string;
}

/**
 * Clears a build folder of what may no longer hold. It is configured anew each time, because CMake's cache keeps the place
 * of the checkout, what was found of programs and libraries, and the traces of a configuration that failed. Objects
 * stay, for ninja or make to go on from, if they were made at this place and on such a machine.
 */
function prepare(out: string): void {
  const sources = [...parts.native.sources, 'test/native/simt', 'benchmarks/native'];
  const state: Begun = { ...stateOf({ ...parts.native, sources }), place: root };
  const record = join(out, 'begun.json');
  const before = readState<Begun>(record);
  const same = before?.place === state.place && before.machine === state.machine;
  const files = join(out, 'CMakeFiles');
  const kept = (name: string) => same && name.endsWith('.dir');
  mkdirSync(files, { recursive: true });
  for (const name of readdirSync(files)) if (!kept(name)) rmSync(join(files, name), { recursive: true });
  rmSync(join(out, 'CMakeCache.txt'), { force: true });
  // ninja and make go by times, so what has changed must be newer than what was made of it, whatever set its time.
  const now = new Date();
  for (const [path, digest] of Object.entries(state.files)) {
    if (same && before.files[path] !== digest) utimesSync(at(path), now, now);
  }
  writeFileSync(record, JSON.stringify(state));
}

tool(async () => {
  const { values } = parseArgs({
    options: {
      sanitize: { type: 'string' },
      emulated: { type: 'boolean' },
      cuda: { type: 'string' },
      'cuda-architectures': { type: 'string' },
      target: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const out = at(values.out ?? '.', 'build');
  const folder = `${out}/${values.sanitize ? 'Debug' : 'Release'}`;
  const log = `${out}/build.log`;
  const architectures = values['cuda-architectures'];
  const config = [
    ...(values.sanitize ? ['--debug', `--CDGLD_SANITIZE=${values.sanitize}`] : []),
    ...(architectures ? [`--CDGLD_CUDA_ARCHITECTURES=${architectures}`] : []),
    `--CDGLD_WERROR=${process.env.GLD_WERROR ? 'ON' : 'OFF'}`,
    `--CDGLD_CUDA=${values.emulated ? 'EMULATED' : (values.cuda ?? 'auto').toUpperCase()}`,
  ];
  const cmake = (command: string, ...more: string[]) =>
    runLogged('cmake-js', [command, '--log-level', 'error', '--out', out, ...config, ...more], log);

  const state = stateOf(parts.native);
  prepare(out);
  writeFileSync(log, '');
  if (values.target) {
    await cmake('configure');
    return cmake('build', '--target', values.target);
  }
  // No product outlives its build: an engine that is no longer built, or the record of an earlier end.
  rmSync(folder, { recursive: true, force: true });
  await cmake('configure');
  await cmake('build');
  for (const name of [...binaries(process.arch), ...(values.emulated ? [cudaEngine] : [])]) {
    if (!existsSync(`${folder}/${name}`)) throw new Error(`${folder}/${name} was not built`);
  }
  const report = writeReport(out);
  if (report) console.log(report.split('\n')[0], `(${out}/cuda-report.txt)`);
  writeFileSync(`${folder}/.complete`, JSON.stringify({ ...state, options: process.argv.slice(2) }));
});
