/** Numbers that are the same in every run. */

/** Default boxes that overlap an object by more than this answer for it. */
export const matchingOverlap = 0.5;

/** Background boxes that count in the loss for each box with an object. */
export const negativesPerPositive = 3;

/** A detection is right when it overlaps an object of its class by at least this. */
export const rightOverlap = 0.5;

/** Where the curves of precision are measured. */
export const recalls: readonly number[] = Array.from({ length: 101 }, (_, i) => i / 100);

/** Detections with a lower score are not drawn. */
export const shownScore = 0.5;
