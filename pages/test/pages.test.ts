import t from 'tap';
import { duration, significant } from '../numbers.js';
import { spread } from '../svg.js';

t.test('numbers', async (t) => {
  t.strictSame(
    [0, 1000, 0.5, 0.00123456, 0.00012345, -2.5e-7, 1234.5].map((value) => significant(value)),
    ['0', '1,000', '0.5', '0.00123', '1.23 × 10⁻⁴', '-2.5 × 10⁻⁷', '1230'],
  );
  t.strictSame([3.21, 59.6, 134, 3600 * 27 + 61].map(duration), ['3.2 s', '1 min 0 s', '2 min 14 s', '27 h 1 min']);
});

t.test('labels', async (t) => {
  t.strictSame(spread([5, 1, 9], 2), [5, 1, 9], 'labels far enough apart stay');
  t.strictSame(spread([5, 5, 9], 2), [4, 6, 9]);
  const close = spread([0.5, 0.51, 0.49, 0.6], 0.1).sort((a, b) => a - b);
  t.ok(
    close.slice(1).every((value, i) => value - close[i] > 0.0999),
    'no two labels overlap',
  );
});
