/** What is used of cephes, whose own types its `exports` hide from ES modules. */
declare module 'cephes' {
  /** Resolves when the functions can be called. */
  export const compiled: Promise<void>;
  /** The quantile of Student's t distribution. */
  export function stdtri(degreesOfFreedom: number, probability: number): number;
}
