// A teacher's outputs in a file: what is read is what was computed; a file that is not what it should be is computed again,
// with the reason; an interrupted one is gone on with.
import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Batch, loadDataset, Rng } from '../../data/index.js';
import { type CacheEntry, cachedTeacher, dataDigest, fillCache } from '../../teachers/cache.js';
import { networkTeacher } from '../../teachers/network.js';
import { logitRows } from '../../teachers/logits.js';
import { type Form, sideOf, type Teacher } from '../../teachers/types.js';
import { useBackend } from '../../tfjs/backend.js';
import { buildNetwork } from '../../tfjs/networks.js';

const size = 150;
const data = await loadDataset('shapes', { seed: 1, trainSize: size, testSize: 4 });
const key = { model: 'a', data: await dataDigest(data), options: 'c' };

/** Outputs that tell which image they belong to, and how often they were asked for. */
function counting(form: Form = { kind: 'logits', shape: [1, 10] }): Teacher & { images: number } {
  const teacher = {
    form,
    images: 0,
    async outputs({ positions, size }: Batch) {
      teacher.images += size;
      return Float32Array.from({ length: size * 10 }, (_, i) => positions[Math.floor(i / 10)] + (i % 10) / 10);
    },
    dispose: () => Promise.resolve(),
  };
  return teacher;
}

async function fill(entry: CacheEntry, teacher: Teacher, stopped = () => false, views = 1) {
  const notes: string[] = [];
  const done = await fillCache(entry, () => Promise.resolve(teacher), {
    train: data.train,
    views,
    grid: [2, 2],
    title: 'test',
    stopped,
    note: (text) => notes.push(text),
  });
  return { done, notes: notes.join('\n') };
}

async function open(t: Test, entry: CacheEntry): Promise<Teacher> {
  const teacher = await cachedTeacher(entry, data.train);
  if (typeof teacher === 'string') throw new Error(teacher);
  t.teardown(() => teacher.dispose());
  return teacher;
}

const entryIn = (t: Test, name: string): CacheEntry => ({ folder: join(t.testdir(), name), teacher: 'some net', key });
const only = ({ folder }: CacheEntry) => join(folder, readdirSync(folder)[0]);

t.test('what is read is what was computed, in any order and in any view', async (t) => {
  await useBackend('wasm');
  const network = buildNetwork('cnn3', { input: [16, 16, 3], classes: 10, scope: 'teacher', rng: new Rng(1) });
  const teacher = networkTeacher(network);
  const entry = entryIn(t, 'a');
  t.match(await fill(entry, teacher, undefined, data.train.views), {
    done: true,
    notes: /has none of this teacher for these images/,
  });
  t.match(readdirSync(entry.folder), [/^some_net-[0-9a-f]{12}\.outputs$/]);
  const stored = await open(t, entry);
  t.same(stored.form, { kind: 'logits', shape: [5, 10] }, 'the logits of the image and of its cells');
  for (const augment of [undefined, new Rng(6)]) {
    for await (const batch of data.train.batches({ batchSize: 40, shuffle: new Rng(5), augment })) {
      const expected = logitRows(sideOf(teacher.form, await teacher.outputs(batch), batch.size), [2, 2]);
      const got = await stored.outputs(batch);
      // Products over other numbers of rows may round the last bit otherwise.
      t.ok(got.length === expected.length && got.every((value, i) => Math.abs(value - expected[i]) < 1e-6));
    }
  }
  await teacher.dispose();
});

t.test('it is computed once', async (t) => {
  const entry = entryIn(t, 'a');
  const teacher = counting();
  await fill(entry, teacher);
  t.same(await fill(entry, teacher), { done: true, notes: '' });
  t.equal(teacher.images, size);
});

