/** `npm start`: trains a teacher, then students that learn from it in several ways, and reports. See --help. */
import { runCommand } from '../training/command.js';
import { study } from './study.js';

process.exitCode = await runCommand(study, process.argv.slice(2));
