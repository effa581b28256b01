import { Canvas, colour, coverage } from './canvas.js';
import { type Glyph, glyphs } from './glyphs.js';
import { Rng } from './rng.js';
import { asItIs, checkInteger, createSplit, drawnPreparation, memorySource } from './split.js';
import type { Dataset, Split } from './types.js';

/** Left, top, right, bottom in pixels, from the picture's upper left corner; right and bottom lie behind the last pixel. */
export type Box = readonly [number, number, number, number];

export interface SceneObject {
  /** Index into the data set's classes. */
  label: number;
  /** The smallest box around what is visible of the object. */
  box: Box;
}

/** One picture and what is to be seen on it. */
export interface Scene {
  /** 3 × side × side bytes: red, green, blue, each row by row. */
  planes: Uint8Array;
  /** In the order in which they were drawn: later ones lie in front. */
  objects: SceneObject[];
  /** side × side, row by row: 0 for the background, i + 1 where `objects[i]` is seen. */
  owner: Uint8Array;
  /** side × side, row by row: 1 where the edge of an object blends with what lies behind it, so that a pixel is both. */
  border: Uint8Array;
}

export interface ScenesOptions {
  /** Decides every picture. */
  seed: number;
  /** Number of training scenes. */
  trainSize: number;
  /** Number of test scenes. */
  testSize: number;
  /** Height and width in pixels. Default 32. */
  side?: number | undefined;
  /** Number of classes, 1 to 7: the first glyphs of 'shapes'. Default 5. */
  parts?: number | undefined;
  /** The least and the largest number of objects on a picture. Default 1 to 4. */
  objects?: readonly [number, number] | undefined;
  /** The least and the largest radius of an object in pixels. Default side/10 to side/4. */
  radius?: readonly [number, number] | undefined;
  /** Standard deviation of the pixel noise, of a range of 1. Default 0.1. */
  noise?: number | undefined;
}

/** A split whose batches have the numbers of the scenes for labels: scene i of a batch is `scenes[batch.labels[i]]`. */
export interface SceneSplit extends Split {
  scenes: readonly Scene[];
}

export interface SceneDataset extends Omit<Dataset, 'name' | 'train' | 'test'> {
  /** Names of the objects' classes; the background is none of them. */
  classes: string[];
  train: SceneSplit;
  test: SceneSplit;
}

/** An object keeps at least this share of its pixels when others come to lie in front of it. */
const leastVisible = 0.6;

/** Places tried for an object before it is left out. */
const tries = 100;

/**
 * Procedural scenes for detection and segmentation: several glyphs of random class, size, place and colour, which may
 * hide a part of each other, before a background with gradient, texture, clutter and noise. Classes are drawn evenly.
 * Training and test scenes come from separate streams of the seed. There is no augmentation.
 *
 * Every object lies whole within the picture and at least 60 % of it is seen. Where a scene is so crowded that an
 * object finds no such place, it is left out; the first one always finds one.
 *
 * @throws RangeError for a size, number or range outside of what the options say.
 */
export function scenes(options: ScenesOptions): SceneDataset {
  const drawing = resolve(options);
  const split = (stream: number, size: number): SceneSplit => {
    const drawn = drawScenes(new Rng(options.seed, stream), size, drawing);
    return { ...splitOf(drawn, drawing.side, (_, i) => i), scenes: drawn };
  };
  return {
    ...common(drawing),
    description: describe(drawing, `${drawing.objects.join(' to ')} objects`),
    train: split(0, options.trainSize),
    test: split(1, options.testSize),
  };
}

/** A classification set of the same kind of pictures: each shows one object, whose class is the picture's. */
export function singleObjects(options: Omit<ScenesOptions, 'objects'>): Dataset {
  const drawing = resolve({ ...options, objects: [1, 1] });
  const split = (stream: number, size: number): Split =>
    splitOf(drawScenes(new Rng(options.seed, stream), size, drawing), drawing.side, ({ objects }) => objects[0].label);
  return {
    ...common(drawing),
    name: 'objects',
    description: describe(drawing, 'one object'),
    // Not the streams of scenes(): the same seed gives other pictures.
    train: split(2, options.trainSize),
    test: split(3, options.testSize),
  };
}

type Drawing = Required<{ [K in keyof Omit<ScenesOptions, 'seed' | 'trainSize' | 'testSize'>]: ScenesOptions[K] & {} }>;

