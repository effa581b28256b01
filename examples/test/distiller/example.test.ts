/** The example of the distiller trains, says how well, and saves a model that can be loaded. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { tf, useBackend } from '../../tfjs/backend.js';

t.test('examples/distiller', async (t) => {
  const main = join(import.meta.dirname, '../../distiller/main.ts');
  const folder = join(t.testdir(), 'student');
  const options = ['--epochs', '1', '--images', '48', '--save', folder];
  const args = ['--import', import.meta.resolve('tsx'), main, ...options];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.equal(child.status ?? child.signal, 0, child.stderr);
  const lines = child.stdout.trim().split('\n').slice(1, -1);
  const names = lines.map((line) => /^(.*?) +\d+ parameters +\d+\.\d %/.exec(line)?.[1]);
  t.same(names, ['teacher', 'student, labels', 'student, distilled']);

  await useBackend('wasm');
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
  const weights = readFileSync(join(folder, 'weights.bin'));
  const weightData = weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength);
  const weightSpecs = weightsManifest[0].weights;
  const model = await tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
  t.equal(model.outputs[0].shape[1], 3);
});
