/** The machine's limits, and the products of Eigen and ours, by a small native program with the flags of our level. */
import { execFileSync, spawnSync } from 'node:child_process';
import { deviceInfo } from 'gld-loss';
import { at, programPath } from '../tools/support.js';
import { productSizes, type ProductSize } from './products.js';
import type { Limits, ProductRate } from './record.js';
import { median } from './statistics.js';

interface Sample {
  copy: number;
  read: number;
  write: number;
  float32: number;
  float64: number;
  products: (ProductSize & { by: string; float32: number; float64: number })[];
}

const sizes = productSizes.map(({ rows, columns, depth }) => [rows, columns, depth].join('x'));

/** Built here, so that nobody else has to wait for it. */
function build(): string {
  const target = `gld_limits_${deviceInfo().cpu.level.replaceAll('-', '_')}`;
  const env = { ...process.env, PATH: programPath() };
  const child = spawnSync('tsx', [at('tools/build-native.ts'), '--target', target], { env, encoding: 'utf8' });
  if (child.error) throw child.error;
  if (child.status !== 0) throw new Error(`${target} was not built:\n${child.stdout}${child.stderr}`);
  return at('build/benchmarks', target);
}

export class LimitsMeter {
  private readonly program = build();
  private readonly samples: Map<number, Sample[]>;
  private last = -Infinity;

  constructor(threads: readonly number[]) {
    this.samples = new Map(threads.map((count) => [count, []]));
  }

  /** Takes about three seconds per number of threads. */
  measure(): void {
    for (const [threads, samples] of this.samples) {
      samples.push(JSON.parse(execFileSync(this.program, [String(threads), ...sizes], { encoding: 'utf8' })) as Sample);
    }
    this.last = performance.now();
  }

  /** Between cases, but not after each short one. */
  measureNowAndThen(everySeconds: number): void {
    if (performance.now() - this.last > everySeconds * 1000) this.measure();
  }

  /** Medians of all measurements. */
  limits(): Limits[] {
    return [...this.samples].map(([threads, samples]) => {
      const of = (name: Exclude<keyof Sample, 'products'>) => median(samples.map((sample) => sample[name]));
      return {
        threads,
        copyBytesPerSecond: of('copy'),
        readBytesPerSecond: of('read'),
        writeBytesPerSecond: of('write'),
        flopsPerSecond: { float32: of('float32'), float64: of('float64') },
        flopsBy: 'registers',
      };
    });
  }

  /** Likewise. */
  products(): ProductRate[] {
    return [...this.samples].flatMap(([threads, samples]) =>
      (['float32', 'float64'] as const).flatMap((dtype) =>
        (samples.at(0)?.products ?? []).map(({ by, rows, columns, depth }, i) => {
          const flopsPerSecond = median(samples.map((sample) => sample.products[i][dtype]));
          return { by, threads, dtype, rows, columns, depth, flopsPerSecond };
        }),
      ),
    );
  }
}
