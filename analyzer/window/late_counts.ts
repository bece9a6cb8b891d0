/** Rows that arrived for a window that had closed already, to be added to what is stored of it. */
export interface LateCounts {
  /** Start of the closed window, in milliseconds since the Unix epoch. */
  readonly windowStartMs: number;
  readonly lateCount: number;
  readonly lateErrorCount: number;
}
