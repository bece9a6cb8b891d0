import type { DistinctCount } from "../window/window_summary.ts";

/** Sums over the closed windows of a range; late rows are those known at this moment. */
export interface RangeSums {
  /** How many windows. */
  readonly windows: number;
  /** Rows counted in them, errors included, late rows not. */
  readonly totalCount: number;
  /** Rows whose status is an error. */
  readonly errorCount: number;
  /** Rows that came after their windows had closed. */
  readonly lateCount: number;
  /** Those of the late rows that are errors. */
  readonly lateErrorCount: number;
}

/**
 * One window, or several that were merged before: what is needed to merge it with others. Nothing
 * of it is parsed yet, since that is where the time goes.
 */
export interface WindowPart {
  /** Start of the first window that can be in it. */
  readonly startMs: number;
  /** End of the last one. */
  readonly endMs: number;
  /** By status, ascending. */
  readonly statuses: readonly StatusPart[];
}

/** The errors of one status in a {@linkcode WindowPart}. */
export interface StatusPart {
  /** HTTP status. */
  readonly status: number;
  /** Errors of this status. */
  readonly errorCount: number;
  /** A serialized `DistinctCounter` of client addresses. */
  readonly ipSketch: Uint8Array;
  /** Parses the list of URLs. */
  urls(): UrlColumns;
  /** Distinct URLs, as far as that is known. */
  readonly urlsTotal: DistinctCount;
  /** A serialized `DistinctCounter` of all URLs that were listed; not of a single window. */
  readonly urlSketch: Uint8Array | undefined;
  /** Length of the list that {@linkcode urls} parses: what that costs. */
  readonly urlsBytes: number;
}

/** A list of URLs that can be merged, as columns: objects would cost more than all the rest. */
export interface UrlColumns {
  /** Most frequent first. */
  readonly urls: readonly string[];
  /** Errors of each. */
  readonly counts: readonly number[];
  /** What each count may be too high by; empty where none may. */
  readonly countErrorsMax: readonly number[];
  /** Of each URL the first window that lists it, in windows from the start of the part. */
  readonly firsts: readonly number[];
  /** The last one, likewise. Both are empty where the part is one window. */
  readonly lasts: readonly number[];
  /** Most errors that a URL can have which is not listed; 0 where all are. */
  readonly unlistedMax: number;
}

/** Reads ranges of closed windows. Synchronous, a small piece at a time. */
export interface WindowRangeReader {
  /** Adds up the windows that start in `[fromMs, toMs)`. */
  sum(fromMs: number, toMs: number): RangeSums;
  /**
   * The windows that start in `[fromMs, toMs)`, oldest first, merged as far as they were before.
   * Reads as it is iterated; windows that close or go meanwhile are in it or not.
   */
  parts(fromMs: number, toMs: number): Iterable<WindowPart>;
  /** Start of the newest window in `[fromMs, toMs)`, where asked for one with errors of a status. */
  newestStart(fromMs: number, toMs: number, status?: number): number | undefined;
  /**
   * The coarsest grid of at most `stepMs` at which ranges are cheap to cut: on it lie the ends of
   * what was merged before. At least the length of a window.
   */
  gridMs(stepMs: number): number;
  /** Length of the windows. */
  readonly windowLengthMs: number;
}
