export { relationMatrix } from './relation-matrix.js';
export { renderReport } from './render.js';
export type * from './types.js';
