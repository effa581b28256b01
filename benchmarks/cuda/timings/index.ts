/** The timings: limits, then every case with all contenders side by side, then the stages alone. */
import { availableParallelism } from 'node:os';
import type { Workload } from '../../cases.js';
import { Absent, type Outputs, type Participant } from '../../contenders/index.js';
import type { TorchServer } from '../../contenders/torch-server.js';
import { Data } from '../../data.js';
import { relationFlops } from '../../floor.js';
import { errorOf, makeReference } from '../../reference.js';
import { Scratch } from '../../scratch.js';
import { timeSideBySide, type Budget } from '../../timing.js';
import type { Message } from '../parts.js';
import type { Precision } from '../../../test/conformance/record.js';
import type { Limits } from '../record.js';
import type { Target } from '../../../test/conformance/target.js';
import { cases, stageOf, stageOperations, type TimedCase } from './cases.js';
import { floorOf } from './floor.js';
import { ours, type Place } from './ours.js';
import { findTorch, launch, measureLimits, prepare } from './pytorch.js';

type Send = (message: Message) => void;

interface Entry {
  contender: 'gld-loss' | 'pytorch' | 'pytorch-compile';
  variant: string;
  precision: Precision;
  prepare(data: Data): Promise<Participant>;
}

const full: Budget = { seconds: 1.5, fewest: 7, fewestOfSlow: 2, most: 100, leastSeconds: 0.02 };
const short: Budget = { seconds: 0.2, fewest: 3, fewestOfSlow: 1, most: 20, leastSeconds: 0.005 };

interface Job {
  name: string;
  title: string;
  workload: Workload;
  entries: Entry[];
}

const message = (error: unknown) => (error as Error).message.split('\n')[0];

function ourEntries(target: Target, where: Place, precisions: readonly Precision[]): Entry[] {
  return precisions.map((precision) => ({
    contender: 'gld-loss',
    variant: where,
    precision,
    prepare: async (data) => ours(target, data, where, precision),
  }));
}

/** PyTorch's processes, one of each kind; those that cannot be had are told of once. */
class Torches {
  readonly entries: Entry[] = [];
  private readonly open: TorchServer[] = [];

  constructor(
    private readonly target: Target,
    private readonly scratch: Scratch,
    private readonly send: Send,
  ) {}

  async start(quick: boolean): Promise<Limits | undefined> {
    const { facts, device } = this.target;
    if (facts.kind === 'emulated') return this.absent('pytorch', 'there is no GPU for it: ours is emulated');
    const where = device === 'cuda' ? 'cuda:0' : device;
    try {
      const python = findTorch(where);
      const plain = this.add('pytorch', 'float32', launch(python, where));
      const { torch, cuda, compile } = await plain.hello();
      this.send({ versions: { pytorch: torch, ...(cuda !== null && { 'pytorch-cuda': cuda }) } });
      if (facts.kind === 'gpu') this.add('pytorch', 'tf32', launch(python, where, { tf32: true }));
      if (compile) this.add('pytorch-compile', 'float32', launch(python, where, { compiled: true }));
      else this.absent('pytorch-compile', `PyTorch ${torch} has no torch.compile`);
      const limits = measureLimits(python, where, quick);
      this.send({ limits });
      return limits;
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      this.absent('limits', 'they are measured with PyTorch, and the floors follow from them');
      return this.absent('pytorch', message(error));
    }
  }

  private add(contender: Entry['contender'], precision: Precision, torch: TorchServer): TorchServer {
    this.open.push(torch);
    this.entries.push({
      contender,
      variant: 'device',
      precision,
      prepare: (data) => prepare(torch, data, this.scratch),
    });
    return torch;
  }

  private absent(what: string, reason: string): undefined {
    this.send({ absent: { what, reason } });
    return undefined;
  }

  async close(): Promise<void> {
    await Promise.all(this.open.map((torch) => torch.close()));
  }
}

async function measure(
  job: Job,
  scratch: Scratch,
  budget: Budget,
  limits: Limits | undefined,
  send: Send,
): Promise<void> {
  const data = new Data(job.workload, scratch);
  const task = { ...job.workload, mode: 'gradients' } as const;
  const reference = await makeReference(data, undefined, availableParallelism());
  const taking: { entry: Entry; participant: Participant; got: Outputs }[] = [];
  const basis = ({ contender, variant, precision }: Entry) => ({
    case: job.name,
    title: job.title,
    contender,
    variant,
    precision,
  });
  for (const entry of job.entries) {
    try {
      const participant = await entry.prepare(data);
      taking.push({ entry, participant, got: await participant.result() });
    } catch (error) {
      send({ timing: { ...basis(entry), seconds: [], skipped: message(error) } });
    }
  }
  const seconds = await timeSideBySide(
    taking.map(({ participant }) => participant),
    taking.map(() => budget),
  );
  for (const [at, { entry, participant, got }] of taking.entries()) {
    const floor =
      limits && entry.contender === 'gld-loss' ? floorOf(task, entry.precision, limits, got.method) : undefined;
    send({
      timing: {
        ...basis(entry),
        seconds: seconds[at],
        error: errorOf(task, got, reference),
        ...(floor && { floor }),
        ...(got.method && { method: got.method }),
      },
    });
    await participant.close?.();
  }
  data.close();
}

function jobsOf(on: TimedCase, target: Target, torches: Torches): Job[] {
  const entries = [
    ...ourEntries(target, 'device', target.precisions),
    ...ourEntries(target, 'host', ['float32']),
    ...torches.entries,
  ];
  const { operation, layout, sizes } = on;
  const whole: Job = { name: on.name, title: on.title, workload: { operation, layout, sizes }, entries };
  if (!on.stages) return [whole];
  const alone = stageOperations.map(
    (stage): Job => ({
      name: `${on.name}/${stage}`,
      title: `${stage} alone, ${on.title}`,
      workload: stageOf(on, stage),
      entries: ourEntries(target, 'device', ['float32']),
    }),
  );
  return [whole, ...alone];
}

export async function measureTimings(
  target: Target,
  { quick, seconds }: { quick: boolean; seconds: number },
  send: Send,
): Promise<void> {
  const end = performance.now() + 1000 * seconds;
  const scratch = new Scratch();
  const torches = new Torches(target, scratch, send);
  try {
    const limits = await torches.start(quick);
    for (const on of cases.filter((one) => one.quick || !quick)) {
      for (const job of jobsOf(on, target, torches)) {
        send({ begun: job.name });
        // A processor in a GPU's place is no match for what only a GPU should do.
        const flops = relationFlops('moments', on.sizes.m, on.sizes.K, 'gradients');
        if (target.facts.kind !== 'gpu' && flops > 2e10) send({ absent: { what: job.name, reason: 'for a GPU only' } });
        else if (performance.now() > end) send({ absent: { what: job.name, reason: 'no time left for it' } });
        else await measure(job, scratch, quick ? short : full, limits, send);
      }
    }
  } finally {
    await torches.close();
    scratch.close();
  }
}
