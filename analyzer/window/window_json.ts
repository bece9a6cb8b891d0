import type { StatusSummary, UrlCount, WindowSummary } from "./window_summary.ts";

/**
 * The JSON form of a window, for HTTP answers and for the console's JSON lines. At most `urlsMax`
 * URLs a status are listed, the most frequent ones.
 *
 * @throws {RangeError} where the window lies beyond the times that a `Date` can hold
 */
export function toWindowJson(
  summary: WindowSummary,
  { urlsMax }: { readonly urlsMax: number },
): WindowJson {
  return {
    start: new Date(summary.startMs).toISOString(),
    end: new Date(summary.startMs + summary.lengthMs).toISOString(),
    state: summary.state,
    length_ms: summary.lengthMs,
    ...toCountsJson(summary, urlsMax),
  };
}

/** The JSON form of what is counted of a window, or of a range of them. */
export function toCountsJson(
  counts: Omit<WindowSummary, "startMs" | "lengthMs" | "state">,
  urlsMax: number,
): Omit<WindowJson, "start" | "end" | "state" | "length_ms"> {
  return {
    total_count: counts.totalCount,
    error_count: counts.errorCount,
    error_rate: counts.totalCount === 0 ? 0 : counts.errorCount / counts.totalCount,
    unique_ips: counts.uniqueIps.count,
    unique_ips_exact: counts.uniqueIps.isExact,
    late_count: counts.lateCount,
    late_error_count: counts.lateErrorCount,
    statuses: counts.statuses.map((status) => toStatusJson(status, urlsMax)),
  };
}

/** One window in JSON; the names are part of the public interface (docs/HTTP_API.md). */
export interface WindowJson {
  /** First millisecond of the window, ISO 8601 in UTC. */
  readonly start: string;
  /** First millisecond after the window. */
  readonly end: string;
  /** `closed` once it is counted to its end. */
  readonly state: "open" | "closed";
  /** Length in milliseconds. */
  readonly length_ms: number;
  /** Records in the window, errors included, late ones not. */
  readonly total_count: number;
  /** Records with an error status. */
  readonly error_count: number;
  /** `error_count / total_count`, 0 to 1; 0 for a window without rows. */
  readonly error_rate: number;
  /** Distinct client addresses among all errors. */
  readonly unique_ips: number;
  /** Whether `unique_ips` is a count, not an estimate. */
  readonly unique_ips_exact: boolean;
  /** Records that came after the window had closed. */
  readonly late_count: number;
  /** Errors among the late records. */
  readonly late_error_count: number;
  /** One entry a status with at least one error, by status, ascending. */
  readonly statuses: readonly StatusJson[];
}

/** The errors of one window that share a status, in JSON. */
export interface StatusJson {
  /** HTTP status. */
  readonly status: number;
  /** Errors of this status. */
  readonly error_count: number;
  /** Distinct client addresses among them. */
  readonly unique_ips: number;
  /** Whether `unique_ips` is a count, not an estimate. */
  readonly unique_ips_exact: boolean;
  /** The most frequent URLs, most frequent first. */
  readonly urls: readonly UrlJson[];
  /** Distinct URLs, of which `urls` may list only the most frequent. */
  readonly urls_total: number;
  /** Whether `urls_total` is a count, not an estimate. */
  readonly urls_total_exact: boolean;
}

/** A URL and how often it failed, in JSON. */
export interface UrlJson {
  /** Request target as it was logged. */
  readonly url: string;
  /** Errors of this status on it. */
  readonly count: number;
  /** Present where `count` may be too high, and by at most this much. */
  readonly count_error_max?: number;
}

/** The JSON form of the errors of one status. */
function toStatusJson(summary: StatusSummary, urlsMax: number): StatusJson {
  return {
    status: summary.status,
    error_count: summary.errorCount,
    unique_ips: summary.uniqueIps.count,
    unique_ips_exact: summary.uniqueIps.isExact,
    urls: summary.urls.slice(0, urlsMax).map(toUrlJson),
    urls_total: summary.urlsTotal.count,
    urls_total_exact: summary.urlsTotal.isExact,
  };
}

function toUrlJson({ url, count, countErrorMax }: UrlCount): UrlJson {
  return countErrorMax > 0 ? { url, count, count_error_max: countErrorMax } : { url, count };
}
