/** The result for the terminal. */
import { integer, mean } from 'gld-loss-pages/numbers';
import { accuracies } from '../report/scores.js';
import { scoreTables } from '../report/table.js';
import type { RunRecord } from '../report/types.js';

export function resultTable(run: RunRecord): string {
  const { teacher, student, settings, arms } = run;
  const title =
    `Students ${student.name} (${integer(student.parameters)} parameters) of ${teacher.name} ` +
    `(${integer(teacher.parameters)}), on ${integer(settings.testSize)} test images`;
  const seconds = arms.map(({ label, runs }) => {
    const times = runs.flatMap(({ epochs }) => epochs.map((epoch) => epoch.seconds));
    return `${label} ${mean(times).toFixed(2)}`;
  });
  return `${scoreTables([[title, accuracies(run)]])}\nSeconds per epoch: ${seconds.join(', ')}.`;
}
