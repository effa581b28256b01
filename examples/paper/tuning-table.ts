/** Backbones and what was fine-tuned from them as a table for the terminal and for the documents. */
import Table from 'cli-table3';
import { integer, percent, points } from '../report/numbers.js';
import { meanAndDeviation } from '../training/statistics.js';
import type { TunedArm, TuningRecord } from './tuning.js';

/** '81.2 ± 0.7', or '81.2' for a single value. */
function summary(values: number[], text: (value: number) => string = percent): string {
  const { mean, deviation } = meanAndDeviation(values);
  return deviation === undefined ? text(mean) : `${text(mean)} ± ${percent(deviation)}`;
}

/** Gains of an arm over another, seed by seed. */
const gains = (arm: TunedArm<unknown>, first: TunedArm<unknown>): number[] =>
  arm.runs.map(({ score }, i) => score - first.runs[i].score);

/**
 * @param measure of the larger networks, such as 'mIoU'
 * @param networks what they are, in the plural
 */
export function tuningTable(
  measure: string, networks: string, { arms, teacherAccuracy, description, settings: { pair } }: TuningRecord,
): string {
  const table = new Table({
    head: ['backbone trained by', 'its accuracy, %', `${measure}, %`, 'gain, points', 'each seed, %'],
    colAligns: ['left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const arm of arms) {
    const scores = arm.runs.map(({ score }) => score);
    table.push([
      arm.label, summary(arm.runs.map(({ backboneAccuracy }) => backboneAccuracy)), summary(scores),
      arm === arms[0] ? '' : summary(gains(arm, arms[0]), points), scores.map(percent).join(', '),
    ]);
  }
  const { scenes, objects, network } = description;
  return `Teacher ${pair.teacher.network}: ${percent(teacherAccuracy)} % of ${integer(objects.testSize)} pictures of one ` +
    `object. ${networks} on ${pair.student.network} (${integer(network.parameters)} parameters), ` +
    `${integer(scenes.testSize)} test scenes, mean ± standard deviation over ${pair.seeds.length} ` +
    `${pair.seeds.length === 1 ? 'seed' : 'seeds'}:\n${table.toString()}`;
}
