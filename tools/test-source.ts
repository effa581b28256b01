// Checks the source fallback: installs the packed tarball as a user would where no prebuilt binary fits, compiles with its
// command (npx gld-loss build), which runs node-gyp, and runs a loss. Takes minutes; downloads Node.js headers only where
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
    const environment = headers === undefined ? {} : { npm_config_nodedir: headers };
    const install = consumer.npm(['install']);
    if (install.status !== 0) throw new Error(`npm install: exit ${install.status}\n${install.stderr}`);
    console.log('gld-loss: building from source (node-gyp compiles every engine level; minutes)');
    const { status, stdout, stderr } = consumer.npm(['exec', '--', 'gld-loss', 'build'], environment);
    if (status !== 0) throw new Error(`gld-loss build: exit ${status}\n${stdout}\n${stderr}`);
    if (existsSync(consumer.installed('binding.gyp'))) throw new Error('binding.gyp was left behind: npm would run it');
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
