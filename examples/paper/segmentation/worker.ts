/** The study in a worker thread. */
import type { OpenWorker } from '../../training/study.js';
import type { TuningStudyJob } from '../tuning/jobs.js';
import { packBytes } from '../../report/packed-bytes.js';
import { shownScenes } from '../tuning/scenes.js';
import { tuningWorker } from '../tuning/worker.js';
import { pixelClasses } from './labels.js';
import type { SegmentationDescription } from './record.js';
import { buildSegmenter, judge, type Segmenter, segmentationObjective } from './segmenter.js';
import type { SegmentationSettings } from './settings.js';

export const open: OpenWorker<SegmentationSettings, TuningStudyJob, SegmentationDescription> = async (
  settings,
  threads,
) =>
  tuningWorker(settings, threads, (data) => {
    const what = { side: settings.side, classes: pixelClasses(data.classes).length };
    return {
      build: (backbone, rng) => buildSegmenter(backbone, what, settings.head, rng),
      size: (_, size) => size,
      objective: (segmenter: Segmenter) => segmentationObjective(segmenter, data.train),
      evaluate: async (segmenter) => (await judge(segmenter, data.test)).confusion.meanIntersectionOverUnion(),
      finish: async (segmenter) => {
        const { confusion, predicted } = await judge(segmenter, data.test);
        return {
          run: { perClass: confusion.intersectionOverUnion().map((value) => value ?? null) },
          first: { predicted: predicted.slice(0, shownScenes).map(packBytes) },
        };
      },
    };
  });
