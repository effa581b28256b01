// Checks every folder of prebuilds/: all binaries there and within the size budgets, nothing linked that a plain Linux with
// Node.js lacks, only their doors exported. Prints the newest glibc symbol version, which is the floor for users.
//
// The CUDA engine goes along where there was an nvcc to build it: it needs nothing but a driver, and a package that had to
// download it, or to be compiled again for it, would serve nobody better. Its size has a budget of its own.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkBinary, newestVersion } from './binary.js';
import { at, binaries, cudaEngine, tool } from './support.js';

const BUDGET = 5e6; // bytes per platform, without CUDA
const CUDA_BUDGET = 20e6;

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
    const facts = present.map((name) => ({ name, ...checkBinary(join(folder, name)) }));
    for (const { name, bytes, glibc } of facts) {
      console.log(`${platform}  ${name.padEnd(26)} ${(bytes / 1e6).toFixed(2).padStart(6)} MB  ${glibc}`);
    }
    const total = facts.reduce((sum, { name, bytes }) => sum + (name === cudaEngine ? 0 : bytes), 0);
    const cuda = facts.find(({ name }) => name === cudaEngine)?.bytes ?? 0;
    const glibc = newestVersion(facts.map((fact) => fact.glibc));
    const ofCuda = `${(cuda / 1e6).toFixed(2)} MB of ${CUDA_BUDGET / 1e6}`;
    console.log(`${platform}  total ${(total / 1e6).toFixed(2)} MB of ${BUDGET / 1e6}; needs ${glibc}`);
    console.log(`${platform}  ${cuda > 0 ? `CUDA ${ofCuda}` : 'no CUDA engine: it was built without nvcc'}`);
    if (total > BUDGET) throw new Error(`prebuilds/${platform}: ${total} bytes exceed the budget of ${BUDGET}`);
    if (cuda > CUDA_BUDGET) {
      throw new Error(`prebuilds/${platform}: the CUDA engine's ${cuda} bytes exceed the budget of ${CUDA_BUDGET}`);
    }
  }
});
