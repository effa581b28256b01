/**
 * `large-relation.ts METHOD COPIES M K`: the relation of COPIES copies of the same M rows. All of it follows from the M
 * rows alone: each row of distances is repeated COPIES times and so √COPIES longer, the loss is 1/COPIES of the loss of
 * the M rows, and the gradient of each copy 1/COPIES² of theirs. Prints the errors against that, and the most memory
 * the process had before and after.
 */
import { relation } from 'gld-loss';
import * as reference from '../../reference/relation.js';
import { arrayError, relationError } from '../compare.js';
import { Random } from '../random.js';

const [method, ...sizes] = process.argv.slice(2);
const [copies, m, classes] = sizes.map(Number);
const random = new Random(66);
const [teacher, student] = [0, 1].map(() => Float32Array.from(random.normals(m * classes, 3)));
const expected = reference.relation(Float64Array.from(teacher), Float64Array.from(student), {
  classes,
  metric: 'sqeuclidean',
  reduction: 'matrix',
});

function repeated(rows: Float32Array): { data: Float32Array; shape: number[] } {
  const data = new Float32Array(copies * rows.length);
  for (let copy = 0; copy < copies; copy++) data.set(rows, copy * rows.length);
  return { data, shape: [copies * m, classes] };
}

const inputs = { teacher: repeated(teacher), student: repeated(student) };
const before = process.resourceUsage().maxRSS;
const got = relation(inputs, { method: method as 'pairwise' | 'moments' });
const after = process.resourceUsage().maxRSS;

const gradient = got.gradients?.logits?.data ?? new Float32Array();
let worst = 0;
for (let copy = 0; copy < copies; copy++) {
  const part = gradient.subarray(copy * m * classes, (copy + 1) * m * classes);
  const scaled = Float64Array.from(part, (value: number) => value * copies ** 2);
  worst = Math.max(worst, arrayError(scaled, expected.gradient));
}
console.log(
  JSON.stringify({
    method: got.method,
    loss: relationError(got.loss, expected.loss / copies, copies * m),
    gradient: worst,
    mebibytes: { before: before / 1024, after: after / 1024 },
  }),
);
