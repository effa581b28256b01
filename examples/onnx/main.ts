/** `npm run export:onnx`: a network that `npm start` has trained, as an ONNX model. See --help. */
import { resolve } from 'node:path';
import { loadDataset } from '../data/index.js';
import { planPair } from '../distill/jobs.js';
import type { Settings } from '../distill/settings.js';
import { loadNetwork } from '../distill/trainer.js';
import { useBackend } from '../tfjs/backend.js';
import { helpText, parseCommandLine } from '../training/command-line.js';
import { writeFileAtomically } from '../training/files.js';
import { flag, text, UsageError } from '../training/options.js';
import { readHeader, readStates } from '../training/run-directory.js';
import { exportNetwork } from './export.js';

const options = {
  run: text('DIR', 'folder of a run of npm start'),
  out: text('FILE', 'the model to write, such as teacher.onnx'),
  job: text('NAME', 'which network: teacher, or a student such as gld-seed1 (default teacher)'),
  data: text('DIR', "where the run's CIFAR files are now, if they have moved"),
  help: flag('this text'),
};

async function main(argv: string[]): Promise<void> {
  const args = parseCommandLine(argv, options);
  if (args.help) {
    process.stdout.write(
      helpText(
        [
          'Writes a trained network as an ONNX model.',
          '',
          'usage: npm run export:onnx -- --run runs/NAME --out FILE.onnx',
        ],
        { Options: options },
      ),
    );
    return;
  }
  const { run, out, job: id = 'teacher' } = args;
  if (run === undefined) throw new UsageError('--run: expected the folder of a run, got none');
  if (out === undefined) throw new UsageError('--out: expected the file to write, got none');
  const { settings } = await readHeader<Settings>(run, '--run');
  const jobs = planPair(settings).filter(
    ({ role }) => role !== 'outputs' && !(role === 'teacher' && settings.teacher.onnx),
  );
  const job = jobs.find((candidate) => candidate.id === id);
  if (!job)
    throw new UsageError(`--job: expected one of ${jobs.map((candidate) => candidate.id).join(', ')}, got '${id}'`);
  if (!(await readStates(run, [job])).get(id)?.finished) {
    throw new UsageError(`--job ${id}: its training is not finished; npm start -- --resume ${run} goes on with it`);
  }
  const { dataset } = settings;
  const data = await loadDataset(dataset.name, { ...dataset, ...(args.data ? { dir: resolve(args.data) } : {}) });
  await useBackend('wasm');
  const network = await loadNetwork(run, job, data);
  const { height, width, channels, mean, deviation } = data;
  await writeFileAtomically(out, exportNetwork(network, [height, width, channels]));
  process.stdout.write(
    `${out}: ${job.network}, images [n, ${channels}, ${height}, ${width}] of values in 0 ... 1, minus ` +
      `${mean.join(', ')}, divided by ${deviation.join(', ')}\n`,
  );
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\nAll options: npm run export:onnx -- --help\n`);
  process.exitCode = 2;
}
