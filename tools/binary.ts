// What a shared library of ours links, exports and asks of a system.
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';

const LINKED = /^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/;
const EXPORTED = /^(gld_engine_query|napi_register_module_v1|node_api_module_get_api_version_v1)$/;

const lines = (program: string, args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }).split('\n');

export function newestVersion(versions: string[]): string {
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? 'none';
}

/** What a library links, and the names that it exports. */
export function describeBinary(path: string): { linked: string[]; exported: string[] } {
  const linked = lines('readelf', ['-dW', path]).flatMap((line) => /\(NEEDED\).*\[(.*)\]/.exec(line)?.[1] ?? []);
  const exported = lines('objdump', ['-T', path]).flatMap(
    (line) => /^\S+ g\s.*(?<!\*UND\*.*)\s(\S+)$/.exec(line)?.[1] ?? [],
  );
  return { linked, exported };
}

/** Throws if a binary needs what a plain Linux with Node.js lacks, or exports more than its door. */
export function checkBinary(path: string): { bytes: number; glibc: string } {
  const { linked, exported } = describeBinary(path);
  const stray = linked.filter((name) => !LINKED.test(name));
  if (stray.length > 0) throw new Error(`${path}: links ${stray.join(', ')}, which a user's machine may lack`);

  const versions = lines('objdump', ['-T', path]).flatMap(
    (line) => /\b(GLIBC|GLIBCXX|CXXABI)_[\d.]+/.exec(line)?.[0] ?? [],
  );
  const runtime = versions.filter((version) => !version.startsWith('GLIBC_'));
  if (runtime.length > 0)
    throw new Error(`${path}: asks for ${newestVersion(runtime)} of a C++ runtime that should be inside it`);

  const open = exported.filter((name) => !EXPORTED.test(name));
  if (open.length > 0) throw new Error(`${path}: exports ${open.slice(0, 5).join(', ')}`);
  return { bytes: statSync(path).size, glibc: newestVersion(versions) };
}
