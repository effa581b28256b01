// Builds what is missing or was made of other sources. Usage: tsx tools/ensure-built.ts [ts] [native]   (both by default)
import { isBuilt, parts } from './state.js';
import { run, tool } from './support.js';

const builders = {
  ts: { what: 'lib/ to dist/, and the GPU checks', build: 'tools/build-ts.ts' },
  native: { what: 'the native addon (minutes the first time)', build: 'tools/build-native.ts' },
};

tool(() => {
  const asked = process.argv.slice(2);
  for (const name of ['ts', 'native'] as const) {
    if ((asked.length > 0 && !asked.includes(name)) || isBuilt(parts[name])) continue;
    const { what, build } = builders[name];
    console.log(`gld-loss: building ${what}`);
    run('tsx', [build]);
  }
});
