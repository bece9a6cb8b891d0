import type {
  ClosedWindow,
  StatusSummary,
  UrlCount,
  WindowSummary,
} from "../window/window_summary.ts";

/** Most URLs that a page of windows usually wants; they are kept apart from the rest. */
const TOP_URLS = 20;

/** A row of `windows`, late rows of the latest checkpoints included. */
export interface WindowRow {
  readonly start_ms: number;
  readonly length_ms: number;
  readonly total_count: number;
  readonly error_count: number;
  readonly unique_ips: number;
  readonly unique_ips_exact: number;
  readonly late_count: number;
  readonly late_error_count: number;
}

/** A row of `window_statuses` but for its sketch. */
export interface StatusRow {
  readonly status: number;
  readonly error_count: number;
  readonly unique_ips: number;
  readonly unique_ips_exact: number;
  readonly top_urls: string;
  readonly other_urls: string;
  readonly urls_total: number;
  readonly urls_total_exact: number;
}

/**
 * A window as the statements take it. What waits for a commit is kept so: as objects, its lists of
 * URLs would outlive every collection of young garbage, and be most of the program's memory where
 * windows close by the dozen.
 */
export interface EncodedWindow {
  /** Start and length. */
  readonly key: readonly number[];
  /** The columns behind the key, in their order; the last one, the epoch, is that of the commit. */
  readonly values: readonly number[];
  readonly statuses: readonly (readonly (number | string | Uint8Array)[])[];
}

/** A window as it is put. */
export function encodeWindow(window: ClosedWindow): EncodedWindow {
  const { startMs, lengthMs, totalCount, errorCount, uniqueIps } = window;
  return {
    key: [startMs, lengthMs],
    values: [totalCount, errorCount, uniqueIps.count, Number(uniqueIps.isExact)],
    statuses: window.statuses.map(({ status, errorCount, uniqueIps, urls, urlsTotal }, i) => [
      status,
      errorCount,
      uniqueIps.count,
      Number(uniqueIps.isExact),
      window.ipSketches[i]!,
      encodeUrls(urls.slice(0, TOP_URLS)),
      encodeUrls(urls.slice(TOP_URLS)),
      urlsTotal.count,
      Number(urlsTotal.isExact),
    ]),
  };
}

/** A window as it is read. */
export function summarizeWindow(
  row: WindowRow,
  statuses: readonly StatusRow[],
  urlsMax: number,
): WindowSummary {
  return {
    startMs: row.start_ms,
    lengthMs: row.length_ms,
    state: "closed",
    totalCount: row.total_count,
    errorCount: row.error_count,
    uniqueIps: { count: row.unique_ips, isExact: row.unique_ips_exact === 1 },
    lateCount: row.late_count,
    lateErrorCount: row.late_error_count,
    statuses: statuses.map((status) => summarizeStatus(status, urlsMax)),
  };
}

function summarizeStatus(row: StatusRow, urlsMax: number): StatusSummary {
  const top = decodeUrls(row.top_urls);
  const urls = urlsMax > TOP_URLS ? [...top, ...decodeUrls(row.other_urls)] : top;
  return {
    status: row.status,
    errorCount: row.error_count,
    uniqueIps: { count: row.unique_ips, isExact: row.unique_ips_exact === 1 },
    urls: urls.slice(0, urlsMax),
    urlsTotal: { count: row.urls_total, isExact: row.urls_total_exact === 1 },
  };
}

function encodeUrls(urls: readonly UrlCount[]): string {
  return JSON.stringify(urls.map(({ url, count, countErrorMax }) => [url, count, countErrorMax]));
}

function decodeUrls(text: string): UrlCount[] {
  return (JSON.parse(text) as [string, number, number][])
    .map(([url, count, countErrorMax]) => ({ url, count, countErrorMax }));
}
