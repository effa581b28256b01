// A bounded run of tools/fuzz.ts: always the same seeds, so that a failure can be made again with the line it prints.
import t from 'tap';
import { fuzz } from '../../tools/fuzz.js';

t.test('random calls, right and broken', async (t) => {
  const { cases, results, errors, failures } = await fuzz({ seed: 1, cases: 6000, seconds: 120 });
  t.same(failures, []);
  t.ok(cases >= 500, `${cases} cases`);
  t.ok(results > cases / 5, `${results} results`);
  const codes = [
    'ARG_TYPE',
    'DTYPE',
    'RANK',
    'SHAPE',
    'CLASSES',
    'GRID',
    'LABEL',
    'OPTION',
    'STRIDE',
    'DETACHED',
    'SHORT',
    'OVERLAP',
    'ADAPTER',
    'DEVICE',
  ];
  for (const code of codes) t.ok((errors[`ERR_GLD_${code}`] ?? 0) > 0, `ERR_GLD_${code} came up`);
});
