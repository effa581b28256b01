/** What docs/gpu.md says that each engine computes is what the engines say. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { isComplete, loadBuild, page, questionsOf, tableOf, withTable } from '../../tools/capabilities.js';
import { run } from '../support/descriptor.js';

const native = loadBuild();
const skip = isComplete(native) ? false : `the CUDA engine is not there to be asked: ${native.devices()}`;

t.test('the table of docs/gpu.md is made of what the engines say', { skip }, async (t) => {
  const text = readFileSync(page, 'utf8');
  t.equal(withTable(text, tableOf(native)), text, '`npm run capabilities -- --write` makes it');
});

t.test('the CPU computes what it says, and nothing else', async (t) => {
  for (const { what, stage, call, onCpu } of questionsOf(native)) {
    const compute = () => run(native, stage, call.fields, call.roles);
    if (onCpu) t.doesNotThrow(compute, `${stage}, ${what}`);
    else t.throws(compute, { code: /^ERR_GLD_(DTYPE|OPTION)$/ }, `${stage}, ${what}`);
  }
});
