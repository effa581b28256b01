// Runs the tools that decide about the style of TypeScript and C++, each of which fails on what it finds: Biome,
// clang-format and clang-tidy, which takes minutes and so reads only what is not as it was when it last found nothing, and
// follows fewer paths through a function than it could.
// Usage: tsx tools/check.ts [--all] [--write]
//   --all     every source for clang-tidy, on all paths that it follows by default
//   --write   formats, and mends what Biome can
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { at, root, run, tool } from './support.js';

const sources = ['csrc', 'test/native', 'benchmarks/native'].flatMap((folder) =>
  readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(cpp|h|cu|cuh|def)$/.test(name))
    .map((name) => join(folder, name)),
);

/** Those that clang-format lays out: a table of macros is laid out by hand. */
const native = sources.filter((name) => !name.endsWith('.def'));

interface CompileCommand {
  file: string;
  command: string;
}

const folder = at('build-tidy');

/**
 * Every source of csrc/ once, as clang compiles it: those of the CPU engines at their first level, those of the CUDA engine
 * as C++. They are in compile_commands.json, too.
 */
function compileCommands(): CompileCommand[] {
  rmSync(`${folder}/build`, { recursive: true, force: true });
  run('cmake-js', ['configure', '--out', `${folder}/build`, '--CDGLD_CUDA=EMULATED']);
  const listed = JSON.parse(readFileSync(`${folder}/build/compile_commands.json`, 'utf8')) as CompileCommand[];
  const first = new Map(listed.toReversed().map((one) => [one.file, one]));
  const commands = [...first.values()]
    .filter(({ file }) => file.startsWith(at('csrc/')))
    // A flag that clang does not know.
    .map((one) => ({ ...one, command: one.command.replace(' -fno-gnu-unique', '') }));
  mkdirSync(`${folder}/clang`, { recursive: true });
  writeFileSync(`${folder}/clang/compile_commands.json`, JSON.stringify(commands));
  return commands;
}

/** A native file and all that it may include: every file of the name in an #include is one, wherever it is. */
function withIncluded(path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name] of readFileSync(at(path), 'utf8').matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)) {
    const tail = `/${name.replace(/^(?:\.\.?\/)+/, '')}`;
    for (const file of sources.filter((other) => other.endsWith(tail))) withIncluded(file, found);
  }
  return found;
}

/** Files that have been found clean, each with a digest of all that clang-tidy read. */
type Clean = Record<string, string>;
const record = `${folder}/clean.json`;

function readClean(): Clean {
  try {
    return JSON.parse(readFileSync(record, 'utf8')) as Clean;
  } catch {
    return {};
  }
}

/** States of a function that the analyzer looks at: a tenth of its default takes a seventh of the time on kernels. */
const fewerStates = ['-analyzer-config', 'max-nodes=22500'].flatMap((word) => ['-Xclang', word]);

function tidy(file: string, all: boolean): Promise<boolean> {
  const extra = all ? [] : fewerStates.map((word) => `--extra-arg=${word}`);
  const child = spawn('clang-tidy', ['-quiet', '-p', `${folder}/clang`, ...extra, file], { cwd: root });
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      process.stdout.write(said);
      resolve(code === 0);
    });
  });
}

async function tidyChanged(all: boolean): Promise<void> {
  const clean: Clean = all ? {} : readClean();
  const settings =
    execFileSync('clang-tidy', ['--version'], { encoding: 'utf8' }) + readFileSync(at('.clang-tidy'), 'utf8');
  const digest = ({ file, command }: CompileCommand) => {
    const hash = createHash('sha256').update(settings).update(command);
    for (const path of [...withIncluded(relative(root, file))].sort()) hash.update(path).update(readFileSync(at(path)));
    return hash.digest('base64');
  };
  const digests = new Map(compileCommands().map((one) => [one.file, digest(one)]));
  const left = [...digests.keys()].filter((file) => clean[relative(root, file)] !== digests.get(file));
  console.log(`clang-tidy: ${left.length} of ${digests.size} files`);
  const dirty: string[] = [];
  const next = async (): Promise<void> => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      const path = relative(root, file);
      if (!(await tidy(file, all))) {
        dirty.push(path);
        continue;
      }
      clean[path] = digests.get(file) ?? '';
      // At once, so that a run that is interrupted has not been for nothing.
      writeFileSync(record, JSON.stringify(clean));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, next));
  if (dirty.length > 0) throw new Error(`clang-tidy found something in ${dirty.join(', ')}`);
}

tool(async () => {
  const { all = false, write = false } = parseArgs({
    options: { all: { type: 'boolean' }, write: { type: 'boolean' } },
  }).values;
  run('biome', ['check', '--error-on-warnings', ...(write ? ['--write'] : []), '.']);
  run('clang-format', [...(write ? ['-i'] : ['--dry-run', '--Werror']), ...native]);
  if (!write) await tidyChanged(all);
});
