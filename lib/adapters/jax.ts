/** What `gld-loss/jax` has for users of jax-js. The framework is an argument; nothing of it is imported. */
export {
  jaxGld,
  type JaxAsyncOptions,
  type JaxConstants,
  type JaxGld,
  type JaxInputs,
  type JaxPullback,
  type JaxResult,
  type JaxSide,
  type JaxSurrogate,
  type JaxTargets,
  type JaxValue,
} from './jax-loss.js';
export {
  jaxStep,
  type JaxBatch,
  type JaxOptimizer,
  type JaxStep,
  type JaxStepConfig,
  type JaxStepResult,
  type JaxStepState,
} from './jax-step.js';
export type { JaxArray, JaxLike } from './jax-types.js';
