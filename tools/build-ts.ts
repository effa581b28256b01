// Compiles lib/ twice, to dist/esm and dist/cjs, and marks each folder with the module type of its .js files; and
// benchmarks/cuda with what it uses to build/check, so that a machine with a GPU needs nothing but Node.js to run it.
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { parts, stateOf } from './state.js';
import { at, root, tool } from './support.js';

const flavours = [
  { name: 'esm', type: 'module' },
  { name: 'cjs', type: 'commonjs' },
];

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
    written.push(resolve(path));
    ts.sys.writeFile(path, text);
  });
  const diagnostics = [...parsed.errors, ...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics];
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, host).trimEnd());
  return written;
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

tool(() => {
  const state = stateOf(parts.ts);
  rmSync(at(parts.ts.record), { force: true });
  for (const { name, type } of flavours) {
    const written = compile(at(`tsconfig.${name}.json`));
    const marker = at('dist', name, 'package.json');
    removeAllBut(new Set([...written, marker]), dirname(marker));
    writeFileSync(marker, `${JSON.stringify({ type })}\n`);
  }
  // They import the package by its name, and so its compiled declarations.
  buildChecks();
  writeFileSync(at(parts.ts.record), JSON.stringify(state));
});
