/**
 * `npm run paper -- STUDY`: the paper's experiments in miniature. Without a study, says which there are. As a study,
 * `report` makes the reports of the results that are in the repository.
 */
import { runCommand } from '../training/command.js';
import { didYouMean, UsageError } from '../training/options.js';
import { writeReports } from './results.js';
import { studies } from './studies.js';

const entries = {
  ...Object.fromEntries(Object.entries(studies).map(([name, { help }]) => [name, help.slice(0, help.indexOf(''))])),
  report: [
    'Makes the reports of the results in examples/results, or of those of the studies named after it, in runs/reports.',
  ],
};
const helpText = `usage: npm run paper -- STUDY [options], or STUDY --help
${Object.entries(entries)
  .map(([name, lines]) => `\n${[name, ...lines].join('\n')}\n`)
  .join('')}`;

async function main([name = '--help', ...argv]: string[]): Promise<number> {
  if (Object.hasOwn(studies, name)) return runCommand(studies[name], argv);
  if (name === 'report') {
    for (const path of await writeReports(argv, 'runs/reports')) process.stdout.write(`${path}\n`);
    return 0;
  }
  if (name !== '--help') {
    const names = Object.keys(studies);
    throw new UsageError(`'${name}': expected ${names.join(', ')}${didYouMean(name, names)}`);
  }
  process.stdout.write(helpText);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