t.test('another model, other images, other options: each has its own file, and the reason is said', async (t) => {
  const entry = entryIn(t, 'a');
  await fill(entry, counting());
  const reasons = { model: /another model/, data: /other images/, options: /other options of the teacher/ };
  for (const [name, reason] of Object.entries(reasons)) {
    const other = { ...entry, key: { ...key, [name]: 'x' } };
    t.match(await cachedTeacher(other, data.train), /it is not there/);
    const teacher = counting();
    t.match((await fill(other, teacher)).notes, reason);
    t.equal(teacher.images, size);
  }
  t.equal(readdirSync(entry.folder).length, 4);
  // A file under another's name is not taken for it.
  const [first, second] = readdirSync(entry.folder).map((file) => join(entry.folder, file));
  writeFileSync(first, readFileSync(second));
  const outcomes = await Promise.all(
    [entry, ...Object.keys(reasons).map((name) => ({ ...entry, key: { ...key, [name]: 'x' } }))].map((one) =>
      cachedTeacher(one, data.train),
    ),
  );
  t.equal(outcomes.filter((outcome) => typeof outcome === 'string' && outcome.startsWith('it belongs to')).length, 1);
  for (const outcome of outcomes) if (typeof outcome !== 'string') await outcome.dispose();
});

t.test('damaged files are computed again', async (t) => {
  const damages: Record<string, [(path: string) => void, RegExp]> = {
    header: [(path) => overwrite(path, 0, 'x'), /its header is damaged/],
    short: [(path) => truncateSync(path, 5000), /it has 5000 bytes and not/],
    tiny: [(path) => truncateSync(path, 50), /it ends after 50 bytes/],
    long: [(path) => appendFileSync(path, 'x'), /it has \d+ bytes and not/],
    record: [(path) => overwrite(path, 4096 + 777, '\x07'), /does not match its digest/],
  };
  for (const [what, [damage, reason]] of Object.entries(damages)) {
    const entry = entryIn(t, what);
    await fill(entry, counting());
    const before = readFileSync(only(entry));
    damage(only(entry));
    const teacher = counting();
    t.match((await fill(entry, teacher)).notes, reason, what);
    t.equal(teacher.images, size);
    t.ok(before.equals(readFileSync(only(entry))), `${what}: the file is as it was`);
  }
});

function overwrite(path: string, at: number, text: string): void {
  const bytes = readFileSync(path);
  bytes.write(text, at, 'latin1');
  writeFileSync(path, bytes);
}

t.test('an interrupted one is gone on with, a damaged part is not', async (t) => {
  const whole = entryIn(t, 'whole');
  await fill(whole, counting());
  const expected = readFileSync(only(whole));

  const entry = entryIn(t, 'stopped');
  t.match(await fill(entry, counting(), () => true), { done: false });
  t.match(only(entry), /\.partial$/);
  t.equal(await cachedTeacher(entry, data.train), 'it is not there', 'a part is not used');
  const rest = counting();
  t.match(await fill(entry, rest), { done: true });
  t.equal(rest.images, size - 64, 'only the rest is computed');
  // The header names the process that wrote it, the same one here.
  t.ok(expected.equals(readFileSync(only(entry))), 'and the file is the same');

  const damaged = entryIn(t, 'damaged');
  await fill(damaged, counting(), () => true);
  overwrite(only(damaged), 4096 + 100, '\x07');
  const again = counting();
  t.match(await fill(damaged, again), { done: true, notes: /begun anew: its records do not match their digest/ });
  t.equal(again.images, size);
  t.ok(expected.equals(readFileSync(only(damaged))));

  // More bytes than the header knows of: what a kill between two saves leaves.
  const killed = entryIn(t, 'killed');
  await fill(killed, counting(), () => true);
  appendFileSync(only(killed), Buffer.alloc(9999, 1));
  t.match(await fill(killed, counting()), { done: true });
  t.ok(expected.equals(readFileSync(only(killed))));

  const busy = entryIn(t, 'busy');
  await fill(busy, counting(), () => true);
  const writer = `"writer":${process.pid}`;
  // The first process of the machine: alive, another one, and no number is shorter.
  overwrite(only(busy), readFileSync(only(busy)).indexOf(writer), '"writer":1'.padEnd(writer.length));
  await t.rejects(fill(busy, counting()), /process \d+ is writing this file/);
});

t.test('the digest of the data is that of its images', async (t) => {
  const digest = async (seed: number, trainSize: number) =>
    dataDigest(await loadDataset('shapes', { seed, trainSize, testSize: 2 }));
  t.equal(await digest(1, 20), await digest(1, 20));
  t.not(await digest(1, 20), await digest(2, 20));
  t.not(await digest(1, 20), await digest(1, 21));
});
