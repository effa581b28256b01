export { deviceInfo, type DeviceInfo } from './device.js';
export type { GldError, GldErrorCode } from './errors.js';
export { GldLoss, gldLoss, gldLossAsync } from './gld.js';
export { classify, type ClassifyInputs, type ClassifyOptions, type ClassifyResult } from './stages/classifier.js';
export { crossEntropy, type CrossEntropyInputs } from './stages/cross_entropy.js';
export { normalizedKd, type NormalizedKdOptions } from './stages/normalized_kd.js';
export { pool, type PoolInputs, type PoolOptions, type PoolResult } from './stages/pool.js';
export { relation, type RelationResult, type RelationStageOptions } from './stages/relation.js';
export type { LogitPair, RowLossOptions, RowLossResult } from './stages/rows.js';
export type {
  ComputeAsyncOptions,
  ComputeOptions,
  DenseTensor,
  DType,
  FeatureSide,
  GldAsyncOptions,
  GldLossOptions,
  GldOptions,
  GldResult,
  GldTerms,
  Gradient,
  GradientName,
  Inputs,
  Labels,
  LogitSide,
  Normalization,
  OutBuffers,
  RelationMethod,
  RelationOptions,
  Side,
  TensorLike,
} from './types.js';
