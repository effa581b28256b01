/** A run of the suite: from the selected cases to the record. */
import { present } from '../tools/present.js';
import { memoryName, type Case, type Workload } from './cases.js';
import { openContenders } from './contenders/all.js';
import { type Contender, type Entry, type Outputs, type Participant, tooLong } from './contenders/index.js';
import type { ContenderName } from './contenders/names.js';
import { openPyTorch, type PyTorch } from './contenders/pytorch.js';
import { isSmall } from './contenders/typescript.js';
import { Data } from './data.js';
import { describeEnvironment } from './environment.js';
import { floorOf, work } from './floor.js';
import { LimitsMeter } from './limits.js';
import { measureMemory } from './memory.js';
import { productFlops, productRate, productSizes, type Rates, standing } from './products.js';
import { createProgress, type Progress } from './progress.js';
import type { ErrorOf, Limits, Measurement, MemoryPoint, ProductRate, RunRecord } from './record.js';
import { errorOf, makeReference, type Reference } from './reference.js';
import { Scratch } from './scratch.js';
import { median } from './statistics.js';
import { type Budget, timeSideBySide } from './timing.js';

export interface Settings {
  cases: Case[];
  /** Whether the curves of peak memory are measured. */
  memory: boolean;
  contenders: ContenderName[];
  /** Contenders that this selection does without, with the reason. */
  leftOut: Record<string, string>;
  /** Interpreters with PyTorch; none: the first that is found. */
  pythons: string[];
  threads: number[];
  quick: boolean;
  selection: string;
}

// As in a training loop, one call after the other: a call alone would find the caches full of the other contenders' data.
const full: Budget = { seconds: 1.5, fewest: 5, fewestOfSlow: 3, most: 25, leastSeconds: 20e-3 };
const brief: Budget = { ...full, seconds: 0.25, fewest: 3, most: 7 };

function budgetOf(one: Measurement, rates: Rates, quick: boolean): Budget {
  const budget = quick ? brief : full;
  // What is crippled is there to be named, not to be measured finely.
  return standing(rates, one) === 'crippled' ? { ...budget, seconds: 0, fewest: 3 } : budget;
}

/** Seconds that products alone may take, at the rate that was measured of who computes them. */
const longestProducts = 10;

const titleOf = ({ name, mode, dtype, layout }: Case, threads: number) =>
  `${name} ${mode} ${dtype} ${layout}, ${threads} thread${threads === 1 ? '' : 's'}`;

