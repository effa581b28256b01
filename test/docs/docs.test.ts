// The documents against the repository: links lead somewhere, files and scripts that are named exist, names are in the files
// that they are said to be in, the error bounds are those of the tests, and the code about frameworks runs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { root } from '../../tools/support.js';
import { claims, codeNames, declares, fileNames } from './placed-names.js';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
];
const withoutCode = (text: string) => text.replace(/^```.*?^```$/gms, '');

/** The anchors of a document's headings, as GitHub makes them. */
function anchors(path: string): string[] {
  return [...withoutCode(read(path)).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const folders = ['csrc', 'lib', 'test', 'tools', 'examples', 'benchmarks', 'docs'];
const files = [
  ...readdirSync(root),
  ...folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  ),
];
/** The files of that name: its folder may be left out. */
const filesOf = (name: string) => files.filter((file) => file === name || file.endsWith(`/${name}`));

/** All words of the sources; what a document alone calls something is none of them. */
const words = new Set(
  files
    .filter((file) => /\.(c?ts|cjs|mjs|cpp|h|cuh?|py|json|gypi?|txt)$/.test(file) && !file.includes('/results/'))
    .flatMap((file) => read(file).match(/\w+/g) ?? []),
);

/** What a document says of names that is not so. */
const misplaced = (text: string, sourcesOf: (path: string) => string[]): string[] =>
  claims(text)
    .filter(({ name, paths }) => !paths.flatMap(sourcesOf).some((source) => declares(source, name)))
    .map(({ name, paths }) => `${name} in ${paths.join(' or ')}`);

for (const path of documents) {
  t.test(path, async (t) => {
    const text = read(path);
    for (const [, target] of withoutCode(text).matchAll(/\]\((?!https:)([^)\s]+)\)/g)) {
      const [file, anchor] = target.split('#');
      const to = file === '' ? path : join(dirname(path), file);
      if (!t.ok(existsSync(join(root, to)), `link to ${target}`)) continue;
      if (anchor !== undefined) t.ok(anchors(to).includes(anchor), `anchor ${target}`);
    }
    for (const [, name] of text.matchAll(
      /`((?:csrc|lib|test|tools|examples|benchmarks|docs|\.ci)\/[\w./-]+|[\w-]+\.gyp|CMakeLists\.txt)`/g,
    )) {
      t.ok(existsSync(join(root, name)), name);
    }
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    for (const name of fileNames(text)) t.ok(filesOf(name).length > 0, name);
    const sourcesOf = (name: string) => filesOf(name).map(read);
    t.same(misplaced(text, sourcesOf), [], 'names are in the files that they are said to be in');
    t.same(
      codeNames(text).filter((name) => !words.has(name)),
      [],
      'names of code that exist',
    );
    for (const [, name] of text.matchAll(/npm run ([\w:]+)/g)) t.ok(Object.hasOwn(scripts, name), `npm run ${name}`);
  });
}

t.test('the table of tests has all of their folders', async (t) => {
  const [, table] = read('CONTRIBUTING.md').split('| folder | subject |');
  const listed = [...table.split('\n\n')[0].matchAll(/^\| `([\w/-]+)` \|/gm)].map(([, folder]) => folder);
  const tests = files.filter((file) => /^test\/.+\/[^/]+\.test\.ts$/.test(file)).map(dirname);
  t.same(listed.sort(), [...new Set(tests)].sort());
});

t.test('what a document says of names is understood in all its forms', async (t) => {
  const sources: Record<string, string> = {
    'a.ts': 'export function here(x) {\n  return used(x); // aside\n}\nconst table = { key: 1 };',
    'b.cpp': 'gld_status wrapped_and_long\n    guard(int x) {\n  return used(x);\n}\n#define FIELDS(X) X(field)\n',
  };
  const told = (text: string) => misplaced(text, (path) => (path in sources ? [sources[path]] : []));
  for (const right of [
    '`here` in `a.ts`',
    '`here()`, `table` and `key` of [`a.ts`](a.ts)',
    'it ends at `guard` (`b.cpp`), and `b.cpp` (`FIELDS`)',
    'first\n`field` and\nthen `guard`, both in `b.cpp`',
    '1. `a.ts`: an entry in `table`, and\n2. `b.cpp`: another in `FIELDS`',
    '`here` in `a.ts` or `b.cpp`',
    '| file | names |\n|---|---|\n| `b.cpp` | `guard`, and `field` |',
    '| names | x |\n|---|---|\n| `gone` | `a.ts` |',
    'the `gone` one; `a.ts` has others',
    '```\n`gone` in `a.ts`\n```',
  ]) {
    t.same(told(right), [], right);
  }
  for (const [wrong, ...names] of [
    ['`used` in `a.ts`', 'used in a.ts'],
    ['`used` in `b.cpp`', 'used in b.cpp'],
    ['`aside` in `a.ts`', 'aside in a.ts'],
    ['`here`, `gone` and `guard`\nin `a.ts`', 'gone in a.ts', 'guard in a.ts'],
    ['`here` in `c.ts`', 'here in c.ts'],
    ['at `gone` (`a.ts`) and `b.cpp` (`lost`)', 'gone in a.ts', 'lost in b.cpp'],
    ['say in `gone` what it is, and in `here`, both in [**`a.ts`**](a.ts)', 'gone in a.ts'],
    ['- `a.ts`: an entry in `FIELDS`', 'FIELDS in a.ts'],
    ['| file | names |\n|---|---|\n| `b.cpp` | `here`, `guard` |', 'here in b.cpp'],
  ]) {
    t.same(told(wrong), names, wrong);
  }
  t.same(codeNames('`aB`, `a_b`, `A_B`, `plain`, `_v3` and `not code`'), ['aB', 'a_b', 'A_B']);
});

