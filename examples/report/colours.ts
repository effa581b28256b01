import type { TermValues } from './types.js';

export type TermName = keyof TermValues;

/** The terms of the loss in the order in which they are stacked. */
export const terms: readonly TermName[] = ['task', 'global', 'local', 'relation'];

/** Number of arm colours that the style sheet defines. */
export const armColours = 6;

export const armColour = (index: number): string => `var(--arm-${index % armColours})`;
export const termColour = (term: TermName): string => `var(--term-${term})`;
