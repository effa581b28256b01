/** What a network makes of the first test images: the numbers behind the pictures of the report. */
import type { Batch, Dataset } from '../data/index.js';
import { imageBytes } from '../data/pixels.js';
import { packBytes } from '../report/packed-bytes.js';
import { relationMatrix } from '../report/relation-matrix.js';
import type { Answer } from '../report/types.js';
import { type Grid, logitRows, rowsOf } from '../teachers/logits.js';
import { sideOf, type Teacher } from '../teachers/types.js';
import type { CandidateImage, StudentResult } from './jobs.js';

/** Images among which the report finds those that it shows: the first of the test images. */
const candidateImages = 200;
/** Images of those whose logit rows the report shows a relation matrix of. */
const relationImages = 16;

async function firstImages({ test }: Dataset): Promise<Batch> {
  for await (const batch of test.batches({ batchSize: Math.min(candidateImages, test.size) })) return batch;
  throw new Error('the test split is empty');
}

export async function candidates(data: Dataset): Promise<CandidateImage[]> {
  const batch = await firstImages(data);
  return Array.from(batch.labels, (label, i) => ({ label, pixels: packBytes(imageBytes(batch, i, data)) }));
}

/** A network's answers to the candidates, and the distances between logit rows, as the relation term compares them. */
export async function probe(
  { form, outputs }: Teacher,
  data: Dataset,
  grid: Grid,
  threads: number,
): Promise<Pick<StudentResult, 'relationMatrix' | 'answers'>> {
  const batch = await firstImages(data);
  const { labels, size } = batch;
  const logits = logitRows(sideOf(form, await outputs(batch), size), grid, threads);
  const rows = rowsOf(grid);
  const perImage = logits.length / size;
  const related = Math.min(relationImages, size);
  return {
    relationMatrix: relationMatrix(
      logits.subarray(0, related * perImage),
      Array.from({ length: related * rows }, (_, row) => labels[Math.floor(row / rows)]),
    ),
    answers: Array.from(labels, (label, i) =>
      answerOf(logits.subarray(i * perImage, (i + 1) * perImage), perImage / rows, label),
    ),
  };
}

/** @param logits of one image: the global row, then those of the cells */
function answerOf(logits: Float32Array, classes: number, label: number): Answer {
  const [global, ...cells] = Array.from({ length: logits.length / classes }, (_, row) =>
    logits.subarray(row * classes, (row + 1) * classes),
  );
  const taken = global.indexOf(Math.max(...global));
  return { class: taken, probability: probability(global, taken), cells: cells.map((row) => probability(row, label)) };
}

/** Softmax of one class. Four decimals are more than a page shows, and keep the JSON record small. */
function probability(logits: Float32Array, of: number): number {
  const top = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  return Number((Math.exp(logits[of] - top) / sum).toFixed(4));
}
