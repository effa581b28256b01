/** A record with made-up times, shaped like that of a real run of the benchmarks. */
import { productSizes } from '../products.js';
import type { Floor, Measurement, Mode, ProductRate, RunRecord, Sizes } from '../record.js';
import { Random } from '../../test/support/random.js';

const limits = [1, 2].map((threads) => ({
  threads,
  copyBytesPerSecond: 9e9 * threads ** 0.6,
  readBytesPerSecond: 7e9 * threads ** 0.6,
  writeBytesPerSecond: 8e9 * threads ** 0.6,
  flopsPerSecond: { float32: 1.1e11 * threads, float64: 5.4e10 * threads },
  flopsBy: 'registers' as const,
}));

const steps: [name: string, title: string, sizes: Sizes][] = [
  ['cifar', 'The authors’ CIFAR-100 recipe', { n: 64, K: 100, m: 320, C: 64, H: 8, W: 8, grid: 2 }],
  ['imagenet', 'ImageNet, ResNet-34 to ResNet-18', { n: 256, K: 1000, m: 1280, C: 512, H: 7, W: 7, grid: 2 }],
  ['large-batch', 'A large batch on a fine grid', { n: 512, K: 100, m: 8704, C: 128, H: 16, W: 16, grid: 4 }],
  ['small', 'The main job of the README', { n: 64, K: 10, m: 320, C: 32, H: 4, W: 4, grid: 2 }],
];

/** How many times as long as ours each contender takes in the made-up run. */
const slower: Record<string, number> = {
  'pytorch@2.13.0': 4,
  'pytorch-compile@2.13.0': 2.6,
  'pytorch@1.13.0': 9,
  tfjs: 14,
  typescript: 160,
};

/** What share of the multiply-adds' rate their products reach. */
const shares: Record<string, number> = {
  Eigen: 0.7,
  'gld-loss': 0.9,
  'pytorch@2.13.0': 0.88,
  'pytorch-compile@2.13.0': 0.86,
  'pytorch@1.13.0': 0.17,
  tfjs: 0.05,
};

const products = (threads: readonly number[], names: readonly string[]): ProductRate[] =>
  ['Eigen', 'gld-loss', ...names].flatMap((by) =>
    limits
      .filter((one) => by in shares && threads.includes(one.threads))
      .flatMap(({ threads: count, flopsPerSecond }) =>
        productSizes.flatMap((size, i) =>
          (['float32', 'float64'] as const).map((dtype) => ({
            by,
            threads: count,
            dtype,
            ...size,
            flopsPerSecond: flopsPerSecond[dtype] * shares[by] * 0.95 ** i,
          })),
        ),
      ),
  );

const work = ({ n, K, m, C = 0, H = 1, W = 1 }: Sizes): number =>
  2 * m * K * C + 6 * n * C * H * W + 20 * m * Math.min(K, m) * K;

export interface MadeUp {
  threads?: number[];
  contenders?: string[];
  seed?: number;
  /** Relative standard deviation of a repetition. */
  noise?: number;
}

/** Ours and all contenders on one case; what runs side by side is disturbed at the same time. */
function sideBySide(
  random: Random,
  base: Omit<Measurement, 'contender' | 'seconds' | 'threads'>,
  threads: number,
  contenders: string[],
  noise: number,
): Measurement[] {
  const { sizes, mode, dtype } = base;
  const flops = work(sizes) * (mode === 'gradients' ? 3 : 1) * (dtype === 'float64' ? 2 : 1);
  const ideal = flops / limits[threads - 1].flopsPerSecond.float32;
  const floor: Floor = { bytes: flops / 9, flops, seconds: ideal, bound: sizes.n > 300 ? 'bytes' : 'flops' };
  const own = ideal * 1.35 + 2e-5;
  const common = Array.from({ length: 9 }, () => 1 + noise * Math.abs(random.normal()));
  const seconds = (time: number) => common.map((factor) => time * factor * (1 + noise * 0.2 * random.normal()));
  const slow = ['large-batch', 'imagenet'].some((name) => base.case.startsWith(name));
  return ['gld-loss', ...contenders].map((contender): Measurement => {
    const error = { loss: 2e-7, ...(mode === 'gradients' && { gradients: 3.4e-6 }), reference: 'typescript' };
    if (contender === 'typescript' && slow) {
      return { ...base, contender, threads, seconds: [], skipped: 'expected to take longer than 60 s per repetition' };
    }
    const factor = contender === 'gld-loss' ? 1 : slower[contender] * (0.4 + 0.6 * Math.sqrt(sizes.m / 320));
    const own_ = contender === 'gld-loss' ? { floor } : {};
    return { ...base, contender, threads, seconds: seconds(own * factor), error, ...own_ };
  });
}

