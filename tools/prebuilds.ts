// Makes prebuilds/<platform>-<arch>/ from the native build (stripped copies), checks them, and with --pack also the tarball
// that would be published. Usage: tsx tools/prebuilds.ts [--pack FOLDER]
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { at, run, tool } from './support.js';

// The oldest Node.js release that `engines` allows; with Node-API it only names prebuildify's cache folder.
const TARGET = '20.17.0';

/** Moves each file over its namesake, which a running process may have mapped: never written to in place. */
function replace(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  const names = readdirSync(from);
  for (const stale of readdirSync(to).filter((name) => !names.includes(name))) rmSync(join(to, stale));
  for (const name of names) {
    const [source, target] = [join(from, name), join(to, name)];
    if (!existsSync(target) || !readFileSync(source).equals(readFileSync(target))) renameSync(source, target);
  }
}

tool(() => {
  const { values } = parseArgs({ options: { pack: { type: 'string' } } });
  const staging = at('build-prebuilds');
  const platform = `${process.platform}-${process.arch}`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging);
  run('prebuildify', [
    ...['--napi', '--strip', '--tag-libc', '--name', 'gld-loss', '--target', TARGET],
    ...['--cwd', staging, '--out', staging, '--node-gyp', at('tools/cmake-js-as-node-gyp.ts')],
  ]);
  replace(join(staging, 'prebuilds', platform), at('prebuilds', platform));
  rmSync(staging, { recursive: true });
  run('tsx', ['tools/check-prebuilds.ts']);
  if (values.pack !== undefined) {
    mkdirSync(values.pack, { recursive: true });
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', resolve(values.pack)]);
  }
});
