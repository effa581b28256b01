// What a build was made of, so that it can be told whether it is still good. Contents are compared, not times: a copy or a
// checkout sets the times of sources and products anew, in any order.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { at, binaries } from './support.js';

/** A digest of every source by its path, and for native code the machine. */
export interface State {
  machine?: string;
  /** Of a native build: those that it was asked for with, which leave something out or aim at certain GPUs. */
  options?: string[];
  files: Record<string, string>;
}

interface Part {
  /** Files and folders below the root of the checkout. */
  sources: string[];
  /** What must be there besides the record. */
  products: () => string[];
  /** The state that it was built from; written last, so that an interrupted build has none. */
  record: string;
  native: boolean;
}

export const parts = {
  ts: {
    sources: [
      'lib',
      'csrc/call.def',
      'tsconfig.base.json',
      'tsconfig.esm.json',
      'tsconfig.cjs.json',
      'tsconfig.check.json',
      'benchmarks',
      'test/conformance',
      'test/reference',
      'test/support',
      'tools/build-ts.ts',
      'tools/present.ts',
      'tools/schema.ts',
      'package.json',
      'node_modules/@types/node/package.json',
      'node_modules/node-gyp-build/package.json',
      'node_modules/typescript/package.json',
    ],
    products: () => ['dist/esm/package.json', 'dist/cjs/package.json'],
    record: 'build/check/.complete',
    native: false,
  },
  native: {
    // The headers in node_modules too: npm dates them back to 1985, so neither ninja nor make sees that they are others.
    sources: [
      'csrc',
      'CMakeLists.txt',
      'package.json',
      'node_modules/node-addon-api',
      'node_modules/node-api-headers/include',
    ],
    products: () => binaries(process.arch).map((name) => `build/Release/${name}`),
    record: 'build/Release/.complete',
    native: true,
  },
} satisfies Record<string, Part>;

/** The platform and its C library: binaries do not load on another, nor on an older one. */
function machine(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return `${process.platform}-${process.arch}, glibc ${header.glibcVersionRuntime ?? 'none'}`;
}

/** Paths of all files at or under a path, in order; none where there is nothing. */
function filesAt(path: string): string[] {
  const stat = statSync(at(path), { throwIfNoEntry: false });
  if (!stat) return [];
  if (!stat.isDirectory()) return [path];
  return readdirSync(at(path))
    .sort()
    .flatMap((name) => filesAt(join(path, name)));
}

/** A file's contents, as far as builds read them: of package.json the versions and entry points. */
function contents(path: string): string | Buffer {
  const text = readFileSync(at(path));
  if (path !== 'package.json') return text;
  const { version, binary, exports } = JSON.parse(text.toString()) as Record<string, unknown>;
  return JSON.stringify({ version, binary, exports });
}

const digest = (path: string) => createHash('sha256').update(contents(path)).digest('base64');

/** The state of a part's sources now. */
export function stateOf({ sources, native }: Pick<Part, 'sources' | 'native'>): State {
  const files = Object.fromEntries(sources.flatMap(filesAt).map((path) => [path, digest(path)]));
  return native ? { machine: machine(), files } : { files };
}

/** A state that was written as JSON; undefined where there is none that can be read. */
export function readState<T extends State>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}

/** Whether both are of the same sources on the same kind of machine, whatever the options: who gave some wants them. */
export const sameState = (a: State | undefined, b: State) =>
  a?.machine === b.machine && JSON.stringify(a?.files) === JSON.stringify(b.files);

/** Whether a part is there as a whole, made of its sources as they are now. */
export function isBuilt(part: Part): boolean {
  return part.products().every((path) => existsSync(at(path))) && sameState(readState(at(part.record)), stateOf(part));
}
