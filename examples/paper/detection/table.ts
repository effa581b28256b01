/** The result as a table for the terminal. */
import Table from 'cli-table3';
import { integer, percent, points } from '../../report/numbers.js';
import { meanAndDeviation } from '../../training/statistics.js';
import type { DetectionArm, DetectionRecord } from './record.js';

/** '81.2 ± 0.7', or '81.2' for a single value. */
function summary(values: number[], text: (value: number) => string = percent): string {
  const { mean, deviation } = meanAndDeviation(values);
  return deviation === undefined ? text(mean) : `${text(mean)} ± ${percent(deviation)}`;
}

/** Gains of an arm over another, seed by seed. */
export const gains = (arm: DetectionArm, first: DetectionArm): number[] =>
  arm.runs.map(({ meanAveragePrecision }, i) => meanAveragePrecision - first.runs[i].meanAveragePrecision);

export function resultTable({ arms, teacherAccuracy, description, settings: { pair } }: DetectionRecord): string {
  const table = new Table({
    head: ['backbone trained by', 'its accuracy %', 'mAP at IoU 0.5, %', 'gain, points', 'each seed %'],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const arm of arms) {
    const scores = arm.runs.map(({ meanAveragePrecision }) => meanAveragePrecision);
    table.push([
      arm.label, summary(arm.runs.map(({ backboneAccuracy }) => backboneAccuracy)), summary(scores),
      arm === arms[0] ? '' : summary(gains(arm, arms[0]), points), scores.map(percent).join(', '),
    ]);
  }
  const { scenes, objects, detector } = description;
  return `Teacher ${pair.teacher.network}: ${percent(teacherAccuracy)} % of ${integer(objects.testSize)} pictures of one ` +
    `object. Detectors on ${pair.student.network} (${integer(detector.parameters)} parameters), ` +
    `${integer(scenes.testSize)} test scenes, mean ± standard deviation over ${pair.seeds.length} ` +
    `${pair.seeds.length === 1 ? 'seed' : 'seeds'}:\n${table.toString()}`;
}
