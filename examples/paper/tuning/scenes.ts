/** The scenes of a run, which its settings decide. */
import { type Scene, type SceneDataset, scenes } from '../../data/index.js';
import type { TuningSettings } from './settings.js';

export const scenesOf = (settings: Pick<TuningSettings, 'pair' | 'side' | 'scenes'>): SceneDataset =>
  scenes({ seed: settings.pair.baseSeed, side: settings.side, ...settings.scenes });

/** Test scenes that reports show. */
export const shownScenes = 8;

/** The first test scenes, which are the same whatever the number of the others. */
export function shownScenesOf(settings: TuningSettings): readonly Scene[] {
  const testSize = Math.min(shownScenes, settings.scenes.testSize);
  return scenesOf({ ...settings, scenes: { trainSize: 1, testSize } }).test.scenes;
}
