/** What is known of one event-time window, as immutable data: for people, JSON and history alike. */
export interface WindowSummary {
  /** First millisecond of the window, since the Unix epoch; a multiple of `lengthMs`. */
  readonly startMs: number;
  /** Length of the window in milliseconds; the window is `[startMs, startMs + lengthMs)`. */
  readonly lengthMs: number;
  /** A closed window changes no more, but for its late counts. */
  readonly state: "open" | "closed";
  /** Rows counted in the window, errors included, late rows not. */
  readonly totalCount: number;
  /** Rows whose status is an error. */
  readonly errorCount: number;
  /** Distinct client addresses among all errors of the window. */
  readonly uniqueIps: DistinctCount;
  /** Rows that came after the window had closed; the only two counts that grow afterwards. */
  readonly lateCount: number;
  /** Those of the late rows that are errors. */
  readonly lateErrorCount: number;
  /** One entry a status with at least one error, by status, ascending. */
  readonly statuses: readonly StatusSummary[];
}

/** The errors of one window that share a status. */
export interface StatusSummary {
  /** HTTP status code. */
  readonly status: number;
  /** Errors of this status. */
  readonly errorCount: number;
  /** Distinct client addresses among them. */
  readonly uniqueIps: DistinctCount;
  /** Most frequent first; equal counts by URL, ascending by code unit. */
  readonly urls: readonly UrlCount[];
  /** Distinct URLs, which may be more than `urls` lists. */
  readonly urlsTotal: DistinctCount;
}

/** A URL and how often it failed. */
export interface UrlCount {
  /** As the client asked for it: untrusted text. */
  readonly url: string;
  /** Errors with this URL. */
  readonly count: number;
  /** Where the list overflowed: `count` may be too high by at most this much; 0 means exact. */
  readonly countErrorMax: number;
}

/** A number of distinct values, exact or estimated by HyperLogLog. */
export interface DistinctCount {
  /** How many; a whole number. */
  readonly count: number;
  /** Whether `count` is exact, not an estimate. */
  readonly isExact: boolean;
}

/** A closed window with what is needed to merge ranges of windows later. */
export interface ClosedWindow extends WindowSummary {
  /** Always closed. */
  readonly state: "closed";
  /** Serialized `DistinctCounter` of client addresses, one a status, in the order of `statuses`. */
  readonly ipSketches: readonly Uint8Array[];
}
