/** The plots of a run as texts of SVG files; what has no data is undefined. */
import type { Floor, Measurement, Mode, RunRecord } from '../../record.js';
import { median, ratio } from '../../statistics.js';
import { day } from '../environment.js';
import {
  caseName,
  contenderName,
  floorShare,
  fullName,
  share,
  sizeTick,
  threadsName,
  times,
  timeTick,
} from '../format.js';
import { mark } from '../headline.js';
import { columns, lineups, measured, methodName, ours, threadCounts } from '../lineup.js';
import { byEigen } from '../small-tables.js';
import { type Bar, barsPanel } from './bars.js';
import { chart } from './chart.js';
import { boundColours, lookOf } from './colours.js';
import { linesChart, logTicks } from './lines.js';

export const plotNames = ['ratios', 'relation-time', 'floor', 'memory'] as const;
export type PlotName = (typeof plotNames)[number];

export const plots = (record: RunRecord): Record<PlotName, string | undefined> => ({
  ratios: ratiosPlot(record),
  'relation-time': relationPlot(record),
  floor: floorPlot(record),
  memory: memoryPlot(record),
});

const where = ({ environment: { cpu, level, date, commit } }: RunRecord): string =>
  `${cpu}, ${level}, ${day(date)}, commit ${commit}`;

/** With gradients where that was measured: it is what training needs. */
function mainMode(measurements: readonly Measurement[]): Mode {
  return measurements.some(({ mode }) => mode === 'gradients') ? 'gradients' : 'forward';
}

const modeText: Record<Mode, string> = { forward: 'forward only', gradients: 'loss and gradients' };

function relationPlot(record: RunRecord): string | undefined {
  const all = record.measurements.filter((one) => one.group === 'relation' && one.dtype === 'float32' && measured(one));
  const threads = Math.max(...all.map((one) => one.threads));
  const mode = mainMode(all);
  const shown = all.filter((one) => one.threads === threads && one.mode === mode && one.variant !== 'auto');
  const names = columns(shown);
  shown.sort((a, b) => names.indexOf(fullName(a)) - names.indexOf(fullName(b)));
  return linesChart(
    {
      title: 'Relation term: time against the number of rows',
      subtitle: `${modeText[mode]}, ${threadsName(threads)}`,
      where: where(record),
    },
    shown.map((one) => ({ ...one, ...one.sizes, name: lineName(one), value: median(one.seconds) })),
    { label: 'time per call', tick: timeTick },
  );
}

/** Ours with its method; contenders with their names. */
const lineName = (one: { contender: string; variant?: string }): string =>
  one.contender === ours ? `${ours} ${methodName(one)}` : methodName(one);

function memoryPlot(record: RunRecord): string | undefined {
  const points = record.memory
    .filter(({ skipped }) => skipped === undefined)
    .map((point) => ({ ...point, name: lineName(point), value: point.bytes }));
  return linesChart(
    {
      title: 'Relation term: memory against the number of rows',
      subtitle: 'peak beyond inputs and outputs',
      where: where(record),
    },
    points,
    { label: 'peak memory', tick: sizeTick },
  );
}

function ratiosPlot(record: RunRecord): string | undefined {
  const mode = mainMode(record.measurements.filter(({ group }) => group === 'step'));
  const rows = lineups(record, { group: 'step', mode }).filter(({ own }) => measured(own));
  const names = columns(rows.flatMap(({ others }) => others));
  const bars = rows
    .flatMap(({ own, others }) =>
      others.map((other): Bar => {
        const value = measured(other) && measured(own) ? ratio(other.seconds, own.seconds) : undefined;
        return {
          threads: other.threads,
          group: caseName(other),
          name: fullName(other),
          value,
          label: value === undefined ? 'not measured' : `${times(value)}${mark(record, other)}`,
          colour: lookOf(other).colour,
          ...(mark(record, other) && { opacity: 0.4 }),
        };
      }),
    )
    .sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const values = bars.flatMap(({ value }) => value ?? []);
  if (values.length === 0) return undefined;
  const domain: [number, number] = [Math.min(0.9, ...values), Math.max(2, ...values)];
  const colours = new Map(bars.map(({ name, colour }) => [name, colour]));
  return chart({
    title: 'How many times as long contenders take for a step',
    subtitle: `${modeText[mode]}, ratio to gld-loss; 1× is as fast`,
    where: where(record),
    columns: 2,
    legend: [...colours].map(([name, colour]) => ({ name: contenderName(name), colour })),
    panels: perThreads(record, bars, (title, some) =>
      barsPanel(title, some, {
        from: 1,
        line: 1,
        axis: { type: 'log', domain },
        label: 'time / time of gld-loss',
        ticks: logTicks(domain),
        tick: (value) => `${value.toLocaleString('en')}×`,
      }),
    ),
  });
}

const flopsName = (record: RunRecord): string =>
  byEigen(record) ? 'a large product by Eigen' : 'multiply-adds in registers';

/** The shares of the floor of whole steps and stages. */
function floorPlot(record: RunRecord): string | undefined {
  const rows = [...lineups(record, { group: 'step' }), ...lineups(record, { group: 'stage' })];
  const bars = rows.flatMap(({ own }): Bar[] => {
    if (!measured(own) || own.floor === undefined) return [];
    const { floor, seconds } = own as Measurement & { floor: Floor };
    const value = floorShare({ floor, seconds });
    return [
      {
        threads: own.threads,
        group: caseName(own),
        name: own.mode,
        value,
        label: `${share(value)} ${own.mode}`,
        colour: boundColours[floor.bound],
      },
    ];
  });
  if (bars.length === 0) return undefined;
  const top = Math.max(1, ...bars.map(({ value = 0 }) => value));
  const step = top < 1.5 ? 0.5 : Math.ceil(top / 4);
  const ticks = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
  return chart({
    title: 'How near gld-loss is to the limits of the machine',
    subtitle: 'least time that the limits allow / our time',
    where: where(record),
    columns: 2,
    legend: [
      { name: `limited by ${flopsName(record)} (flops)`, colour: boundColours.flops },
      { name: 'limited by a large copy (bytes)', colour: boundColours.bytes },
    ],
    panels: perThreads(record, bars, (title, some) =>
      barsPanel(title, some, {
        from: 0,
        line: 1,
        labelsAt: top,
        axis: { domain: [0, top] },
        label: 'share of the limit',
        ticks,
        tick: share,
      }),
    ),
  });
}

const perThreads = <T>(record: RunRecord, bars: Bar[], panel: (title: string, bars: Bar[]) => T): T[] =>
  threadCounts(record).flatMap((count) => {
    const some = bars.filter(({ threads }) => threads === count);
    return some.length === 0 ? [] : [panel(threadsName(count), some)];
  });
