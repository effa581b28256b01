// Builds the addon and its engines with cmake-js into build/, or a build for tests into build-<name>/build: a sanitizer's,
// one whose CUDA engine runs on the CPU (--emulated), or both.
// Usage: tsx tools/build-native.ts [--sanitize address,undefined|thread] [--emulated] [--cuda off] [--out build-asan]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { writeReport } from './cuda-report.js';
import { at, binaries, cudaEngine, newest, run, tool } from './support.js';

tool(() => {
  const { values } = parseArgs({
    options: {
      sanitize: { type: 'string' },
      emulated: { type: 'boolean' },
      cuda: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const out = at(values.out ?? '.', 'build');
  const config = values.sanitize ? ['--debug', `--CDGLD_SANITIZE=${values.sanitize}`] : [];
  config.push(`--CDGLD_WERROR=${process.env.GLD_WERROR ? 'ON' : 'OFF'}`);
  config.push(`--CDGLD_CUDA=${values.emulated ? 'EMULATED' : (values.cuda ?? 'auto').toUpperCase()}`);
  // Configured each time: after a configuration that failed (Eigen missing, say) cmake-js would go straight to the build.
  run('cmake-js', ['configure', '--out', out, ...config]);
  run('cmake-js', ['build', '--out', out, ...config]);
  const folder = `${out}/${values.sanitize ? 'Debug' : 'Release'}`;
  for (const name of [...binaries(process.arch), ...(values.emulated ? [cudaEngine] : [])]) {
    if (newest(`${folder}/${name}`) === 0) throw new Error(`${folder}/${name} was not built`);
  }
  const report = writeReport(out);
  if (report) console.log(report.split('\n')[0], `(${out}/cuda-report.txt)`);
  // Written last: its age tells ensure-built whether the build is up to date.
  writeFileSync(`${folder}/.complete`, '');
});
