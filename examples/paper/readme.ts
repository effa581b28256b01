/** The parts of README.md and of docs/distiller.md that come from the ablation. */
import { duration, integer, percent } from 'gld-loss-pages/numbers';
import { differences } from '../report/comparison.js';
import { finals } from '../report/headline.js';
import { spread, versus } from '../report/table.js';
import { present } from '../present.js';
import type { ClassificationRecord } from './classification/record.js';
import { lengthScores } from './classification/scores.js';
import { between } from './document.js';

/** README.md with the table of the record's results, and where they come from, between its markers. */
export function intoReadme(readme: string, record: ClassificationRecord): string {
  const { data, teacher, student, lengths, seconds, environment, startedAt } = record;
  const scores = lengths.map((length) => lengthScores(record, length));
  const cells = scores.map(({ arms }) => {
    const kd = arms.find(({ label }) => label === 'Hinton KD');
    return arms.map((arm) => {
      const changes = kd === undefined ? [] : differences(arms, arm, kd);
      return `${spread(finals(arm))} | ${versus(changes).replace('*', '\\*')}`;
    });
  });
  const head = lengths.flatMap(({ epochs }) => [`${epochs} epochs, %`, 'vs. KD, points']);
  const rows = scores[0].arms.map(({ label }, i) => `| ${[label, ...cells.map((own) => own[i])].join(' | ')} |`);
  const seeds = scores[0].arms[0].runs.length;
  const { cpu, cores } = environment;
  const text = [
    `| what the student minimises | ${head.join(' | ')} |`,
    `| --- |${' --: |'.repeat(head.length)}`,
    ...rows,
    '',
    `Test accuracy, mean ± standard deviation over ${seeds} seeds; in brackets the 95 % confidence interval of the mean`,
    `difference, \\* where it leaves out 0. ${integer(data.trainSize)} training images; the teacher, with`,
    `${integer(teacher.parameters)} parameters, reaches ${percent(teacher.testAccuracy)} %, the students have`,
    `${integer(student.parameters)}. \`npm run paper -- classification\`, ${startedAt.slice(0, 10)}, ${duration(seconds)}`,
    `on ${cpu}, ${cores} cores.`,
  ].join('\n');
  return between(readme, '<!-- ablation:begin -->', '<!-- ablation:end -->', `\n${text}\n`);
}

/** docs/distiller.md with what the trainings reached that 'short' of gldPreset stands for, between its markers. */
export function intoPresets(page: string, record: ClassificationRecord): string {
  const short = present(record.lengths.find(({ name }) => name === 'short'));
  const { arms } = lengthScores(record, short);
  const reached = short.arms.map(({ label, rate }, i) => `| ${label} | ${rate} | ${spread(finals(arms[i]))} |`);
  const text = [
    '| arm | rate | test accuracy, % |',
    '| --- | --: | --: |',
    ...reached,
    '',
    `${short.epochs} epochs of ${integer(record.data.trainSize)} images of Fashion-MNIST, SGD and warm-up as in \`'short'\`, the`,
    `best of the learning rates ${short.arms[0].tries.map(({ rate }) => rate).join(', ')} for each arm: [the ablation](paper.md).`,
  ].join('\n');
  return between(page, '<!-- short:begin -->', '<!-- short:end -->', `\n${text}\n`);
}
