/** Farthest time from the epoch that a `Date` can hold, before and after it, in ms. */
export const TIME_MAX_MS = 8.64e15;
