/** What nvcc made of the CUDA engine: registers and spills of every kernel, size, what it links and exports. */
import { existsSync, statSync } from 'node:fs';
import t from 'tap';
import { checkBinary, describeBinary } from '../../tools/binary.js';
import { parseReport, readReports, reportText, shortName } from '../../tools/cuda-report.js';
import { at, cudaEngine } from '../../tools/support.js';

const library = at('build/Release', cudaEngine);
const kernels = readReports();
const missing = kernels.length > 0 && existsSync(library) ? false : 'there was no nvcc when this was built';

t.test('resources', { skip: missing }, async (t) => {
  t.comment(reportText(kernels, statSync(library).size));
  const archs = [...new Set(kernels.map(({ arch }) => arch))];
  t.ok(archs.length >= 1 && archs.every((arch) => /^sm_\d+$/.test(arch)), archs.join(' '));
  const spilling = kernels.filter(({ spillStores, spillLoads }) => spillStores + spillLoads > 0);
  t.same(spilling, [], 'no kernel spills registers');
  // A stack of its own is an array that the compiler could not keep in registers, or a call that it could not inline.
  const many = kernels.filter(({ registers, shared }) => registers > 255 || shared > 48 << 10);
  t.same(many, [], 'static shared memory fits every GPU');
});

t.test('the library', { skip: missing }, async (t) => {
  const { bytes, glibc } = checkBinary(library);
  t.ok(bytes <= 20e6, `${(bytes / 1e6).toFixed(2)} MB of 20, needs ${glibc}`);
  const { linked, exported } = describeBinary(library);
  t.notOk(
    linked.some((name) => /cuda|cublas|nvidia/i.test(name)),
    `links nothing of CUDA, not even the driver: ${linked.join(' ')}`,
  );
  t.same(exported, ['gld_engine_query']);
});

t.test('the report', async (t) => {
  const text = [
    'ptxas info    : 0 bytes gmem',
    "ptxas info    : Compiling entry function '_ZN3gld4cuda4rowsIfEEvPKi' for 'sm_80'",
    'ptxas info    : Function properties for _ZN3gld4cuda4rowsIfEEvPKi',
    '    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads',
    'ptxas info    : Used 40 registers, used 1 barriers, 8192 bytes smem, 400 bytes cmem[0]',
    "ptxas info    : Compiling entry function 'other' for 'sm_90'",
    'ptxas info    : Used 12 registers, 368 bytes cmem[0]',
    '',
  ].join('\n');
  const parsed = parseReport('rows.cu', text);
  t.same(parsed, [
    {
      source: 'rows.cu',
      name: 'rows<float>',
      arch: 'sm_80',
      registers: 40,
      shared: 8192,
      stack: 16,
      spillStores: 4,
      spillLoads: 8,
    },
    {
      source: 'rows.cu',
      name: 'other',
      arch: 'sm_90',
      registers: 12,
      shared: 0,
      stack: 0,
      spillStores: 0,
      spillLoads: 0,
    },
  ]);
  t.match(
    reportText(parsed, 1.5e6),
    /1\.50 MB, 2 kernels for sm_80, sm_90[\s\S]*rows\.cu +rows<float> +40 +8192 +16 +12\n/,
  );
  t.equal(
    shortName('void gld::cuda::(anonymous namespace)::kernel<float, (int)4, true>(long, float*)'),
    'kernel<float, 4, true>',
  );
});
