/** The short table at the end. */
import { count, digits, errors, floorShare, share, size, time, times } from '../report/format.js';
import { median, ratio } from '../statistics.js';
import type { CheckResult } from '../../test/conformance/record.js';
import type { CheckRecord, Timing } from './record.js';

/** Columns of equal width; the first is a name, the others are numbers. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function checkRow(group: string, checks: readonly CheckResult[]): string[] {
  const failed = checks.filter(({ passed }) => !passed).length;
  const skipped = checks.filter((check) => check.skipped !== undefined).length;
  const cases = checks.reduce((sum, check) => sum + check.cases, 0);
  const seconds = checks.reduce((sum, check) => sum + check.seconds, 0);
  const state =
    failed > 0
      ? `${failed} FAILED`
      : skipped === checks.length
        ? 'skipped'
        : skipped > 0
          ? `ok, ${skipped} skipped`
          : 'ok';
  return [group, state, cases.toLocaleString('en'), `${digits(seconds)} s`];
}

const measured = ({ seconds }: Timing) => seconds.length > 0;
const same = (a: Timing) => (b: Timing) => a.case === b.case;

function timingRows(timings: readonly Timing[]): string[][] {
  return timings.filter(measured).map((timing) => {
    const eager = timings.find((one) => same(timing)(one) && one.contender === 'pytorch' && measured(one));
    const compiled = timings.find((one) => same(timing)(one) && one.contender === 'pytorch-compile' && measured(one));
    const against = (base: Timing | undefined) =>
      base === undefined || timing.contender !== 'gld-loss' ? '' : times(ratio(base.seconds, timing.seconds));
    const { error, floor } = timing;
    return [
      `${timing.case}: ${timing.contender} ${timing.variant} ${timing.precision}`,
      time(median(timing.seconds)),
      error ? errors(error) : '',
      floor ? share(floorShare({ floor, seconds: timing.seconds })) : '',
      against(eager),
      against(compiled),
    ];
  });
}

export function summary(record: CheckRecord): string {
  const {
    environment: { device, seconds },
    checks,
    accuracy,
    limits,
    timings,
    kernels,
    absent,
  } = record;
  const parts: string[] = [];
  const groups = [...new Set(checks.map(({ group }) => group))];
  const kinds = { gpu: '', emulated: ' (emulated on a CPU: says nothing about a GPU)', cpu: " (in a GPU's place)" };
  parts.push(`${device.name}${kinds[device.kind]}, ${seconds} s`);
  if (checks.length > 0) {
    parts.push(
      columns([
        ['checks', '', 'comparisons', 'time'],
        ...groups.map((group) =>
          checkRow(
            group,
            checks.filter((check) => check.group === group),
          ),
        ),
      ]),
    );
  }
  if (accuracy.length > 0) {
    const show = (error: number) => error.toExponential(1);
    parts.push(
      columns([
        ['errors against float64', 'loss', 'relation', 'gradient'],
        ...accuracy.map((one) => [
          `${one.precision}: ${one.inputs}`,
          show(one.loss),
          show(one.relation),
          show(one.gradient),
        ]),
      ]),
    );
  }
  if (limits) {
    const rates = Object.entries(limits.productFlopsPerSecond).map(([name, rate]) => `${name} ${count(rate)}flop/s`);
    parts.push(
      `limits: copies ${size(limits.copyBytesPerSecond)}/s, products ${rates.join(', ')} (${limits.measuredBy})`,
    );
  }
  const rows = timingRows(timings);
  if (rows.length > 0) {
    parts.push(columns([['median of a call', 'time', 'errors', 'of floor', 'eager', 'compiled'], ...rows]));
  }
  for (const { case: name, kernels: all } of kernels) {
    const sum = all.reduce((total, one) => total + one.seconds, 0);
    const largest = [...all].sort((a, b) => b.seconds - a.seconds).slice(0, 5);
    parts.push(
      columns([
        [`${name}: kernels, ${time(sum)} a call`, 'time', 'share', 'launches'],
        ...largest.map((one) => [
          one.name.slice(0, 60),
          time(one.seconds),
          share(one.seconds / sum),
          digits(one.launches),
        ]),
      ]),
    );
  }
  const skipped = timings.filter((timing) => timing.skipped !== undefined);
  const missing = [
    ...Object.entries(absent),
    ...skipped.map((one) => [`${one.case}: ${one.contender} ${one.variant}`, one.skipped] as const),
  ];
  if (missing.length > 0) parts.push(['not done:', ...missing.map(([what, why]) => `  ${what}: ${why}`)].join('\n'));
  const failed = checks.filter(({ passed }) => !passed).length;
  parts.push(
    checks.length === 0
      ? 'no checks ran'
      : `${checks.length - failed} of ${checks.length} checks passed${failed > 0 ? `, ${failed} FAILED` : ''}`,
  );
  return `\n${parts.join('\n\n')}`;
}
