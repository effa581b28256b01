/** What needs the native library, and what does not: there is none at first, and then there is. With 'worker', in a worker. */
import { readFileSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';

const loaded = () => readFileSync('/proc/self/maps', 'utf8').includes('libgld_');

async function outcomeOf(call) {
  try {
    await call();
    return 'none';
  } catch ({ code, reason }) {
    return reason === undefined ? code : `${code} ${reason}`;
  }
}

async function main() {
  const { GLD_LOSS_PREBUILD: found = '' } = process.env;
  process.env.GLD_LOSS_PREBUILD = '/nowhere';
  const gld = await import('gld-loss');
  await Promise.all(['tfjs', 'jax', 'surrogate'].map((name) => import(`gld-loss/${name}`)));
  const logits = { data: Float32Array.from({ length: 6 }, Math.sin), shape: [2, 3] };
  const inputs = { teacher: { logits }, student: { logits } };
  const kept = new gld.GldLoss();
  const needs = {
    loadEngine: () => gld.loadEngine(),
    deviceInfo: () => gld.deviceInfo(),
    gldLoss: () => gld.gldLoss(inputs),
    gldLossAsync: () => gld.gldLossAsync(inputs),
    compute: () => kept.compute(inputs),
    computeAsync: () => kept.computeAsync(inputs),
    relation: () => gld.relation({ teacher: logits, student: logits }),
    CudaTensor: () => gld.CudaTensor.empty([4]),
    "device: 'cuda'": () => new gld.GldLoss({ device: 'cuda' }),
  };
  const missing = {};
  for (const [name, need] of Object.entries(needs)) missing[name] = await outcomeOf(need);
  const before = loaded();
  process.env.GLD_LOSS_PREBUILD = found;
  process.env.GLD_LOSS_THREADS = '0';
  const wrongVariable = await outcomeOf(needs.gldLoss);
  process.env.GLD_LOSS_THREADS = '2';
  const right = await outcomeOf(needs.compute);
  const { threads } = gld.deviceInfo().cpu;
  console.log(JSON.stringify({ missing, before, wrongVariable, right, after: loaded(), threads }));
}

if (isMainThread && process.argv.includes('worker')) new Worker(new URL(import.meta.url), { argv: [] });
else await main();
