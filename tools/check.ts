// Runs the tools that decide about the style of TypeScript and C++, each of which fails on what it finds: Biome,
// clang-format and clang-tidy. Usage: tsx tools/check.ts [--write]   (formats, and mends what Biome can)
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { at, run, tool } from './support.js';

const native = ['csrc', 'test/native', 'benchmarks/native'].flatMap((folder) =>
  readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cpp|h|cu|cuh)$/.test(name))
    .map((name) => join(folder, name)),
);

interface CompileCommand {
  file: string;
  command: string;
}

/**
 * A folder whose compile_commands.json has every source of csrc/ once, for clang: those of the CPU engines at their first
 * level, those of the CUDA engine as C++.
 */
function compileCommands(): string {
  const folder = at('build-tidy');
  rmSync(folder, { recursive: true, force: true });
  run('cmake-js', ['configure', '--out', `${folder}/build`, '--CDGLD_CUDA=EMULATED']);
  const listed = JSON.parse(readFileSync(`${folder}/build/compile_commands.json`, 'utf8')) as CompileCommand[];
  const files = [...new Set(listed.map(({ file }) => file))].filter((file) => file.startsWith(at('csrc/')));
  const commands = files.map((file) => {
    const found = listed.find((one) => one.file === file);
    // A flag that clang does not know.
    return { ...found, command: found?.command.replace(' -fno-gnu-unique', '') };
  });
  mkdirSync(`${folder}/clang`);
  writeFileSync(`${folder}/clang/compile_commands.json`, JSON.stringify(commands));
  return `${folder}/clang`;
}

tool(() => {
  const { write } = parseArgs({ options: { write: { type: 'boolean' } } }).values;
  run('biome', ['check', '--error-on-warnings', ...(write ? ['--write'] : []), '.']);
  run('clang-format', [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...native]);
  if (!write) run('run-clang-tidy', ['-quiet', '-j', String(availableParallelism()), '-p', compileCommands()]);
});
