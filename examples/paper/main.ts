/** `npm run paper -- STUDY`: the paper's experiments in miniature. Without a study, says which there are. */
import { runCommand } from '../training/command.js';
import { didYouMean } from '../training/options.js';
import { studies } from './studies.js';

const [name = '--help', ...argv] = process.argv.slice(2);
if (Object.hasOwn(studies, name)) {
  process.exitCode = await runCommand(studies[name], argv);
} else if (name === '--help') {
  const lines = Object.entries(studies).flatMap(([key, { help }]) => ['', key, ...help.slice(0, help.indexOf(''))]);
  process.stdout.write(`usage: npm run paper -- STUDY [options], or STUDY --help\n${lines.join('\n')}\n`);
} else {
  const names = Object.keys(studies);
  process.stderr.write(`'${name}': expected ${names.join(', ')}${didYouMean(name, names)}\n`);
  process.exitCode = 2;
}
