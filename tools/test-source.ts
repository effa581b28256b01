// Checks the source fallback: installs the packed tarball as a user would where no prebuilt binary fits, lets its install
// script compile with node-gyp and binding.gyp, and runs a loss. Takes minutes; downloads Node.js headers only where
// this Node.js came without them.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Consumer, lossScript, nodeHeaders } from './consumer.js';
import { binaries, run, tool } from './support.js';

function check(tarball: string): void {
  const consumer = new Consumer(tarball);
  try {
    const headers = nodeHeaders();
    const environment = {
      npm_config_build_from_source: 'true',
      JOBS: 'max',
      ...(headers === undefined ? {} : { npm_config_nodedir: headers }),
    };
    console.log('gld-loss: installing from source (node-gyp compiles every engine level; minutes)');
    const { status, stdout, stderr } = consumer.npm(['install', '--foreground-scripts'], environment);
    if (status !== 0) throw new Error(`npm install: exit ${status}\n${stdout}\n${stderr}`);
    const warnings = `${stdout}${stderr}`.split('\n').filter((line) => /\bwarning:/.test(line));
    if (warnings.length > 0) throw new Error(`the compiler warned:\n${warnings.join('\n')}`);
    for (const name of binaries(process.arch)) {
      if (!existsSync(consumer.installed('build/Release', name))) throw new Error(`${name} was not built`);
    }
    const result = consumer.node('loss.mjs', `import { gldLoss, deviceInfo } from 'gld-loss';${lossScript}`);
    if (result.status !== 0) throw new Error(`the loss failed: ${result.stderr}`);
    console.log(result.stdout.trim());
  } finally {
    consumer.remove();
  }
}

tool(() => {
  const folder = mkdtempSync(join(tmpdir(), 'gld-loss-source-'));
  try {
    run('tsx', ['tools/ensure-built.ts', 'ts']);
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]);
    check(join(folder, String(readdirSync(folder).find((name) => name.endsWith('.tgz')))));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
