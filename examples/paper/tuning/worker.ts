/** Such a study in a worker thread. */
import { type Batch, Rng, type SceneDataset, singleObjects } from '../../data/index.js';
import { describeData, loadBackbone, PairTrainer } from '../../distill/trainer.js';
import type { MapShape, Parameters } from '../../tfjs/layers.js';
import { type Backbone, buildBackbone } from '../../tfjs/networks.js';
import { trainJob } from '../../training/job.js';
import type { JobContext, StudyWorker } from '../../training/study.js';
import type { Objective } from '../../training/train.js';
import type { NetworkSize, TuningDescription, TuningJob, TuningStudyJob } from './jobs.js';
import type { TuningResult } from './record.js';
import { scenesOf } from './scenes.js';
import type { TuningSettings } from './settings.js';

/** A network on a backbone, which is its own. */
export interface TunedNetwork {
  backbone: Backbone;
  head: { parameters: Parameters };
  /** Floating-point operations of one forward pass over one image. */
  flops: number;
}

/** What a study does with scenes. */
export interface TuningTask<Network extends TunedNetwork, Size extends NetworkSize, Run, First> {
  /** Puts a freshly drawn head on a backbone; `rng` decides its weights. */
  build(backbone: Backbone, rng: Rng): Network;
  size(network: Network, size: NetworkSize): Size;
  objective(network: Network): Objective<Batch, void>;
  /** The score on the test scenes. */
  evaluate(network: Network): Promise<number>;
  finish(network: Network): Promise<TuningResult<Run, First>>;
}

export function tuningWorker<Network extends TunedNetwork, Size extends NetworkSize, Run, First>(
  settings: TuningSettings,
  threads: number,
  taskOn: (data: SceneDataset) => TuningTask<Network, Size, Run, First>,
): StudyWorker<TuningStudyJob, TuningDescription<Size>> {
  const { side, pair, recipe } = settings;
  const pictures = singleObjects({ seed: pair.baseSeed, side, ...settings.objects });
  const data = scenesOf(settings);
  const input: MapShape = [side, side, data.channels];
  const trainer = new PairTrainer(pair, pictures);
  const task = taskOn(data);

  /** Runs what is given a network on this backbone, and frees it. */
  const using = async <T>(backbone: Backbone, rng: Rng, use: (network: Network) => T | Promise<T>): Promise<T> => {
    const network = task.build(backbone, rng);
    try {
      return await use(network);
    } finally {
      network.head.parameters.dispose();
      backbone.dispose();
    }
  };

  const describe = async (): Promise<TuningDescription<Size>> => {
    const pairDescription = await trainer.describe(threads); // first: its student has the names of the backbone's variables
    const backbone = buildBackbone(pair.student.network, { input, scope: 'student', rng: new Rng(0) });
    return {
      pair: pairDescription,
      objects: describeData(pictures),
      scenes: describeData(data),
      network: await using(backbone, new Rng(0), (network) =>
        task.size(network, {
          flops: network.flops,
          parameters: backbone.parameters.count + network.head.parameters.count,
        }),
      ),
    };
  };

  const tune = async (job: TuningJob, context: JobContext): Promise<boolean> => {
    // Networks with the same seed get the same head and see the same batches in every arm.
    const rng = new Rng(job.seed, 2);
    return using(await loadBackbone(context.directory, job.backbone, input), rng, (network) =>
      trainJob(job.id, context, {
        parameters: [network.backbone.parameters, network.head.parameters],
        rng,
        source: data.train,
        objective: task.objective(network),
        recipe,
        evaluate: () => task.evaluate(network),
        finish: () => task.finish(network),
      }),
    );
  };

  return {
    describe,
    run: (job, context) => (job.role === 'tuning' ? tune(job, context) : trainer.run(job, context)),
  };
}
