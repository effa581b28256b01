// What the README promises: it is short, its commands are those of the clean-machine set-up, and its numbers are those of
// the runs that it names.
import manifest from 'gld-loss/package.json' with { type: 'json' };
import t from 'tap';
import { fromJson } from '../../benchmarks/report/json.js';
import { highlights, summary } from '../../benchmarks/report/markdown.js';
import { blocks, read } from './markdown.js';

const readme = read('README.md');

t.test('short: at most 200 lines, and the first call within 60', async (t) => {
  const lines = readme.trimEnd().split('\n');
  t.ok(lines.length <= 200, `${lines.length} lines`);
  const call = lines.findIndex((line) => line.includes('gldLoss('));
  t.ok(call >= 0 && call < 60, `line ${call + 1}`);
});

t.test('commands: two lines, with the system packages of .ci/run', async (t) => {
  const packages = (script: string) => /apt-get install -y ([\w -]+?)(?= &&|\n)/.exec(script)?.[1].split(' ').sort();
  const [start = '', test] = blocks(readme, 'sh');
  t.match(start, /^apt-get update && [^\n]* && npm ci --ignore-scripts && npm start\n$/);
  t.equal(test, start.replace('npm start', 'npm test'));
  t.same(packages(start), packages(read('.ci/run')));
  t.match(read('.ci/run'), 'npm ci --ignore-scripts');
  const tarballs = [...read('docs/install.md').matchAll(/gld-loss-[\d.]+\.tgz/g)].map(String);
  t.same([...new Set(tarballs)], [`gld-loss-${manifest.version}.tgz`], 'the tarball has the version of the package');
});

t.test('numbers: what the committed runs have', async (t) => {
  const xeon = fromJson(read('benchmarks/results/xeon-2-cores/results.json'));
  t.match(readme, `\n${highlights({ Xeon: xeon })}\n`);
  t.match(read('docs/performance.md'), `\n${summary(xeon)}\n`);
});
