/** Many rows: the memory of neither method grows with m², and the results stay accurate. */
import t from 'tap';
import { runChild } from '../../../support/child.js';

interface Report {
  method: string;
  loss: number;
  gradient: number;
  mebibytes: { before: number; after: number };
}

t.test('moments: 200,000 rows of 100 classes within 2 GB', async (t) => {
  const report = runChild('large-relation.ts', ['moments', '1000', '200', '100']) as Report;
  t.comment(JSON.stringify(report));
  t.equal(report.method, 'moments');
  t.ok(report.mebibytes.after < 2e9 / 2 ** 20, `${report.mebibytes.after} MiB`);
  t.ok(report.loss < 1e-6, `loss ${report.loss}`);
  t.ok(report.gradient < 1e-5, `gradient ${report.gradient}`);
});

t.test('pairwise: 20,000 rows without their matrix of 1.6 GB', async (t) => {
  const report = runChild('large-relation.ts', ['pairwise', '200', '100', '8']) as Report;
  t.comment(JSON.stringify(report));
  t.equal(report.method, 'pairwise');
  const growth = report.mebibytes.after - report.mebibytes.before;
  t.ok(growth < 400, `${growth} MiB more`);
  t.ok(report.loss < 1e-6, `loss ${report.loss}`);
  t.ok(report.gradient < 1e-5, `gradient ${report.gradient}`);
});
