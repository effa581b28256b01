// The package inside a bundle: GLD_LOSS_PREBUILD leads it to its native library, and without it the error says what to do.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import t, { type Test } from 'tap';
import { importing, Installed } from './installed.js';

// A bundle that is an ES module has no `require`; the usual cure is to make one, under which bundled code runs otherwise.
const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const formats: [name: string, options: BuildOptions][] = [
  ['CommonJS', { format: 'cjs', outfile: 'app/server/bundle.cjs' }],
  ['an ES module', { format: 'esm', outfile: 'app/server/bundle.mjs' }],
  ['an ES module with a require', { format: 'esm', outfile: 'app/server/bundle.mjs', banner: { js: banner } }],
  ['minified', { format: 'esm', outfile: 'app/server/bundle.mjs', minify: true }],
];

const external = 'Mark gld-loss as external in the bundler (esbuild: --external:gld-loss)';

/** Bundles what importing() gives; returns the bundle, and a project where it stands without the package. */
async function bundle(t: Test, options: BuildOptions, statements = ''): Promise<{ app: Installed; file: string }> {
  const app = new Installed(t);
  const file = app.path(options.outfile ?? '');
  // A dynamic import of a module in the same file stays one promise, so that its error can be caught.
  const contents = `void (async () => { ${importing(statements)} })();`;
  const stdin = { contents, resolveDir: app.folder, sourcefile: 'main.mjs' };
  await build({ stdin, bundle: true, platform: 'node', logLevel: 'error', ...options, outfile: file });
  return { app, file };
}

for (const [name, options] of formats) {
  t.test(name, async (t) => {
    const { app, file } = await bundle(t, options);
    const run = (prebuild: string) => app.run('', { env: { GLD_LOSS_PREBUILD: prebuild } }, file);

    const lost = run('');
    t.match(lost, { code: 'ERR_GLD_LOAD', reason: 'bundle' });
    t.match(lost.message, external);
    t.match(lost.message, 'GLD_LOSS_PREBUILD');

    t.ok(run(app.package()).version, 'with the folder of the package');
    t.ok(run('node_modules/gld-loss').version, 'with a relative one');
    const copied = app.path('native/prebuilds', `${process.platform}-${process.arch}`);
    mkdirSync(copied, { recursive: true });
    for (const from of [app.addon, ...app.engines]) copyFileSync(from, join(copied, basename(from)));
    t.ok(run(app.path('native')).version, 'with a copy of prebuilds/ alone');

    const wrong = run(app.path('app'));
    t.match(wrong, { code: 'ERR_GLD_LOAD', reason: 'missing' });
    t.match(wrong.message, /GLD_LOSS_PREBUILD names \S+app, which has no binary for/);
  });
}

t.test('leaves the global scope as it was', async (t) => {
  const options: BuildOptions = { format: 'esm', outfile: 'bundle.mjs' };
  const check = `process.on('exit', () => { if ('require' in globalThis) process.exitCode = 9; });`;
  const { app, file } = await bundle(t, options, check);
  t.ok(app.run('', { env: { GLD_LOSS_PREBUILD: app.package() } }, file).version);
  t.match(app.run('', {}, file), { reason: 'bundle' });
});

t.test('another addon where this one would be', async (t) => {
  const { app, file } = await bundle(t, { format: 'cjs', outfile: 'app/server/bundle.cjs' });
  mkdirSync(app.path('build/Release'), { recursive: true });
  app.compile(
    app.path('build/Release/of_the_app.node'),
    '#include <stdlib.h>\n__attribute__((constructor)) void f() { _Exit(9); }',
  );
  t.match(app.run('', {}, file), { code: 'ERR_GLD_LOAD', reason: 'bundle' }, 'is not loaded');
});

t.test('without node-gyp-build', async (t) => {
  const options: BuildOptions = { format: 'cjs', outfile: 'app/server/bundle.cjs', external: ['node-gyp-build'] };
  const { app, file } = await bundle(t, options);
  const start = { env: { GLD_LOSS_PREBUILD: app.package() } };
  t.ok(app.run('', start, file).version, 'it is found where it is installed');
  rmSync(app.path('node_modules/node-gyp-build'), { recursive: true });
  const lost = app.run('', start, file);
  t.match(lost, { code: 'ERR_GLD_LOAD', reason: 'bundle' });
  t.match(lost.message, /dependency node-gyp-build cannot be loaded\. Bundle both or neither/);
});
