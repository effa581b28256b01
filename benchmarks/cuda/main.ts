/** npm run check:cuda: see --help. */
import { UsageError } from '../select.js';
import { helpText, parseCommandLine, type Command } from './command-line.js';
import { Run } from './run.js';
import { runPart } from './run-part.js';
import { summary } from './summary.js';
import { Unavailable } from '../../test/conformance/target.js';

async function perform(command: Command): Promise<void> {
  switch (command.do) {
    case 'help':
      return void process.stdout.write(helpText);
    case 'part':
      return runPart(command);
    case 'run': {
      const run = new Run(command.settings, (text) => void process.stderr.write(`${text}\n`));
      const record = await run.all();
      console.log(summary(record));
      console.log(`written to ${run.file}`);
      if (record.checks.some(({ passed }) => !passed)) process.exitCode = 1;
    }
  }
}

// Through process.exit, so that what is to go with the process does.
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));
try {
  await perform(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  const expected = error instanceof UsageError || error instanceof Unavailable;
  console.error(expected ? error.message : (error as Error).stack);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
