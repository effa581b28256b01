/** `npm run paper -- STUDY`: the paper's experiments in miniature. Without a study, says which there are. */
import { runCommand } from '../training/command.js';
import { didYouMean } from '../training/options.js';
import type { AnyStudy } from '../training/study.js';
import { study as classification } from './classification/index.js';
import { study as transfer } from './transfer/index.js';

const studies: Record<string, AnyStudy> = { classification, transfer };

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
