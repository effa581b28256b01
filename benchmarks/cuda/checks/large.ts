/** Sizes whose indices pass 2^31. */
import { CudaTensor, pool } from 'gld-loss';
import { pool as poolReference } from '../../../test/reference/pool.js';
import { arrayError } from '../../../test/support/compare.js';
import { toBfloat16, fromBfloat16 } from '../../../test/support/half.js';
import { Random } from '../../../test/support/random.js';
import type { Check } from './index.js';

// 2^31 elements and some of bfloat16, in samples that are all the same: only where they lie differs.
const map = { samples: 1, channels: 1024, height: 32, width: 32 };
const perSample = map.channels * map.height * map.width;
const samples = 2 ** 31 / perSample + 3;
const needed = 2.5 * 2 * samples * perSample;

export const largeChecks: Check[] = [
  {
    group: 'large', name: 'a map of more than 2^31 elements', quick: false,
    skip({ facts }) {
      if (facts.kind !== 'gpu') return 'for a GPU with the memory for it';
      const { memoryBytes = 0 } = facts;
      return memoryBytes < needed ? `needs ${(needed / 1e9).toFixed(0)} GB of device memory, there are ${(memoryBytes / 1e9).toFixed(0)}` : undefined;
    },
    async run(judge, target) {
      const random = new Random(31);
      const one = Uint16Array.from({ length: perSample }, () => toBfloat16(random.normal()));
      const device = { device: target.device as `cuda:${number}` };
      const data = new Uint16Array(samples * perSample);
      for (let at = 0; at < samples; at++) data.set(one, at * perSample);
      const features = CudaTensor.from({ data, shape: [samples, map.channels, map.height, map.width], dtype: 'bfloat16' }, device);
      const { pooled } = pool({ features }, { device: target.device });
      const { data: rows } = (pooled as unknown as CudaTensor).toHost() as { data: Float32Array };
      const expected = poolReference(Float64Array.from(one, fromBfloat16), map, { rows: 2, cols: 2 });
      const size = expected.length;
      judge.add('the first sample', arrayError(rows.subarray(0, size), expected), 1e-6, `${samples} samples`);
      for (let at = 1; at < samples; at++) {
        const same = rows.subarray(at * size, (at + 1) * size).every((value, i) => value === rows[i]);
        judge.ok(same, `sample ${at} differs from the first, with which it shares every element`);
      }
      features.dispose();
      (pooled as unknown as CudaTensor).dispose();
    },
  },
];
