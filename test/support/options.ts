/**
 * Options of the loss that stand for themselves, with the values that random calls try them with; and one of them for tests
 * which are about something else and should not miss what options do to it.
 */
export const labelOptions = { labelSmoothing: [0, 0.1, 0.9] } as const;

/** With those about labels. */
export const plainOptions = {
  ...labelOptions,
  normalization: [
    { kind: 'std' },
    { kind: 'std', unbiased: false },
    { kind: 'std', temperature: 2 },
    { kind: 'std', compensated: true, temperature: 0.5 },
    { kind: 'temperature', temperature: 4 },
    { kind: 'temperature', temperature: 0.5 },
  ],
  threads: [1, 2],
} as const;

export const smoothingOption = 'labelSmoothing';
export const smoothedBy = (share: number) => ({ [smoothingOption]: share });
export const smoothing = 0.1;
export const unusual = smoothedBy(smoothing);
