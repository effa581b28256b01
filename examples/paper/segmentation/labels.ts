/** What a segmentation network is asked for: the class of every pixel. */
import type { Scene } from '../../data/index.js';

/** Stands for pixels that are neither learned nor counted. */
export const ignored = 255;

/** Classes of pixels: the background, then those of the objects. */
export const pixelClasses = (objects: readonly string[]): string[] => ['background', ...objects];

/**
 * The class of every pixel of a scene, row by row: 0 for the background, 1 + label for an object, `ignored` where the edge
 * of an object blends with what is behind it (as PASCAL VOC leaves out a band around its objects).
 */
export const labelMap = ({ owner, border, objects }: Scene): Uint8Array =>
  owner.map((of, at) => (border[at] === 1 ? ignored : of === 0 ? 0 : 1 + objects[of - 1].label));

/** The label maps of several scenes, one after the other. */
export function labelMaps(scenes: readonly Scene[]): Uint8Array {
  const maps = scenes.map(labelMap);
  const all = new Uint8Array(maps.reduce((sum, map) => sum + map.length, 0));
  let at = 0;
  for (const map of maps) {
    all.set(map, at);
    at += map.length;
  }
  return all;
}
