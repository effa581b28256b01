export { loadEngine } from './binding.js';
export { checkSide, type CheckSideOptions, type SideCheck } from './check-side.js';
export { CudaTensor, type CudaTensorOptions } from './cuda-tensor.js';
export { deviceInfo, type DeviceInfo, type Gpu } from './device-info.js';
export type { GldError, GldErrorCode, GldLoadError, GldLoadReason } from './errors.js';
export { GldLoss, gldLoss, gldLossAsync } from './gld.js';
export type { CudaName } from './places.js';
export { gldPreset, type GldPreset, type PresetName, type PresetOptions } from './preset.js';
export {
  gldSchedule,
  type Ramp,
  type Schedule,
  type ScheduledWeight,
  type ScheduleOptions,
  type StepWeights,
} from './schedule.js';
export { classify, type ClassifyInputs, type ClassifyOptions, type ClassifyResult } from './stages/classifier.js';
export { crossEntropy, type CrossEntropyInputs, type CrossEntropyOptions } from './stages/cross-entropy.js';
export { normalizedKd, type NormalizedKdOptions } from './stages/normalized-kd.js';
export { pool, type PoolInputs, type PoolOptions, type PoolResult } from './stages/pool.js';
export { relation, type RelationResult, type RelationStageOptions } from './stages/relation.js';
export type { LogitPair, RowLossOptions, RowLossResult } from './stages/rows.js';
export type {
  AbortSignalLike,
  AnyBuffer,
  AnyGradient,
  AnyInputs,
  AnyTensor,
  ClassWeights,
  ComputeAsyncOptions,
  ComputeOptions,
  CudaDType,
  CudaInputs,
  DenseTensor,
  DeviceOption,
  DeviceTensor,
  DType,
  FeatureSide,
  GldAsyncOptions,
  GldLossOptions,
  GldOptions,
  GldResult,
  GldTerms,
  Gradient,
  GradientDtype,
  GradientName,
  GridOption,
  HalfTensor,
  HostBuffer,
  HostGradient,
  HostInputs,
  HostResult,
  HostTensor,
  Inputs,
  LabelOptions,
  Labels,
  Lending,
  LogitMapSide,
  LogitSide,
  MapLayout,
  MaskLike,
  Normalization,
  NothingLent,
  OutBuffers,
  OwnArray,
  Precision,
  RelationMethod,
  RelationOptions,
  SampleWeights,
  Side,
  SignalOption,
  TensorLike,
  TermWeights,
} from './types.js';
