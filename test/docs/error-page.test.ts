// docs/errors.md: every code and reason of lib/errors.ts under its class, and messages that come.
import { checkSide, GldLoss, gldLoss, type GldError } from 'gld-loss';
import t from 'tap';
import { wrongCalls } from '../calls/wrong-calls/index.js';
import { right } from '../calls/wrong-calls/inputs.js';
import { read, rows, section } from './markdown.js';

const page = read('docs/errors.md');
const source = read('lib/errors.ts');
const first = (heading: string) => rows(section(page, heading)).map(([cell]) => cell);

/** The words of a union of strings in the source. */
const wordsOf = (type: string): string[] => {
  const [, union = ''] = new RegExp(`type ${type} =([^;]+);`).exec(source) ?? [];
  return [...union.matchAll(/'([\w-]+)'/g)].map(([, word = '']) => word);
};

t.test('every code under its class', async (t) => {
  for (const type of ['TypeError', 'RangeError']) {
    const codes = [...source.matchAll(new RegExp(`(ERR_GLD_\\w+): ${type},`, 'g'))].map(([, code]) => code);
    t.ok(codes.length > 4);
    t.same(first(`## ${type}s`).sort(), codes.sort(), type);
  }
  t.same(first('## Plain errors').sort(), wordsOf('GldErrorCode').sort());
});

t.test('every reason why the library does not load', async (t) => {
  t.same(first('## The native library does not load'), wordsOf('GldLoadReason'));
});

t.test('the messages come', async (t) => {
  const disposed = new GldLoss();
  disposed.dispose();
  const calls = wrongCalls.map(([, given]) => () => {
    const { inputs, options } = { inputs: right(), options: undefined, ...given };
    gldLoss(inputs as never, options as never);
  });
  const [logits, output] = [2, 0.5].map((value) => ({ data: new Float32Array(40).fill(value), shape: [4, 10] }));
  const others = [() => void disposed.compute(right()), () => void checkSide({ logits }, output, { name: 'teacher' })];
  const messages = new Set(
    [...calls, ...others].map((call) => {
      try {
        return call();
      } catch (error) {
        const { code, message } = error as GldError;
        return `${code} ${message}`;
      }
    }),
  );
  for (const [code, message] of ['## TypeErrors', '## RangeErrors'].flatMap((heading) =>
    rows(section(page, heading)),
  )) {
    t.ok(messages.has(`${code} ${message}`), `${code}: ${message}`);
  }
});