function relation(random: Random, threads: number, contenders: string[], noise: number): Measurement[] {
  const rate = limits[threads - 1].flopsPerSecond.float32 * 0.6;
  return [10, 100, 1000].flatMap((K) =>
    [80, 320, 1280, 5120].flatMap((m): Measurement[] => {
      const pairwise = (m * m * (6 * K + 80)) / rate + 2e-5;
      const moments = (20 * m * K * K + 80 * m * K) / rate + 3e-5;
      const base = {
        group: 'relation',
        case: `relation/m=${m},K=${K}`,
        title: 'Relation alone',
        mode: 'gradients',
        dtype: 'float32',
        layout: 'NCHW',
        sizes: { n: m / 5, K, m },
        threads,
        error: { loss: 3e-7, gradients: 2e-6, reference: 'typescript' },
      } as const;
      const seconds = (time: number) => Array.from({ length: 7 }, () => time * (1 + noise * Math.abs(random.normal())));
      const auto = pairwise < moments ? 'pairwise' : 'moments';
      const big = m > 2000 && K > 500;
      return [
        { ...base, contender: 'gld-loss', variant: 'pairwise', method: 'pairwise', seconds: seconds(pairwise) },
        { ...base, contender: 'gld-loss', variant: 'moments', method: 'moments', seconds: seconds(moments) },
        {
          ...base,
          contender: 'gld-loss',
          variant: 'auto',
          method: auto,
          seconds: seconds(Math.min(pairwise, moments)),
        },
        ...contenders
          .filter((name) => name !== 'typescript')
          .map(
            (contender): Measurement =>
              contender === 'tfjs' && big
                ? { ...base, contender, seconds: [], skipped: 'needs 1.2 GB, more than the WebAssembly heap has' }
                : { ...base, contender, seconds: seconds(pairwise * slower[contender] + 1e-4) },
          ),
      ];
    }),
  );
}

function small(random: Random, threads: number, noise: number): Measurement[] {
  const base = {
    title: 'Small',
    mode: 'gradients',
    dtype: 'float32',
    layout: 'NCHW',
    contender: 'gld-loss',
    threads,
  } as const;
  const seconds = (time: number) => Array.from({ length: 9 }, () => time * (1 + noise * Math.abs(random.normal())));
  const sizes = { n: 1, K: 10, m: 5 };
  const overhead = { ...base, group: 'overhead', case: 'overhead/n=1', sizes } as const;
  return [
    { ...overhead, seconds: seconds(21e-6), bytesPerCall: 3120 },
    { ...overhead, variant: 'GldLoss', seconds: seconds(14e-6), bytesPerCall: 912 },
    { ...base, group: 'calls', case: 'calls/n=64', variant: 'sync', sizes, seconds: seconds(4e-4) },
    { ...base, group: 'calls', case: 'calls/n=64', variant: 'async', sizes, seconds: seconds(4.6e-4) },
    { ...base, group: 'calls', case: 'calls/n=64', variant: '4 async at once', sizes, seconds: seconds(3.9e-4) },
  ];
}

export function madeUpBenchmarks({
  threads = [1, 2],
  contenders = ['pytorch@2.13.0', 'tfjs', 'typescript'],
  seed = 5,
  noise = 0.02,
}: MadeUp = {}): RunRecord {
  const random = new Random(seed);
  const modes: Mode[] = ['forward', 'gradients'];
  const of = (count: number, mode: Mode) => [
    ...steps.flatMap(([name, title, sizes]) =>
      sideBySide(
        random,
        { group: 'step', case: name, title, mode, dtype: 'float32', layout: 'NCHW', sizes },
        count,
        contenders,
        noise,
      ),
    ),
    ...sideBySide(
      random,
      {
        group: 'step',
        case: 'cifar',
        title: steps[0][1],
        mode,
        dtype: 'float64',
        layout: 'NHWC',
        sizes: steps[0][2],
      },
      count,
      contenders.filter((name) => name !== 'tfjs'),
      noise,
    ),
    ...['pool', 'classify', 'relation'].flatMap((stage) =>
      sideBySide(
        random,
        {
          group: 'stage',
          case: `cifar/${stage}`,
          title: stage,
          mode,
          dtype: 'float32',
          layout: 'NCHW',
          sizes: steps[0][2],
        },
        count,
        contenders.filter((name) => name === 'pytorch@2.13.0'),
        noise,
      ),
    ),
  ];
  return {
    format: 2,
    environment: {
      date: '2030-01-02T03:04:05.678Z',
      seconds: 1234,
      selection: 'full',
      commit: 'abc1234',
      cpu: 'Imagined <CPU> @ 3 GHz',
      cores: 2,
      memoryGiB: 15.6,
      os: 'Debian 12, Linux 6.1',
      node: 'v20.20.2',
      gldLoss: '0.1.0',
      level: 'x86-64-v4',
      levels: ['x86-64-v2', 'x86-64-v3', 'x86-64-v4'],
      versions: { 'pytorch@2.13.0': 'with MKL 2024.2 and OpenMP', tfjs: '4.22.0 (wasm)' },
      absent: { 'pytorch-compile@1.13.0': 'PyTorch 1.13.0 has no torch.compile' },
    },
    limits: limits.filter((one) => threads.includes(one.threads)),
    products: products(threads, contenders),
    measurements: threads.flatMap((count) => [
      ...modes.flatMap((mode) => of(count, mode)),
      ...relation(random, count, contenders, noise),
      ...small(random, count, noise),
    ]),
    memory: [320, 1280, 5120, 20480].flatMap((m) => [
      { contender: 'gld-loss', variant: 'pairwise', m, K: 100, bytes: 2.1e6 + m * 900 },
      { contender: 'gld-loss', variant: 'moments', m, K: 100, bytes: 1.4e6 + m * 420 },
      m > 10_000
        ? { contender: 'pytorch@2.13.0', m, K: 100, bytes: 0, skipped: 'out of memory' }
        : { contender: 'pytorch@2.13.0', m, K: 100, bytes: 3e6 + m * m * 28 },
    ]),
  };
}