function readable(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

const readableRate = (flopsPerSecond: number) => `${(flopsPerSecond / 1e9).toPrecision(3)} Gflop/s`;

/** Runs of cases with the same inputs, in order. */
function byWorkload(cases: readonly Case[]): Case[][] {
  const groups = new Map<string, Case[]>();
  for (const on of cases) {
    const { operation, sizes, layout } = on;
    const key = JSON.stringify({ operation, sizes, layout } satisfies Workload);
    groups.set(key, [...(groups.get(key) ?? []), on]);
  }
  return [...groups.values()];
}

type Ready = Participant & { measurement: Measurement; outputs: Outputs };

class Run {
  readonly measurements: Measurement[] = [];

  constructor(
    private readonly settings: Settings,
    private readonly contenders: Contender[],
    private readonly reference: PyTorch | undefined,
    private readonly rates: Rates,
    private readonly progress: Progress,
  ) {}

  /** All cases and numbers of threads on the same inputs, which share a reference. */
  async workload(cases: readonly Case[], scratch: Scratch): Promise<void> {
    const data = new Data(cases[0], scratch);
    let pending: Promise<Reference> | undefined;
    const reference = () => (pending ??= makeReference(data, this.reference, Math.max(...this.settings.threads)));
    try {
      for (const on of cases) {
        for (const threads of this.settings.threads) await this.case(on, threads, data, reference);
      }
    } finally {
      data.close();
    }
  }

  private async case(on: Case, threads: number, data: Data, reference: () => Promise<Reference>): Promise<void> {
    this.progress.next(titleOf(on, threads));
    const ready: Ready[] = [];
    try {
      for (const contender of this.contenders) {
        for (const entry of contender.entries(on, threads).map((one) => this.affordable(one, contender, on, threads))) {
          const measurement = this.begin(on, threads, contender.name, entry);
          const participant = await this.prepare(entry, data, measurement);
          if (participant) ready.push(participant);
        }
      }
      for (const { measurement, outputs } of ready) measurement.error = await judge(on, outputs, reference);
      const budgets = ready.map(({ measurement }) => budgetOf(measurement, this.rates, this.settings.quick));
      const samples = await timeSideBySide(ready, budgets);
      for (const [i, { measurement, bytesPerCall }] of ready.entries()) {
        measurement.seconds = samples[i];
        // The same for any number of threads.
        const allocates = on.group === 'overhead' && threads === this.settings.threads[0];
        if (bytesPerCall && allocates) measurement.bytesPerCall = await bytesPerCall();
        this.tell(measurement);
      }
    } finally {
      for (const participant of ready) await participant.close?.();
    }
  }

  /** The entry, skipped where its products alone would take too long. */
  private affordable(entry: Entry, { name: contender }: Contender, on: Case, threads: number): Entry {
    const rate = productRate(this.rates, { contender, threads, dtype: on.dtype });
    if (rate === undefined || 'skipped' in entry) return entry;
    const skipped = tooLong(work(on, on.dtype).flops, rate * longestProducts);
    return skipped === undefined ? entry : { ...(entry.variant !== undefined && { variant: entry.variant }), skipped };
  }

  private begin(
    { group, name, title, mode, dtype, layout, sizes }: Case,
    threads: number,
    contender: string,
    { variant }: Entry,
  ): Measurement {
    const measurement: Measurement = {
      group,
      case: name,
      title,
      mode,
      dtype,
      layout,
      sizes,
      contender,
      threads,
      seconds: [],
      ...(variant !== undefined && { variant }),
    };
    this.measurements.push(measurement);
    return measurement;
  }

  /** Prepares and computes once; what fails is skipped with its reason. */
  private async prepare(entry: Entry, data: Data, measurement: Measurement): Promise<Ready | undefined> {
    if ('skipped' in entry) {
      measurement.skipped = entry.skipped;
      return undefined;
    }
    let participant: Participant | undefined;
    try {
      participant = await entry.prepare(data);
      const outputs = await participant.result();
      if (outputs.method) measurement.method = outputs.method;
      return { ...participant, measurement, outputs };
    } catch (error) {
      measurement.skipped = error instanceof Error ? error.message : String(error);
      this.tell(measurement);
      await participant?.close?.();
      return undefined;
    }
  }

  private tell(measurement: Measurement): void {
    const { contender, variant, seconds, skipped, error } = measurement;
    const name = variant === undefined ? contender : `${contender} (${variant})`;
    if (skipped !== undefined) return this.progress.tell(`${name}: skipped, ${skipped}`);
    const { loss, gradients } = present(error);
    const errors = gradients === undefined ? loss : Math.max(loss, gradients);
    const rate = productRate(this.rates, measurement);
    const products = rate === undefined ? '' : `, products at ${readableRate(rate)}`;
    const crippled = standing(this.rates, measurement) === 'crippled' ? ', crippled' : '';
    this.progress.tell(`${name}: ${readable(median(seconds))}, error ${errors.toExponential(1)}${products}${crippled}`);
  }

  addFloors(limits: readonly Limits[]): void {
    for (const one of this.measurements) {
      const limit = present(limits.find(({ threads }) => threads === one.threads));
      if (one.contender !== 'gld-loss' || one.skipped !== undefined) continue;
      const operation = present(this.settings.cases.find(({ name }) => name === one.case)).operation;
      // Of the relation alone a method was asked for; elsewhere the floor is that of the cheaper one.
      const method = one.group === 'relation' ? one.method : undefined;
      one.floor = floorOf(work({ operation, sizes: one.sizes, mode: one.mode }, one.dtype, method), one.dtype, limit);
    }
  }
}

async function judge(on: Case, outputs: Outputs, reference: () => Promise<Reference>): Promise<ErrorOf> {
  return errorOf(on, outputs, await reference());
}

/** Each contender multiplies in its own process with its own threads; where nothing comes of it, its rate is unknown. */
async function measureProducts(
  contenders: readonly Contender[],
  threads: readonly number[],
  progress: Progress,
): Promise<ProductRate[]> {
  const rates: ProductRate[] = [];
  for (const contender of contenders) {
    for (const count of threads) {
      for (const dtype of ['float32', 'float64'] as const) {
        for (const size of productSizes) {
          const product = { ...size, dtype, threads: count };
          const seconds = await contender.secondsOfProduct?.(product).catch((error: Error) => {
            progress.tell(`${contender.name}: no products, ${error.message}`);
            return undefined;
          });
          if (seconds === undefined) continue;
          rates.push({ by: contender.name, ...product, flopsPerSecond: productFlops(size) / seconds });
        }
      }
    }
  }
  return rates;
}

/** Of two measurements of the same products the faster: what disturbs one only ever slows it down. */
function faster(before: readonly ProductRate[], after: readonly ProductRate[]): ProductRate[] {
  const best = new Map<string, ProductRate>();
  for (const one of [...before, ...after]) {
    const { by, threads, dtype, rows, columns, depth } = one;
    const key = [by, threads, dtype, rows, columns, depth].join();
    const known = best.get(key);
    if (known === undefined || known.flopsPerSecond < one.flopsPerSecond) best.set(key, one);
  }
  return [...best.values()];
}

/** Seconds between measurements of the machine's limits. */
const limitsInterval = 30;

export async function run(settings: Settings): Promise<RunRecord> {
  const began = new Date();
  const scratch = new Scratch();
  const { cases, threads } = settings;
  const needsReference = !cases.every(isSmall);
  const wanted = { names: settings.contenders, pythons: settings.pythons, threads, reference: needsReference };
  const { contenders, absent, pytorch } = await openContenders(wanted, scratch);
  const progress = createProgress(cases.length * threads.length + (settings.memory ? 1 : 0));
  const reference = pytorch && openPyTorch('pytorch', pytorch, scratch);
  const meter = new LimitsMeter(threads);
  let running: Run;
  let products: ProductRate[];
  let memory: MemoryPoint[] = [];
  try {
    meter.measure();
    products = await measureProducts(contenders, threads, progress);
    running = new Run(settings, contenders, reference, { limits: meter.limits(), products }, progress);
    for (const group of byWorkload(cases)) {
      await running.workload(group, scratch);
      meter.measureNowAndThen(limitsInterval);
    }
    if (settings.memory) {
      progress.next(memoryName);
      const names = contenders.map(({ name }) => name);
      memory = await measureMemory(names, pytorch, Math.max(...threads), (text) => progress.tell(text));
    }
    meter.measure();
    if (!settings.quick) products = faster(products, await measureProducts(contenders, threads, progress));
  } finally {
    progress.close();
    await Promise.all([...contenders, ...(reference ? [reference] : [])].map((contender) => contender.close()));
    scratch.close();
  }
  const limits = meter.limits();
  running.addFloors(limits);
  const versions = Object.assign({}, ...contenders.map((contender) => contender.versions)) as Record<string, string>;
  const environment = describeEnvironment({
    date: began.toISOString(),
    seconds: (Date.now() - began.getTime()) / 1000,
    selection: settings.selection,
    versions,
    absent: { ...settings.leftOut, ...absent },
  });
  return {
    format: 2,
    environment,
    limits,
    products: [...meter.products(), ...products],
    measurements: running.measurements,
    memory,
  };
}
