// What the CUDA compiler said of every kernel in a build: registers, shared memory, stack and spills, per architecture; and
// the size of the library. Every build writes it to build/cuda-report.txt; this prints it.
// Usage: tsx tools/cuda-report.ts [FOLDER]
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { at, cudaEngine, tool } from './support.js';

export interface Kernel {
  /** Source file that it is compiled from. */
  source: string;
  /** Demangled, without arguments. */
  name: string;
  /** 'sm_80' */
  arch: string;
  registers: number;
  /** Static shared memory, bytes; what a launch asks for besides is not known to the compiler. */
  shared: number;
  stack: number;
  spillStores: number;
  spillLoads: number;
}

const demangle = (names: readonly string[]) =>
  names.length === 0 ? [] : execFileSync('c++filt', { input: names.join('\n'), encoding: 'utf8' }).split('\n');

/** 'void gld::cuda::(anonymous namespace)::kernel<float, 4>(long, ...)' → 'kernel<float, 4>' */
export function shortName(demangled: string): string {
  let text = demangled
    .replace(/^void /, '')
    .replaceAll('(anonymous namespace)::', '')
    .replaceAll('gld::cuda::', '')
    .replaceAll('gld::', '');
  // Arguments begin at the first bracket outside of template arguments; '(int)4' within those is a value.
  let depth = 0;
  for (const [i, letter] of [...text].entries()) {
    if (letter === '<') depth++;
    if (letter === '>') depth--;
    if (letter === '(' && depth === 0) {
      text = text.slice(0, i);
      break;
    }
  }
  return text.replace(/\((?:unsigned )?(?:int|long|bool|[\w:]+)\)(?=-?\d)/g, '');
}

/** The kernels that one object's report tells of. */
export function parseReport(source: string, report: string): Kernel[] {
  const found: Kernel[] = [];
  let entry: { name: string; arch: string } | undefined;
  let frame = [0, 0, 0];
  for (const line of report.split('\n')) {
    const [, name, arch] = /Compiling entry function '(\S+)' for '(\S+)'/.exec(line) ?? [];
    if (name && arch) {
      entry = { name, arch };
      frame = [0, 0, 0];
    }
    const stack = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    // A kernel's own line follows its name; those of functions that it calls come after its registers.
    if (stack && entry) frame = stack.slice(1).map(Number);
    const [, registers] = /Used (\d+) registers/.exec(line) ?? [];
    if (!registers || !entry) continue;
    const [, shared = '0'] = /(\d+) bytes smem/.exec(line) ?? [];
    const [stackBytes = 0, spillStores = 0, spillLoads = 0] = frame;
    found.push({
      source,
      ...entry,
      registers: Number(registers),
      shared: Number(shared),
      stack: stackBytes,
      spillStores,
      spillLoads,
    });
    entry = undefined;
  }
  const names = demangle(found.map(({ name }) => name));
  return found.map((kernel, i) => ({ ...kernel, name: shortName(names[i] ?? kernel.name) }));
}

/** Every kernel of a build folder; none where there is no report, as without nvcc. */
export function readReports(folder = at('build')): Kernel[] {
  const objects = join(folder, 'CMakeFiles/gld_cuda.dir/csrc/cuda');
  if (!existsSync(objects)) return [];
  return readdirSync(objects)
    .filter((name) => name.endsWith('.resources'))
    .sort()
    .flatMap((name) => parseReport(name.replace('.o.resources', ''), readFileSync(join(objects, name), 'utf8')));
}

/** One line per kernel; numbers that differ between architectures as a range. */
export function reportText(kernels: readonly Kernel[], bytes: number): string {
  const range = (values: readonly number[]) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return low === high ? String(low) : `${low}-${high}`;
  };
  const groups = new Map<string, Kernel[]>();
  for (const kernel of kernels) {
    const key = `${kernel.source}\t${kernel.name}`;
    groups.set(key, [...(groups.get(key) ?? []), kernel]);
  }
  const rows = [...groups].map(([key, all]) => {
    const spills = all.map((one) => one.spillStores + one.spillLoads);
    const [source = '', name = ''] = key.split('\t');
    return [
      source,
      name,
      range(all.map((one) => one.registers)),
      range(all.map((one) => one.shared)),
      range(all.map((one) => one.stack)),
      range(spills),
    ];
  });
  const table = [['source', 'kernel', 'registers', 'shared', 'stack', 'spilled'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  const lines = table.map((row) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  const archs = [...new Set(kernels.map(({ arch }) => arch))].sort();
  return [
    `${cudaEngine}: ${(bytes / 1e6).toFixed(2)} MB, ${groups.size} kernels for ${archs.join(', ')}`,
    'Registers per thread; bytes of static shared memory per block; bytes of stack and of spills per thread.',
    '',
    ...lines,
    '',
  ].join('\n');
}

/** Writes the report of a build folder beside what it tells of; undefined where there was no nvcc. */
export function writeReport(folder = at('build')): string | undefined {
  const kernels = readReports(folder);
  const library = statSync(join(folder, 'Release', cudaEngine), { throwIfNoEntry: false });
  if (kernels.length === 0 || library === undefined) return undefined;
  const text = reportText(kernels, library.size);
  writeFileSync(join(folder, 'cuda-report.txt'), text);
  return text;
}

if (process.argv[1] === at('tools/cuda-report.ts')) {
  tool(() => {
    const text = writeReport(at(process.argv[2] ?? 'build'));
    if (text === undefined) throw new Error('there is no CUDA engine: there was no nvcc when this was built');
    process.stdout.write(text);
  });
}
