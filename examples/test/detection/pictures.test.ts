import { parseHTML } from 'linkedom';
import t from 'tap';
import { detectionPicture } from '../../paper/detection/pictures.js';
import { present } from '../../present.js';

t.test('objects and likely detections are drawn', async (t) => {
  const scene = { side: 28, rgb: new Uint8Array(28 * 28 * 3), objects: [{ label: 1, box: [1, 2, 9, 11] as const }] };
  const found = [
    { label: 1, box: [1.252, 2, 10, 12] as const, score: 0.876 },
    { label: 0, box: [-4, -5, 3, 3] as const, score: 0.5 },
    { label: 0, box: [20, 20, 24, 24] as const, score: 0.1 },
  ];
  const page = detectionPicture(scene, found, ['ring', 'a<b'], 'Scene 1');
  const svg = present(parseHTML(`<body>${page}</body>`).document.querySelector('svg'));
  const boxes = [...svg.querySelectorAll('rect')].map((rect) => [
    ['x', 'y', 'width', 'height'].map((name) => Number(rect.getAttribute(name))),
    rect.getAttribute('stroke'),
    rect.textContent,
  ]);
  t.strictSame(boxes, [
    [[1, 2, 8, 9], '#fff', 'really: a<b'],
    [[1.25, 2, 8.75, 10], 'var(--arm-1)', 'found: a<b, 87.6 %'],
    [[-4, -5, 7, 8], 'var(--arm-0)', 'found: ring, 50.0 %'],
  ]);
  const names = [...svg.querySelectorAll('text')];
  t.strictSame(
    names.map(({ textContent }) => textContent),
    ['a<b 88', 'ring 50'],
  );
  t.strictSame(
    names.map((text) => text.getAttribute('y')),
    ['2', '2'],
    'a name stays inside of the image',
  );
});
