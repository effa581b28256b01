/** The whole loss' gradients against finite differences of the loss itself: maps, masks, pyramids and weights. */
import { gldLoss, type Inputs } from 'gld-loss';
import t from 'tap';
import { present } from '../../tools/present.js';
import type { GridOption } from '../reference/types.js';
import { combinations } from '../support/combinations.js';
import { derivative } from '../support/finite-differences.js';
import { unusual } from '../support/options.js';
import { axesOf, problem, tensorsOf, type SideSpec } from '../support/problems.js';
import { Random } from '../support/random.js';
import { encodeInputs } from '../support/tensors.js';

t.test('gradients against finite differences of the loss itself', async (t) => {
  const random = new Random(1);
  const cases = combinations({
    student: [
      { channels: 3, map: [5], mask: 'padded' },
      { logitMap: [3, 4], layout: 'NHWC', mask: 'scattered' },
      { logitMap: [2, 3, 2] },
    ] as SideSpec[],
    grid: [2, { pyramid: [1, 2] }] as GridOption[],
    relation: [{ method: 'pairwise' }, { method: 'moments' }] as const,
    sampleWeights: [false, true],
  });
  for (const { student, grid, relation, sampleWeights } of cases) {
    const axes = axesOf('logits', student);
    const teacher: SideSpec = { channels: 2, map: [3, 2, 4].slice(-axes), mask: 'padded' };
    const inputs = problem({ samples: 3, classes: 4, grid, teacher, student, sampleWeights });
    const options = { ...unusual, grid, relation, beta: 20 };
    const { given } = encodeInputs(inputs, 'float64');
    const { gradients } = gldLoss(given, options);
    for (const [name, { data, shape }] of tensorsOf(inputs.student)) {
      const gradient = Float64Array.from(present(gradients?.[name]).data);
      const direction = random.normals(data.length);
      const loss = (x: Float64Array): number => {
        const changed = { ...given, student: { ...given.student, [name]: { data: x, shape } } } as Inputs;
        return gldLoss(changed, { ...options, gradients: false }).loss;
      };
      const expected = derivative(loss, Float64Array.from(data), direction, 1e-4);
      const got = gradient.reduce((sum, value, at) => sum + value * direction[at], 0);
      const size = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0));
      const error = Math.abs(got - expected) / (size * Math.sqrt(data.length) || 1);
      t.ok(error < 5e-11, `${JSON.stringify({ student, grid, relation, sampleWeights })}, ${name}: ${error}`);
    }
  }
});
