// Checks every folder of prebuilds/: all binaries there and within the size budgets, nothing linked that a plain Linux with
// Node.js lacks, only their doors exported. Prints the newest glibc symbol version, which is the floor for users.
//
// The CUDA engine goes along where there was an nvcc to build it: it needs nothing but a driver, and a package that had to
// download it, or to be compiled again for it, would serve nobody better. Its size has a budget of its own.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { at, binaries, cudaEngine, tool } from './support.js';

const BUDGET = 5e6; // bytes per platform, without CUDA
const CUDA_BUDGET = 20e6;
const LINKED = /^(libc\.so\.6|libm\.so\.6|libgcc_s\.so\.1|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/;
const EXPORTED = /^(gld_engine_query|gld_device_engine_query|napi_register_module_v1|node_api_module_get_api_version_v1)$/;

const lines = (program: string, args: string[]) => execFileSync(program, args, { encoding: 'utf8' }).split('\n');

function newestVersion(versions: string[]): string {
  return versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? 'none';
}

/** Checks one binary; returns its size in bytes and the newest glibc version that it asks for. */
export function check(path: string): { bytes: number; glibc: string } {
  const linked = lines('readelf', ['-dW', path]).flatMap((line) => /\(NEEDED\).*\[(.*)\]/.exec(line)?.[1] ?? []);
  const stray = linked.filter((name) => !LINKED.test(name));
  if (stray.length > 0) throw new Error(`${path}: links ${stray.join(', ')}, which a user's machine may lack`);

  const symbols = lines('objdump', ['-T', path]);
  const versions = symbols.flatMap((line) => /\b(GLIBC|GLIBCXX|CXXABI)_[\d.]+/.exec(line)?.[0] ?? []);
  const runtime = versions.filter((version) => !version.startsWith('GLIBC_'));
  if (runtime.length > 0) throw new Error(`${path}: asks for ${newestVersion(runtime)} of a C++ runtime that should be inside it`);

  const exported = symbols.flatMap((line) => (/^\S+ g\s.*(?<!\*UND\*.*)\s(\S+)$/.exec(line)?.[1] ?? []));
  const open = exported.filter((name) => !EXPORTED.test(name));
  if (open.length > 0) throw new Error(`${path}: exports ${open.slice(0, 5).join(', ')}`);
  return { bytes: statSync(path).size, glibc: newestVersion(versions) };
}

tool(() => {
  const platforms = existsSync(at('prebuilds')) ? readdirSync(at('prebuilds')) : [];
  if (platforms.length === 0) throw new Error('prebuilds/ is empty: run `npm run prebuilds` first');
  for (const platform of platforms) {
    const folder = at('prebuilds', platform);
    const [addon = '', ...engines] = binaries(platform.split('-')[1] ?? '');
    const expected = [addon.replace(/^gld_loss\.node$/, 'gld-loss.glibc.node'), ...engines].sort();
    const present = readdirSync(folder).sort();
    if (present.filter((name) => name !== cudaEngine).join() !== expected.join()) {
      throw new Error(`prebuilds/${platform}: expected ${expected.join(', ')}; found ${present.join(', ')}`);
    }
    const facts = present.map((name) => ({ name, ...check(join(folder, name)) }));
    for (const { name, bytes, glibc } of facts) {
      console.log(`${platform}  ${name.padEnd(26)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB  ${glibc}`);
    }
    const sum = (cuda: boolean) => facts.filter(({ name }) => (name === cudaEngine) === cuda).reduce((all, { bytes }) => all + bytes, 0);
    const [total, cuda] = [sum(false), sum(true)];
    const glibc = newestVersion(facts.map((fact) => fact.glibc));
    console.log(`${platform}  total ${(total / 1e6).toFixed(2)} MB of ${BUDGET / 1e6}; needs ${glibc}`);
    console.log(`${platform}  ${cuda > 0 ? `CUDA ${(cuda / 1e6).toFixed(2)} MB of ${CUDA_BUDGET / 1e6}` : 'no CUDA engine: it was built without nvcc'}`);
    if (total > BUDGET) throw new Error(`prebuilds/${platform}: ${total} bytes exceed the budget of ${BUDGET}`);
    if (cuda > CUDA_BUDGET) throw new Error(`prebuilds/${platform}: the CUDA engine's ${cuda} bytes exceed the budget of ${CUDA_BUDGET}`);
  }
});