t.test('the error bounds are those that the tests demand', async (t) => {
  const bounds = [...read('docs/mathematics.md').matchAll(/^\| .* \| (`test\/[^|]*`) \| (.*) \|$/gm)];
  t.ok(bounds.length >= 9);
  for (const [, files, numbers] of bounds) {
    const tests = [...files.matchAll(/`([^`]*)`/g)].map(([, file]) => read(file));
    for (const [number] of numbers.matchAll(/\d+e-\d+/g)) {
      t.ok(
        tests.every((source) => new RegExp(`\\b${number}\\b`).test(source)),
        `${number} in ${files}`,
      );
    }
  }
});

/** What the examples in docs/frameworks.md take for granted, section by section, and what has to come of them. */
const sections: Record<string, { given: string; result: string }> = {
  '## TensorFlow.js: `gld-loss/tfjs`': {
    given: `
      await tf.setBackend('cpu');
      const images = tf.randomNormal([2, 5]);
      const labels = tf.tensor1d([0, 2], 'int32');
      const teacher = { logits: tf.randomNormal([2, 5, 3]) };
      const dense = tf.variable(tf.randomNormal([5, 32]));
      const weight = tf.variable(tf.randomNormal([2, 3]));
      const bias = tf.variable(tf.zeros([3]));
      const network = (x) => tf.reshape(tf.matMul(x, dense), [2, 4, 4, 2]);
      const features = network(images);
      const optimizer = tf.train.sgd(0.1);
      const varList = [dense, weight, bias];
      const { signal } = new AbortController();
      const before = dense.dataSync().slice();`,
    result: 'dense.dataSync().some((value, i) => value !== before[i])',
  },
  '## jax-js: `gld-loss/jax`': {
    given: `
      const normal = (seed, shape) => jax.random.normal(jax.random.key(seed), shape);
      const images = normal(1, [2, 5]);
      const labels = jax.numpy.array(Int32Array.of(0, 2));
      const teacher = { logits: normal(2, [2, 5, 3]) };
      const parameters = { dense: normal(3, [5, 32]), weight: normal(4, [3, 2]), bias: normal(5, [3]) };
      const network = (p, x) => {
        const features = jax.numpy.matmul(x, p.dense).reshape([2, 2, 4, 4]);
        return features;
      };
      const teacherParameters = teacher;
      const teacherForward = (p, x) => {
        x.dispose();
        return p;
      };
      const studentLogits = (p, x) => jax.numpy.matmul(network(p, x).mean([2, 3]), p.weight.transpose()).add(p.bias);
      const batches = Array.from({ length: 3 }, () => ({ images: images.ref, labels: labels.ref }));`,
    result: `state.step === 3 && Object.values(parameters).every(({ refCount }) => refCount === 1) && (await (async () => {
      const same = jax.numpy.abs(compiled.dense.sub(gldLoss(forward, [tree.ref(parameters), images.ref],
        { teacher: tree.ref(teacher), labels: labels.ref }).gradients[0].dense)).max().item() < 1e-4;
      return same && loss > 0 && terms.task > 0 && dImages.shape.join() === '2,5' && dParameters.bias.shape.join() === '3';
    })())`,
  },
  '## Any other framework: `gld-loss/surrogate`': {
    given: `const logits = { data: Float32Array.from({ length: 30 }, (_, i) => Math.sin(i)), shape: [2, 5, 3] };`,
    result: 'w.grad.flat().some((value) => value !== 0)',
  },
};

for (const [heading, { given, result }] of Object.entries(sections)) {
  t.test(`the code in docs/frameworks.md runs: ${heading}`, async (t) => {
    const [, section] = read('docs/frameworks.md').split(`\n${heading}\n`);
    const [first, ...rest] = [...section.split('\n## ')[0].matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
    t.ok(rest.length > 0);
    const file = join(t.testdir(), 'frameworks.mjs');
    writeFileSync(file, [first, given, ...rest, `console.log(${result});`].join('\n'));
    const child = spawnSync(process.execPath, [file], { cwd: root, encoding: 'utf8' });
    t.equal(child.status ?? child.signal, 0, child.stderr);
    t.equal(child.stdout.trim().split('\n').at(-1), 'true');
  });
}