function resolve(options: ScenesOptions): Drawing {
  const { side = 32, parts = 5, objects = [1, 4], noise = 0.1, trainSize, testSize } = options;
  checkInteger('side', side, 12);
  checkInteger('parts', parts, 1);
  checkInteger('trainSize', trainSize, 1);
  checkInteger('testSize', testSize, 1);
  const all = Object.keys(glyphs).length;
  if (parts > all) throw new RangeError(`parts: expected at most ${all} glyphs, got ${parts}`);
  const radius = options.radius ?? [side / 10, side / 4];
  checkInteger('objects[0]', objects[0], 1);
  checkInteger('objects[1]', objects[1], objects[0]);
  // One byte per pixel tells whose it is.
  if (objects[1] > 255) throw new RangeError(`objects[1]: expected at most 255, got ${objects[1]}`);
  if (!(radius[0] >= 1 && radius[0] <= radius[1] && radius[1] <= side / 2)) {
    throw new RangeError(`radius: expected 1 ≤ least ≤ largest ≤ side/2 = ${side / 2}, got ${radius.join(', ')}`);
  }
  if (!(noise >= 0)) throw new RangeError(`noise: expected a number of at least 0, got ${noise}`);
  return { side, parts, objects, radius, noise };
}

const namesOf = (parts: number): string[] => Object.keys(glyphs).slice(0, parts);

/** What is the same in both kinds of data set. */
function common({ side, parts }: Drawing): Omit<SceneDataset, 'description' | 'train' | 'test'> {
  const { channels, mean, deviation } = drawnPreparation;
  return { classes: namesOf(parts), height: side, width: side, channels, mean, deviation };
}

const describe = ({ side, parts, radius }: Drawing, what: string): string =>
  `generated pictures, ${side}×${side} pixels, of ${what} of ${parts} classes (${namesOf(parts).join(', ')}), ` +
  `${radius.join(' to ')} pixels in radius, before a textured background with noise`;

function splitOf(drawn: readonly Scene[], side: number, labelOf: (scene: Scene, index: number) => number): Split {
  const perImage = drawnPreparation.channels * side * side;
  const planes = new Uint8Array(drawn.length * perImage);
  drawn.forEach((scene, i) => planes.set(scene.planes, i * perImage));
  return createSplit(memorySource({ planes, labels: Int32Array.from(drawn, labelOf) }, perImage), {
    ...drawnPreparation,
    height: side,
    width: side,
    views: asItIs,
  });
}

const drawScenes = (rng: Rng, size: number, drawing: Drawing): Scene[] =>
  Array.from({ length: size }, () => drawScene(rng, drawing));

function drawScene(rng: Rng, { side, parts, objects: [least, most], radius, noise }: Drawing): Scene {
  const canvas = new Canvas(side);
  canvas.background(rng);
  canvas.texture(rng);
  for (let strokes = rng.int(1 + Math.round(side / 4)); strokes > 0; strokes--) canvas.clutter(rng);

  const owner = new Uint8Array(side * side);
  const border = new Uint8Array(side * side);
  const shapes = Object.values(glyphs);
  const labels: number[] = [];
  const whole: number[] = [];
  for (let count = least + rng.int(most - least + 1); count > 0; count--) {
    const label = rng.int(parts);
    const covered = place(rng, shapes[label], side, radius, owner, whole);
    if (covered === undefined) continue;
    canvas.blend(covered, colour(rng, 0.55, 1), 1);
    labels.push(label);
    whole.push(covered.reduce((sum, share) => sum + Number(share >= inside), 0));
    covered.forEach((share, at) => {
      if (share >= inside) owner[at] = labels.length;
      if (share > 0) border[at] = Number(share < 1);
    });
  }
  const planes = new Uint8Array(drawnPreparation.channels * side * side);
  canvas.write(planes, rng, noise);
  return { planes, owner, border, objects: labels.map((label, i) => ({ label, box: boxOf(owner, i + 1, side) })) };
}

/** A pixel is the object's from this cover on. */
const inside = 0.5;

/** What a glyph of random size covers at a random place where it does not hide too much of the others, if found. */
function place(
  rng: Rng,
  glyph: Glyph,
  side: number,
  [least, most]: readonly [number, number],
  owner: Uint8Array,
  whole: number[],
): Float64Array | undefined {
  for (let tried = 0; tried < tries; tried++) {
    const r = rng.uniform(least, most);
    const centreX = rng.uniform(r, side - r);
    const centreY = rng.uniform(r, side - r);
    const covered = coverage(side, (x, y) => glyph(x - centreX, y - centreY, r));
    const visible = new Array<number>(whole.length).fill(0);
    owner.forEach((of, at) => {
      if (of > 0 && covered[at] < inside) visible[of - 1]++;
    });
    if (visible.every((pixels, i) => pixels >= leastVisible * whole[i])) return covered;
  }
  return undefined;
}

function boxOf(owner: Uint8Array, of: number, side: number): Box {
  const box: [number, number, number, number] = [side, side, 0, 0];
  owner.forEach((value, at) => {
    if (value !== of) return;
    const x = at % side;
    const y = Math.floor(at / side);
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x + 1);
    box[3] = Math.max(box[3], y + 1);
  });
  return box;
}
