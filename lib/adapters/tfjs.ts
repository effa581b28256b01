/** What `gld-loss/tfjs` has for users of TensorFlow.js. The framework is an argument; nothing of it is imported. */
export { Distiller, type DistillerConfig, type DistillerMetric } from '../distiller/distiller.js';
export type {
  OnnxRuntime,
  OnnxSession,
  TfjsGraphModel,
  TfjsLayersModel,
  TfjsMath,
  TfjsModel,
} from '../distiller/model-types.js';
export { openStudent, type Student } from '../distiller/student.js';
export {
  openTeacher,
  type Teacher,
  type TfjsTeacher,
  type TfjsTeacherFunction,
  type TfjsTeacherModel,
} from '../distiller/teacher.js';
export type {
  DistillerCallback,
  DistillerEvaluateArgs,
  DistillerEvaluateDatasetArgs,
  DistillerFitArgs,
  DistillerFitDatasetArgs,
  DistillerHistory,
  DistillerLogs,
  DistillerTrainArgs,
  TfjsDataset,
  TfjsTraining,
} from '../distiller/training.js';
export { registerGradients, type TfjsRegistry } from './tfjs-gradients.js';
export type { TfjsInputs, TfjsSide } from './tfjs-inputs.js';
export {
  tfjsGld,
  type TfjsAsyncOptions,
  type TfjsGld,
  type TfjsMinimizeOptions,
  type TfjsResult,
  type TfjsSurrogate,
  type TfjsValue,
} from './tfjs-loss.js';
export type { TfjsLike, TfjsOptimizer, TfjsTensor } from './tfjs-types.js';
