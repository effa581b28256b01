/** Options that no default has, for tests which are about something else and should not miss what the options do to it. */
export const smoothing = 0.1;
export const unusual = { labelSmoothing: smoothing };
