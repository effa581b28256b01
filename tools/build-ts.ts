// Compiles lib/ twice, to dist/esm and dist/cjs, and marks each folder with the module type of its .js files; bundles the
// declarations of the entry points, so that nothing but what is public is published; and compiles benchmarks/cuda with what
// it uses to build/check, so that a machine with a GPU needs nothing but Node.js to run it.
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { rollup } from 'rollup';
import { dts } from 'rollup-plugin-dts';
import ts from 'typescript';
import manifest from '../package.json' with { type: 'json' };
import { expectFresh } from './schema.js';
import { parts, stateOf } from './state.js';
import { at, root, tool } from './support.js';

const flavours = [
  { name: 'esm', type: 'module' },
  { name: 'cjs', type: 'commonjs' },
];

/** Where the compiler puts the declarations of all modules, as tsconfig.esm.json says. */
const declarations = 'build/declarations';

const host: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => root,
  getNewLine: () => '\n',
};

function compile(config: string): string[] {
  const parsed = ts.getParsedCommandLineOfConfigFile(config, undefined, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
      throw new Error(ts.formatDiagnostic(diagnostic, host));
    },
  });
  if (!parsed) throw new Error(`${config}: cannot be read`);
  const written: string[] = [];
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const emitted = program.emit(undefined, (path, text) => {
    written.push(write(resolve(path), text));
  });
  const diagnostics = [...parsed.errors, ...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, host).trimEnd());
  return written;
}

/** The declarations of every entry point by the path in its folder, and of what they share; the same for both flavours. */
async function bundleDeclarations(): Promise<Map<string, string>> {
  const input = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [relative('dist/esm', entry.import.types).replace(/\.d\.ts$/, '')],
  );
  const bundle = await rollup({
    input: Object.fromEntries(input.map((name) => [name, at(declarations, `${name}.d.ts`)])),
    plugins: [dts({ tsconfig: at('tsconfig.esm.json') })],
    onLog: (_, { message }) => {
      throw new Error(message);
    },
  });
  const { output } = await bundle.generate({
    entryFileNames: '[name].d.ts',
    chunkFileNames: 'shared.d.ts',
    // One file, whichever of the entry points it is that share something beside each other.
    manualChunks: (id, { getModuleInfo }) => {
      const users = new Set([id]);
      for (const user of users) for (const importer of getModuleInfo(user)?.importers ?? []) users.add(importer);
      const entries = [...users].filter((user) => getModuleInfo(user)?.isEntry);
      return entries.length > 1 && !entries.includes(id) ? 'shared' : undefined;
    },
    minifyInternalExports: false,
    // Symbol.dispose, whatever `lib` the user's configuration has.
    banner: '/// <reference lib="esnext.disposable" />',
  });
  return new Map(output.map((file) => [file.fileName, 'code' in file ? file.code : '']));
}

/** Writes a file, its folders too, and returns its path. */
function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function removeAllBut(keep: Set<string>, folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) removeAllBut(keep, path);
    else if (!keep.has(path)) rmSync(path);
  }
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}

/** What the checks need besides: Python programs that they start, and the package's only dependency when it runs. */
const copied = [
  { from: 'benchmarks/cuda/pytorch', files: /\.py$/ },
  { from: 'benchmarks/contenders/pytorch', files: /\.py$/ },
  { from: 'node_modules/node-gyp-build', files: /\.js$|^package\.json$/ },
];

function buildChecks(): void {
  const folder = at('build/check');
  const written = compile(at('tsconfig.check.json'));
  for (const { from, files } of copied) {
    mkdirSync(join(folder, from), { recursive: true });
    for (const name of readdirSync(at(from)).filter((file) => files.test(file))) {
      copyFileSync(at(from, name), join(folder, from, name));
      written.push(join(folder, from, name));
    }
  }
  removeAllBut(new Set(written), folder);
}

tool(async () => {
  expectFresh();
  const state = stateOf(parts.ts);
  rmSync(at(parts.ts.record), { force: true });
  const written = flavours.map(({ name }) => compile(at(`tsconfig.${name}.json`)));
  const types = await bundleDeclarations();
  for (const [i, { name, type }] of flavours.entries()) {
    const folder = at('dist', name);
    const declared = [...types].map(([path, text]) => write(join(folder, path), text));
    const marker = join(folder, 'package.json');
    removeAllBut(new Set([...written[i], ...declared, marker]), folder);
    writeFileSync(marker, `${JSON.stringify({ type })}\n`);
  }
  // They import the package by its name, and so its compiled declarations.
  buildChecks();
  writeFileSync(at(parts.ts.record), JSON.stringify(state));
});
