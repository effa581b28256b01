/** The result as a table for the terminal. */
import Table from 'cli-table3';
import type { RunRecord } from '../report/types.js';
import { meanAndDeviation } from '../training/statistics.js';

const percent = (share: number) => (100 * share).toFixed(1);

/** '81.2 ± 0.7', or '81.2' for a single run. */
function summary(values: number[]): string {
  const { mean, deviation } = meanAndDeviation(values);
  return deviation === undefined ? percent(mean) : `${percent(mean)} ± ${percent(deviation)}`;
}

export function resultTable(run: RunRecord): string {
  const table = new Table({
    head: ['arm', 'test accuracy %', 'each seed %', 's per epoch'],
    colAligns: ['left', 'right', 'left', 'right'],
    style: { head: [], border: [] },
  });
  for (const { label, runs } of run.arms) {
    const final = runs.map((student) => student.testAccuracy);
    const times = runs.flatMap(({ epochs }) => epochs.map(({ seconds }) => seconds));
    table.push([label, summary(final), final.map(percent).join(', '), meanAndDeviation(times).mean.toFixed(2)]);
  }
  const { teacher, student, settings } = run;
  const count = (n: number) => n.toLocaleString('en');
  const seeds = `${settings.seeds.length} seed${settings.seeds.length === 1 ? '' : 's'}`;
  return (
    `Teacher ${teacher.name} (${count(teacher.parameters)} parameters): ${percent(teacher.testAccuracy)} % of ` +
    `${count(settings.testSize)} test images. Students ${student.name} (${count(student.parameters)} parameters), ` +
    `mean ± standard deviation over ${seeds}:\n${table.toString()}`
  );
}
