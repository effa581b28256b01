// docs/main-job.md names options that exist, and times in help texts are those that were measured.
import t from 'tap';
import { helpText as benchmarksHelp } from '../../benchmarks/command-line.js';
import { study } from '../../examples/distill/study.js';
import { studies } from '../../examples/paper/studies.js';
import { helpText } from '../../examples/training/command-line.js';
import { groupsOf } from '../../examples/training/command.js';
import { read, rows } from './markdown.js';

t.test('every option that is named exists', async (t) => {
  const named = rows(read('docs/main-job.md')).flatMap(([cell = '']) => cell.match(/(?<=--)[a-z-]+/g) ?? []);
  const options = Object.assign({}, ...Object.values(groupsOf(study))) as object;
  t.ok(named.length > 10);
  for (const name of named) t.ok(Object.hasOwn(options, name), `--${name}`);
});

t.test('durations: what was measured, and no promises', async (t) => {
  const main = helpText(study.help, groupsOf(study));
  const helps = Object.values(studies).map((of) => helpText(of.help, groupsOf(of)));
  for (const help of [main, ...helps, benchmarksHelp]) {
    t.notMatch(help, /(?<![:\d])\d+ (second|minute|hour|day)s?\b|\b(a|an) (minute|hour|day)\b/, 'no round numbers');
    for (const [, time] of help.matchAll(/(?<!\d)(\d+:\d\d)\b/g)) {
      t.match(read('docs/main-job.md'), `${time} minutes`, 'the page has it too');
      t.match(read('README.md'), new RegExp(`\\b${time}\\s+minutes`), 'and so has the README');
    }
  }
  t.match(main, /\d+:\d\d/, 'the main job says how long it has taken');
  const minutes = ['epyc-2-cores/results', 'xeon-2-cores/earlier-1'].map((whole) => {
    const { environment } = JSON.parse(read(`benchmarks/results/${whole}.json`)) as {
      environment: { seconds: number };
    };
    return Math.round(environment.seconds / 60);
  });
  t.match(
    read('CONTRIBUTING.md'),
    `the benchmark suite: ${minutes[0]} minutes on the EPYC and ${minutes[1]} on the Xeon`,
  );
});
