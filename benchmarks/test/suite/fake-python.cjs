#!/usr/bin/env node
// Stands for a Python with PyTorch, to the suite: greets, and answers any loss with zeros. A copy of it whose name begins
// with 'slow' multiplies at a rate far below any machine's, the other far above.
const { writeFileSync } = require('node:fs');
const { basename, join } = require('node:path');
const { createInterface } = require('node:readline');

const flopsPerSecond = basename(process.argv[1]).startsWith('slow') ? 1e6 : 1e14;
let shapes = {};

const answers = {
  hello: () => ({ torch: '9.9.9+fake', cuda: null, libraries: ['a BLAS', 'threads'], threads: 1, compile: true }),
  product: ({ rows, columns, depth }) => ({ seconds: (2 * rows * columns * depth) / flopsPerSecond }),
  prepare({ inputs }) {
    const students = Object.entries(inputs).filter(([name]) => name.startsWith('student.'));
    shapes = { value: [], ...Object.fromEntries(students.map(([name, [, , shape]]) => [name, shape])) };
    return {};
  },
  result({ folder }) {
    for (const [name, shape] of Object.entries(shapes)) {
      writeFileSync(join(folder, name), new Uint8Array(new Float32Array(shape.reduce((a, b) => a * b, 1)).buffer));
    }
    return { outputs: shapes };
  },
  time: () => ({ seconds: 0.1 }),
  release: () => ({}),
};

// As `python -c 'import torch'` it has nothing to say.
if (process.argv[2] !== '-c') {
  createInterface({ input: process.stdin }).on('line', (line) => {
    const request = JSON.parse(line);
    process.stdout.write(`${JSON.stringify(answers[request.do](request))}\n`);
  });
}
