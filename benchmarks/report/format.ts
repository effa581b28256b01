/** Numbers and names as tables, plots and texts show them. */
import type { WayName } from '../contenders/names.js';
import type { ErrorOf, Floor, Measurement, Mode, Sizes } from '../record.js';
import { median } from '../statistics.js';

/** Three significant digits, also where they end in zeros: 1.20, 12.0, 120, 1,200; two between 0.1 and 1. */
export function digits(value: number): string {
  const size = Math.abs(value);
  if (size > 0 && size < 0.0995) return value.toPrecision(3);
  if (size >= 999.5) return Number(value.toPrecision(3)).toLocaleString('en');
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

type Units = readonly (readonly [size: number, name: string])[];

/** The value with the largest unit that leaves at least 1 before it. */
function withUnit(value: number, units: Units, show: (value: number) => string): string {
  const [size, name] = units.find(([size]) => Math.abs(value) >= 0.9995 * size) ?? units[units.length - 1];
  return `${show(value / size)} ${name}`;
}

const seconds = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'µs'],
  [1e-9, 'ns'],
] as const;
const bytes = [
  [1e9, 'GB'],
  [1e6, 'MB'],
  [1e3, 'kB'],
  [1, 'B'],
] as const;
const counts = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
  [1, ''],
] as const;

/** 0.0123 → '12.3 ms'. */
export const time = (value: number): string => withUnit(value, seconds, digits);

/** 12_300_000 → '12.3 MB', in powers of 1000. */
export const size = (value: number): string => withUnit(value, bytes, value < 1000 ? String : digits);

/** 1.23e9 → '1.23 G'; the unit follows. */
export const count = (value: number): string => withUnit(value, counts, digits);

const short = (value: number): string => String(Number(value.toPrecision(2)));

/** Ticks of an axis: '10 ms', '1 MB', without digits that say nothing. */
export const timeTick = (value: number): string => withUnit(value, seconds, short);
export const sizeTick = (value: number): string => withUnit(value, bytes, short);

/** 3.214 → '3.21×'. */
export const times = (value: number): string => `${digits(value)}×`;

/** 0.823 → '82 %'; small shares keep a digit that says something. */
export function share(value: number): string {
  const percent = 100 * value;
  if (percent === 0) return '0 %';
  return `${percent >= 9.95 ? percent.toFixed(0) : Number(percent.toPrecision(percent >= 1 ? 2 : 1))} %`;
}

/** 0.034 → '+3.4 %'. */
export function change(value: number): string {
  const percent = Math.abs(100 * value).toFixed(Math.abs(value) < 0.0995 ? 1 : 0);
  return `${Number(percent) === 0 ? '' : value < 0 ? '−' : '+'}${percent} %`;
}

function exponent(value: number): string {
  if (!Number.isFinite(value)) return '∞';
  return value === 0 ? '0' : value.toExponential(0).replace('e+', 'e');
}

/** Errors of the loss and, if there are any, of the gradients: '2e-7 / 4e-6'. */
export const errors = ({ loss, gradients }: ErrorOf): string =>
  gradients === undefined ? exponent(loss) : `${exponent(loss)} / ${exponent(gradients)}`;

/** What part of our time the machine's limits would take in any case. */
export const floorShare = ({ floor, seconds }: { floor: Floor; seconds: readonly number[] }): number =>
  floor.seconds / median(seconds);

/** A contender without its interpreter: 'pytorch-tuned@2.13.0' → 'pytorch-tuned'. */
export const wayOf = (contender: string): string => contender.split('@')[0];

const pytorchWays: Record<WayName | 'pytorch-refblas', string> = {
  pytorch: '',
  'pytorch-tuned': ' tuned',
  'pytorch-compile': ' compiled',
  'pytorch-compile-tuned': ' compiled tuned',
  // With the BLAS that Debian installs by default: in records of format 1.
  'pytorch-refblas': ' ref. BLAS',
};
const isPyTorch = (way: string): way is keyof typeof pytorchWays => way in pytorchWays;

/** 'pytorch-tuned@2.13.0' → 'PyTorch 2.13.0 tuned'. */
export function contenderName(contender: string): string {
  const [way, label] = contender.split('@');
  if (isPyTorch(way)) return `PyTorch${label === undefined ? '' : ` ${label}`}${pytorchWays[way]}`;
  return way === 'typescript' ? 'TypeScript' : contender;
}

/** The contender and which of its ways, such as 'PyTorch moments'. */
export const fullName = ({ contender, variant }: { contender: string; variant?: string }): string =>
  variant === undefined ? contenderName(contender) : `${contenderName(contender)} ${variant}`;

export const modeName: Record<Mode, string> = { forward: 'forward', gradients: 'with gradients' };

/** The case, and what is not the default of it. */
export const caseName = ({ case: name, dtype, layout }: Pick<Measurement, 'case' | 'dtype' | 'layout'>): string =>
  [name, ...(dtype === 'float64' ? [dtype] : []), ...(layout === 'NHWC' ? [layout] : [])].join(' ');

export const threadsName = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`;

/** 'n 64, C 64, 8 × 8, grid 2, K 100, m 320'. */
export function sizesText({ n, K, m, C, H, W, grid }: Sizes): string {
  const map = H === undefined || W === undefined ? [] : [`${H} × ${W}`];
  const of = (name: string, value: number | undefined) =>
    value === undefined ? [] : [`${name} ${value.toLocaleString('en')}`];
  return [...of('n', n), ...of('C', C), ...map, ...of('grid', grid), ...of('K', K), ...of('m', m)].join(', ');
}

/** At most `length` characters, cut where a word ends. */
export function shorten(text: string, length: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= length ? line : `${line.slice(0, length - 1).replace(/\s+\S*$/, '')}…`;
}
