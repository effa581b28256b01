/** Runs a study from the command line: a new run or one to go on with, its progress, its record, table and report. */
import { availableParallelism } from 'node:os';
import { clock } from 'gld-loss-pages/numbers';
import { present } from '../present.js';
import { helpText, parseCommandLine } from './command-line.js';
import { environment } from './environment.js';
import { writeFileAtomically } from './files.js';
import { type Arguments, conductOptions, type OptionGroups, UsageError } from './options.js';
import { createProgress } from './progress.js';
import {
  createRun,
  defaultDirectory,
  expectFree,
  readHeader,
  readStates,
  reportPath,
  resultsPath,
  type RunHeader,
} from './run-directory.js';
import { Scheduler, WorkerFailure } from './scheduler.js';
import type { Job, Study, TableOf } from './study.js';

type Conduct = Arguments<typeof conductOptions>;
const conductNames = Object.keys(conductOptions);

/** All options of a study by heading, with those that every study has. */
export const groupsOf = ({ options }: { options: OptionGroups }): OptionGroups => ({
  ...options,
  'Where and how': conductOptions,
});

/** Does what the command line says; resolves to the exit code: 0 done, 1 failed, 2 wrong command line, 130 interrupted. */
export async function runCommand<Settings, J extends Job, Description, Record, Groups extends OptionGroups>(
  study: Study<Settings, J, Description, Record, Groups>,
  argv: string[],
): Promise<number> {
  try {
    const groups = groupsOf(study);
    const args = parseCommandLine(argv, Object.assign({}, ...Object.values(groups)) as OptionGroups[string]);
    if (args.help) {
      process.stdout.write(helpText(study.help, groups));
      return 0;
    }
    const conduct = args as Conduct;
    const { directory, header } = await openRun(study, args as Arguments<TableOf<Groups>>, conduct, argv);
    return await execute(study, directory, header, conduct);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nAll options: ${commandLine(study, ['--help'])}\n`);
      return 2;
    }
    if (error instanceof WorkerFailure && error.expected) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    throw error;
  }
}

/** npm hands on what comes after '--'; 'npm run paper -- detection' has it already. */
const commandLine = ({ command }: { command: string }, argv: readonly string[]): string =>
  [command, ...(argv.length > 0 && !command.includes(' -- ') ? ['--'] : []), ...argv].join(' ');

async function openRun<Settings, J extends Job, Description, Record, Groups extends OptionGroups>(
  study: Study<Settings, J, Description, Record, Groups>,
  args: Arguments<TableOf<Groups>>,
  conduct: Conduct,
  argv: string[],
): Promise<{ directory: string; header: RunHeader<Settings> }> {
  if (conduct.resume !== undefined) {
    const header = await readHeader<Settings>(conduct.resume);
    const settings = resumeSettings(study, header.settings, args);
    return { directory: conduct.resume, header: { ...header, settings } };
  }
  const settings = await study.settings(args);
  const directory = conduct.out ?? defaultDirectory(study.folder(settings), new Date());
  await expectFree(directory);
  const header = {
    version: 1,
    startedAt: new Date().toISOString(),
    command: commandLine(study, argv),
    settings,
  } as const;
  return { directory, header };
}

/**
 * The settings of a resumed run.
 * @throws UsageError for options that would change its numbers
 */
export function resumeSettings<Settings, J extends Job, Description, Record, Groups extends OptionGroups>(
  study: Study<Settings, J, Description, Record, Groups>,
  saved: Settings,
  args: Arguments<TableOf<Groups>>,
): Settings {
  const allowed = [...conductNames, ...(study.resumable ?? [])];
  const other = Object.keys(args).find((name) => !allowed.includes(name));
  if (other !== undefined) {
    throw new UsageError(`--${other}: a resumed run keeps its settings; leave this out, or start a new run`);
  }
  return study.resumed?.(saved, args) ?? saved;
}

async function execute<Settings, J extends Job, Description, Record, Groups extends OptionGroups>(
  study: Study<Settings, J, Description, Record, Groups>,
  directory: string,
  header: RunHeader<Settings>,
  conduct: Conduct,
): Promise<number> {
  const { settings } = header;
  const jobs = study.plan(settings);
  const states = await readStates(directory, jobs);
  const runBegan = Date.now() - 1000 * Math.max(0, ...[...states.values()].map((state) => state.runSeconds));
  const open = jobs.filter(({ id }) => !states.get(id)?.finished);
  const workers = Math.min(conduct.workers ?? 2, availableParallelism(), Math.max(1, open.length));
  const threads = conduct.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
  const checkpointEvery = conduct['checkpoint-every'] ?? 60;
  const input = { module: study.worker.href, settings, directory, threads, checkpointEvery, runBegan };
  const scheduler = new Scheduler(workers, input);
  const interrupt = () => scheduler.stop(); // once: a second signal ends the process at once
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const { description, framework } = (await scheduler.describe()) as { description: Description; framework: string };
    study.check?.(settings, description);
    if (conduct.resume === undefined) await createRun(directory, header);
    process.stderr.write(
      `${study.introduce(settings, description)}; ${open.length} trainings to do, ` +
        `${workers} at a time. Results in ${directory}\n`,
    );
    const work = new Map(jobs.map((job) => [job.id, study.work(job, settings, description)]));
    const stepsBefore = new Map(
      [...states].map(
        ([
          id,
          {
            training: { epochs, step },
          },
        ]) => [id, epochs.length * present(work.get(id)).steps + step],
      ),
    );
    const progress = createProgress(open, work, study.score, workers, stepsBefore);
    const finished = jobs.filter((job) => !open.includes(job)).map(({ id }) => id);
    if (!(await scheduler.run(open, finished, progress).finally(() => progress.close()))) {
      const again = commandLine(study, ['--resume', directory]);
      process.stderr.write(`Interrupted; everything is saved. Go on with: ${again}\n`);
      return 130;
    }
    const seconds = (Date.now() - runBegan) / 1000;
    const record = study.record({
      header,
      description,
      jobs,
      seconds,
      states: await readStates(directory, jobs),
      environment: environment(framework, threads),
    });
    await writeFileAtomically(resultsPath(directory), `${JSON.stringify(record)}\n`);
    await writeFileAtomically(reportPath(directory), await study.report(record));
    process.stdout.write(`${study.table(record)}\nTook ${clock(seconds)}. Report: ${reportPath(directory)}\n`);
    return 0;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await scheduler.close();
  }
}
