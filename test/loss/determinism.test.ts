/** The same input gives the same bits, whatever the threads, the place of the buffers and the way of calling. */
import t from 'tap';
import { runChild } from '../support/child.js';

type Digests = { [call: string]: string[] };

const pools = ['7', '1', '4'];
const digests = pools.map((threads) => runChild('digests.ts', [], { GLD_LOSS_THREADS: threads }) as Digests);
const [first] = digests;

for (const [index, calls] of digests.entries()) {
  t.test(`a pool of ${pools[index]}`, async (t) => {
    t.same(Object.keys(calls), Object.keys(first));
    for (const [call, all] of Object.entries(calls)) {
      t.ok(all.length > 1 && all.every((digest) => digest === first[call][0]), `${call}: ${all.length} results`);
    }
  });
}
