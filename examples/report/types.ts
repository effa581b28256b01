/**
 * What a distillation run leaves behind, as plain JSON: the input of `renderReport`. Accuracies are in 0 … 1, times in
 * seconds, losses as means over the images or batches of an epoch.
 */
export interface RunRecord {
  /** Version of this form. */
  version: 1;
  settings: RunSettings;
  environment: RunEnvironment;
  teacher: TeacherRecord;
  student: NetworkRecord;
  /** In the order in which they are shown; the first is the one the others are compared with. */
  arms: ArmRecord[];
  pictures?: PicturesRecord;
  /** When the run began, ISO 8601. */
  startedAt: string;
  /** Wall time of the whole run. */
  seconds: number;
}

export interface RunSettings {
  dataset: string;
  /** What the images are and what decides the class. */
  datasetDescription?: string;
  classes: string[];
  /** [height, width, channels] */
  imageShape: [number, number, number];
  trainSize: number;
  /** 0 where the test images are looked at after every epoch. */
  validationSize: number;
  testSize: number;
  teacherEpochs: number;
  studentEpochs: number;
  batchSize: number;
  alpha: number;
  beta: number;
  localWeight: number;
  /** Cells [rows, columns] of the grid of local logits. */
  grid: [number, number];
  reduction: Reduction;
  metric: 'sqeuclidean' | 'euclidean';
  seeds: number[];
  /** For example 'Adam, learning rate 0.003'. */
  optimizer: string;
  /** The command line that started the run. */
  command?: string;
  /** Anything else worth a line in the table of settings, by its label. */
  more?: Record<string, string | number | boolean>;
}

/** The option of gldLoss: what the mean of the relation term over m rows is divided by, m, 1, or a number of rows. */
export type Reduction = 'matrix' | 'row' | { rows: number };

export interface RunEnvironment {
  /** Model name of the processor. */
  cpu: string;
  /** Processors available to the process. */
  cores: number;
  /** Memory of the machine in bytes. */
  memory?: number;
  os: string;
  node: string;
  /** The tensor framework and its backend, for example 'tfjs 4.22.0, wasm'. */
  framework: string;
  /** Version of gld-loss. */
  version: string;
  /** Engine level in use, for example 'x86-64-v3', and threads of its pool. */
  engineLevel: string;
  threads: number;
  /** Commit of the working tree, if known. */
  commit?: string;
}

export interface NetworkRecord {
  name: string;
  parameters: number;
}

export interface TeacherRecord extends NetworkRecord {
  testAccuracy: number;
  epochs: EpochRecord[];
  relationMatrix?: RelationMatrix;
}

/** The four terms of the loss, unweighted; a term the arm does not have is left out. */
export interface TermValues {
  task?: number;
  global?: number;
  local?: number;
  relation?: number;
}

export interface EpochRecord {
  /** 1 for the first. */
  epoch: number;
  trainLoss: number;
  terms?: TermValues;
  /** Accuracy after the epoch, on the validation images where there are some, else on the test images. */
  score: number;
  seconds: number;
}

export interface ArmRecord {
  /** Short and unique, for example 'gld'. */
  id: string;
  /** For tables and legends, for example 'Full GLD'. */
  label: string;
  /** One sentence: what this arm's loss is. */
  description: string;
  /** What each term is multiplied with in this arm's loss; a term it does not have is left out. */
  weights: TermValues;
  /** The options given to the loss, for the record. */
  options?: Record<string, unknown>;
  /** One per seed. */
  runs: StudentRun[];
}

export interface StudentRun {
  seed: number;
  epochs: EpochRecord[];
  /** After the last epoch. */
  testAccuracy: number;
  relationMatrix?: RelationMatrix;
}

/** Row-normalised squared distances between logit rows (D), as the relation loss compares them. */
export interface RelationMatrix {
  /** Number of rows and of columns. */
  size: number;
  /** size × size values, row by row. */
  data: number[];
  /** The class index of each row. The report orders rows and columns by it. */
  rowLabels: number[];
}

/** Test images with what the teacher and the student of every arm's first seed take them for. */
export interface PicturesRecord {
  /** Number of images among which those shown were found: the first of the test images. */
  candidates: number;
  groups: PictureGroup[];
}

/** Who takes an image for the same class: not all arms, all arms but not the teacher, or all networks. */
export type Agreement = 'arms differ' | 'teacher differs' | 'all agree';

export interface PictureGroup {
  agreement: Agreement;
  /** Number of candidates of this kind. */
  count: number;
  /** The first of them. */
  shown: PictureRecord[];
}

export interface PictureRecord {
  /** Among the test images, 0 for the first. */
  position: number;
  /** Index of the true class. */
  label: number;
  /** Bytes, row by row, the channels of a pixel side by side, packed. */
  pixels: string;
  teacher: Answer;
  /** In the order of the arms. */
  arms: Answer[];
}

/** A network's view of an image. Probabilities are softmaxes of a logit row. */
export interface Answer {
  /** Index of the class with the largest global logit; −1 where logits are NaN. */
  class: number;
  /** The probability of that class by the global logits. */
  probability: number;
  /** The probability of the true class by the logits of each cell, row by row; empty without local logits. */
  cells: number[];
}
