import t from 'tap';
import { fromJson, toJson } from '../json.js';

const back = (record: object): unknown => fromJson(toJson(record));

t.test('records come back as they were', async (t) => {
  for (const value of [
    {},
    [],
    { list: [], none: null, text: 'e-3', yes: true },
    [1, 2, 3],
    [0.001, 0.25, 1.5, -2e-7],
    [1e300, 1e-300, 0.5],
    [Number.NaN, Infinity, -Infinity, 1],
    [{ a: 1 }],
    [{ a: 1 }, {}],
    [{ a: 1, b: 'x' }, { b: 'y' }, { a: null }],
    [{ a: { b: 1, c: [1, 2] } }, { a: { b: 0.5 } }, { d: [] }],
    [{ deep: [{ a: 1 }, { a: 2 }] }, { deep: [{ a: 3 }] }],
    { sizes: { rows: 3 }, nested: [[{ a: 1 }, { a: 1 }], [0.5]] },
  ]) {
    t.strictSame(back(value), value, JSON.stringify(value));
    t.strictSame(fromJson(JSON.stringify(value)), JSON.parse(JSON.stringify(value)), 'JSON that is not packed');
  }
});

t.test('compact', async (t) => {
  const rows = Array.from({ length: 50 }, (_, i) => ({ name: 'the same', seconds: [0.00012345, 0.00012346, i / 1e8] }));
  const text = toJson(rows);
  t.ok(text.length < 0.6 * JSON.stringify(rows).length);
  t.match(text, '"name":{"runs":[[50,"the same"]]}');
  t.match(text, '{"e-8":[12345,12346,0]}');
  t.strictSame(back({ third: 1 / 3, whole: 123456789 }), { third: 0.333333, whole: 123456789 }, 'six digits');
});
