/** npm run bench: see --help. */
import { readFileSync } from 'node:fs';
import { cases, memoryName } from './cases.js';
import { type Command, helpText, parseCommandLine } from './command-line.js';
import { contenderNames } from './contenders/names.js';
import { compare } from './report/compare.js';
import { report } from './report/index.js';
import { fromJson } from './report/json.js';
import { run } from './run.js';
import { UsageError } from './select.js';

function list(): string {
  // Of cases that share a name, the first one's title.
  const titles = new Map(cases.toReversed().map(({ name, title }) => [name, title]));
  const rows = [...titles].reverse();
  rows.push([memoryName, 'Peak memory of the relation loss against m']);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    'cases:',
    ...rows.map(([name, title]) => `  ${name.padEnd(width)}  ${title}`),
    'contenders:',
    ...contenderNames.map((name) => `  ${name}`),
    '',
  ].join('\n');
}

const read = (file: string) => fromJson(readFileSync(file, 'utf8'));

async function perform(command: Command): Promise<void> {
  switch (command.do) {
    case 'help':
      return void process.stdout.write(helpText);
    case 'list':
      return void process.stdout.write(list());
    case 'compare':
      return console.log(compare(read(command.files[0]), read(command.files[1])));
    case 'report':
      return report(read(command.file), command.directory);
    case 'run':
      return report(await run(command.settings), command.directory);
  }
}

// Through process.exit, so that what is to go with the process does.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
try {
  await perform(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
