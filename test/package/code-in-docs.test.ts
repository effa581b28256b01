// The TypeScript in the documents: it compiles in strict mode, runs, and prints what it says.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import ts from 'typescript';
import { at, root } from '../../tools/support.js';
import { blocks, read } from '../docs/markdown.js';

/** What a block says that it prints: the comment after each console.log. */
const promised = (code: string) =>
  [...code.matchAll(/console\.log\(.*\);? \/\/ (.*)$/gm)].map(([, comment]) => comment);

const pages = ['README.md', 'docs/guide.md', 'docs/pytorch.md', 'docs/errors.md', 'docs/install.md', 'docs/gpu.md'];
const examples = pages.flatMap((page) =>
  blocks(read(page), 'ts').map((code, i) => ({ code, name: `${page}, block ${i + 1}` })),
);

t.test('every page has code', async (t) => {
  for (const page of pages) t.ok(blocks(read(page), 'ts').length > 0, page);
});

t.test('strict TypeScript', async (t) => {
  const folder = t.testdir();
  const files = examples.map(({ code }, i) => {
    const file = join(folder, `${i}.ts`);
    writeFileSync(file, code);
    return file;
  });
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    types: ['node'],
    strict: true,
    skipLibCheck: true, // tfjs's own declarations need DOM types that it does not bring along
    noEmit: true,
  });
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, start, messageText }) =>
        `${file?.text.slice(start, (start ?? 0) + 40)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  t.same(messages, []);
});

function runs(t: Test, code: string): void {
  const file = join(t.testdir(), 'example.ts');
  writeFileSync(file, code);
  const child = spawnSync(process.execPath, ['--import', 'tsx', file], { cwd: root, encoding: 'utf8' });
  t.equal(child.status ?? child.signal, 0, child.stderr);
  const printed = child.stdout.split('\n').filter((line) => line !== '');
  const expected = promised(code);
  if (expected.length === 0) return;
  t.ok(printed.length >= expected.length, 'prints at least what it says');
  t.ok(
    printed.every((line, i) => line === expected[Math.min(i, expected.length - 1)]),
    `prints ${printed.join(' / ')}`,
  );
}

for (const { code, name } of examples) t.test(name, async (t) => runs(t, code));

t.test('the loss in PyTorch is the one that the benchmarks run', async (t) => {
  const [code = ''] = blocks(read('docs/pytorch.md'), 'python');
  t.match(read('benchmarks/contenders/pytorch/gld.py'), code);
  t.ok(code.includes('def gld('), at('docs/pytorch.md'));
});
