import { parseHTML } from 'linkedom';
import t from 'tap';
import { html } from 'gld-loss-pages/html';
import { interleaved, picture } from '../../report/picture.js';
import { present } from '../../present.js';
import { decodePng } from './png.js';

t.test('planes become pixels', async (t) => {
  const planes = Uint8Array.from([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26]);
  t.strictSame(
    [...interleaved({ planes, width: 3, height: 2 })],
    [1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24, 5, 15, 25, 6, 16, 26],
  );
  t.throws(() => interleaved({ planes, width: 3, height: 3 }), {
    name: 'RangeError',
    message: 'planes: expected 3 x 3 x 3 bytes, got 18',
  });
});

t.test('a picture holds its pixels, its label and what lies over it', async (t) => {
  const rgb = Uint8Array.from({ length: 18 }, (_, i) => 14 * i);
  const over = html`<rect x="1" y="0" width="2" height="1"/>`;
  const { document } = parseHTML(`<body>${picture(3, 2, rgb, 'A "scene"', over)}</body>`);
  const svg = present(document.querySelector('svg'));
  t.equal(svg.getAttribute('viewBox'), '0 0 3 2');
  t.equal(svg.getAttribute('aria-label'), 'A "scene"');
  t.equal(svg.querySelectorAll('rect').length, 1);
  const { width, height, rows } = decodePng(present(svg.querySelector('image')?.getAttribute('href')));
  t.strictSame([width, height, rows], [3, 2, [[...rgb.subarray(0, 9)], [...rgb.subarray(9)]]]);
});
