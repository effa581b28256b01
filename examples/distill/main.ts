/** `npm start`: trains a teacher, then students that learn from it in several ways, and reports. See --help. */
import { availableParallelism } from 'node:os';
import { writeFileAtomically } from '../tfjs/files.js';
import { stepsPerEpoch } from '../tfjs/schedule.js';
import { helpText, parseCommandLine } from './command-line.js';
import { type Description, type Job, type JobState, planJobs } from './jobs.js';
import { type Arguments, UsageError } from './options.js';
import { clock, createProgress } from './progress.js';
import { buildRecord, environment, readJobState } from './record.js';
import {
  createRun, defaultDirectory, expectFree, readHeader, reportPath, resultsPath, type RunHeader,
} from './run-directory.js';
import { Scheduler, WorkerFailure } from './scheduler.js';
import { betaNote, resolveConduct, resolveSettings, resumeSettings } from './settings.js';
import { resultTable } from './table.js';

/** Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted. */
async function main(argv: string[]): Promise<number> {
  const args = parseCommandLine(argv);
  if (args.help) {
    process.stdout.write(helpText());
    return 0;
  }
  const { directory, header } = await openRun(args, argv);
  return execute(directory, header, args);
}

async function openRun(args: Arguments, argv: string[]): Promise<{ directory: string; header: RunHeader }> {
  if (args.resume !== undefined) {
    const header = await readHeader(args.resume);
    return { directory: args.resume, header: { ...header, settings: resumeSettings(header.settings, args) } };
  }
  const settings = resolveSettings(args);
  const directory = args.out ?? defaultDirectory(settings.dataset.name, new Date());
  await expectFree(directory);
  const note = betaNote(settings, args);
  if (note) process.stderr.write(`${note}\n`);
  const command = ['npm start', ...(argv.length > 0 ? ['--', ...argv] : [])].join(' ');
  return { directory, header: { version: 1, startedAt: new Date().toISOString(), command, settings } };
}

async function execute(directory: string, header: RunHeader, args: Arguments): Promise<number> {
  const { settings } = header;
  const conduct = resolveConduct(args);
  const jobs = planJobs(settings);
  const states = await readStates(directory, jobs);
  const runBegan = Date.now() - 1000 * Math.max(0, ...[...states.values()].map((state) => state.runSeconds));
  const open = jobs.filter((job) => !states.get(job.id)?.finished);
  const workers = Math.min(conduct.workers ?? 2, availableParallelism(), Math.max(1, open.length));
  const threads = conduct.threads ?? Math.max(1, Math.floor(availableParallelism() / workers));
  const { checkpointEvery } = conduct;
  const scheduler = new Scheduler(workers, { settings, directory, threads, checkpointEvery, runBegan });
  const interrupt = () => scheduler.stop(); // once: a second signal ends the process at once
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    // Loaded here and not above, where it would delay --help and error messages.
    const [description, { renderReport }] = await Promise.all([scheduler.describe(), import('../report/index.js')]);
    checkGrid(settings.loss.grid, description);
    if (args.resume === undefined) await createRun(directory, header);
    process.stderr.write(`${description.data.description}.\nTeacher ${settings.teacher.network}, students ` +
      `${settings.student.network}; ${open.length} trainings to do, ${workers} at a time. Results in ${directory}\n`);
    if (!(await runJobs(scheduler, open, states, description, settings.batchSize, workers))) {
      process.stderr.write(`Interrupted; everything is saved. Go on with: npm start -- --resume ${directory}\n`);
      return 130;
    }
    const record = buildRecord({
      header, description, jobs, states: await readStates(directory, jobs), seconds: (Date.now() - runBegan) / 1000,
      environment: environment(description.framework, threads),
    });
    await writeFileAtomically(resultsPath(directory), `${JSON.stringify(record)}\n`);
    await writeFileAtomically(reportPath(directory), renderReport(record));
    process.stdout.write(`${resultTable(record)}\nTook ${clock(record.seconds)}. Report: ${reportPath(directory)}\n`);
    return 0;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    await scheduler.close();
  }
}

async function runJobs(
  scheduler: Scheduler, open: Job[], states: Map<string, JobState>, description: Description, batchSize: number,
  workers: number,
): Promise<boolean> {
  const steps = stepsPerEpoch(description.data.trainSize, batchSize);
  const stepsBefore = new Map<string, number>();
  for (const [id, { training: { epochs, step } }] of states) stepsBefore.set(id, epochs.length * steps + step);
  const progress = createProgress(open, description, batchSize, workers, stepsBefore);
  try {
    return await scheduler.run(open, states.get('teacher')?.finished ?? false, progress);
  } finally {
    progress.close();
  }
}

async function readStates(directory: string, jobs: Job[]): Promise<Map<string, JobState>> {
  const states = new Map<string, JobState>();
  for (const job of jobs) {
    const state = await readJobState(directory, job);
    if (state) states.set(job.id, state);
  }
  return states;
}

function checkGrid([rows, columns]: [number, number], { networks }: Description): void {
  for (const role of ['teacher', 'student'] as const) {
    const [height, width] = networks[role].map;
    if (rows > height || columns > width) {
      const expected = `at most the ${role}'s feature map of ${height} x ${width}`;
      throw new UsageError(`--grid: expected ${expected}, got ${rows} x ${columns}`);
    }
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\nAll options: npm start -- --help\n`);
    process.exitCode = 2;
  } else if (error instanceof WorkerFailure && error.expected) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  } else throw error;
}
