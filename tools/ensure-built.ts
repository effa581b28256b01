// Builds what is missing or older than its sources. Usage: tsx tools/ensure-built.ts [ts] [native]   (both by default)
import { at, newest, run, tool } from './support.js';

const parts = {
  ts: {
    sources: [
      'lib',
      'tsconfig.base.json',
      'tsconfig.esm.json',
      'tsconfig.cjs.json',
      'tsconfig.check.json',
      'benchmarks',
      'test/reference',
      'test/support',
    ],
    products: ['dist/esm/package.json', 'dist/cjs/package.json', 'build/check/.complete'],
    build: 'tools/build-ts.ts',
  },
  native: {
    sources: ['csrc', 'CMakeLists.txt', 'package.json'],
    products: ['build/Release/.complete'],
    build: 'tools/build-native.ts',
  },
};

tool(() => {
  const asked = process.argv.slice(2);
  for (const [name, { sources, products, build }] of Object.entries(parts)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const oldest = Math.min(...products.map((path) => newest(at(path))));
    if (oldest > newest(...sources.map((path) => at(path)))) continue;
    const what = name === 'ts' ? 'lib/ to dist/, and the GPU checks' : 'the native addon (minutes the first time)';
    console.log(`gld-loss: building ${what}`);
    run('tsx', [build]);
  }
});
