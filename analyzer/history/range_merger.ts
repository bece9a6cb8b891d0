import { DistinctCounter } from "../sketch/distinct_counter.ts";
import type { DistinctCount, StatusSummary, WindowSummary } from "../window/window_summary.ts";
import { PieceMeter, type Pieces } from "./pieces.ts";
import { UrlMerger } from "./url_merger.ts";
import type { RangeSums, StatusPart, WindowPart, WindowRangeReader } from "./window_range.ts";

/** What is merged of one status. */
export interface MergedStatus {
  readonly status: number;
  errorCount: number;
  readonly ips: DistinctCounter;
  readonly urls: UrlMerger;
}

/**
 * Merges windows: counts add up, distinct clients and URLs are those of the union. The result does
 * not depend on which windows were merged with each other before, as long as no list of URLs was
 * cut.
 */
export class RangeMerger {
  readonly #byStatus = new Map<number, MergedStatus>();
  readonly #windowLengthMs: number;
  readonly #listsUrls: boolean;
  readonly #trendLength: number;
  #urlCount = 0;

  /**
   * @param options.listsUrls false where only the number of URLs is asked for
   * @param options.trendLength parts of the trend that is kept of each URL
   */
  constructor(
    windowLengthMs: number,
    options: { readonly listsUrls?: boolean; readonly trendLength?: number } = {},
  ) {
    const { listsUrls = true, trendLength = 0 } = options;
    this.#windowLengthMs = windowLengthMs;
    this.#listsUrls = listsUrls;
    this.#trendLength = trendLength;
  }

  /** URLs that are kept now, of all statuses together. */
  get urlCount(): number {
    return this.#urlCount;
  }

  /** All statuses, ascending. */
  get statuses(): readonly MergedStatus[] {
    return [...this.#byStatus.values()].sort((left, right) => left.status - right.status);
  }

  /** Merges parts one by one. */
  *addAll(parts: Iterable<WindowPart>, meter: PieceMeter, trendIndex = 0): Pieces<void> {
    for (const part of parts) {
      for (const entry of part.statuses) {
        let merged = this.#byStatus.get(entry.status);
        if (merged === undefined) {
          merged = {
            status: entry.status,
            errorCount: 0,
            ips: new DistinctCounter(),
            urls: new UrlMerger(this.#windowLengthMs, this.#trendLength),
          };
          this.#byStatus.set(entry.status, merged);
        }
        merged.errorCount += entry.errorCount;
        merged.ips.mergeBytes(entry.ipSketch);
        const known = merged.urls.size;
        if (this.#listsUrls) merged.urls.add(part, entry, trendIndex);
        else merged.urls.addTotal(entry);
        const added = merged.urls.size - known;
        this.#urlCount += added;
        if (meter.isDue(this.#costOf(entry, merged.urls.size > 0) + added * ADDED_URL_BYTES)) yield;
        if (this.#urlCount > MERGED_URLS_MAX) {
          this.#cut();
          if (meter.isDue(MERGED_URLS_MAX * SORTED_URL_BYTES)) yield;
        }
      }
      if (meter.isDue(PART_BYTES)) yield;
    }
  }

  /** Distinct clients of all statuses. */
  *uniqueIps(meter: PieceMeter): Pieces<DistinctCount> {
    const all = new DistinctCounter();
    for (const { ips } of this.#byStatus.values()) {
      all.merge(ips);
      if (meter.isDue(MERGED_IPS_BYTES)) yield;
    }
    return { count: all.count(), isExact: all.isExact };
  }

  /** What was merged of each status that is wanted, as a window would say it. */
  *summarize(wanted: ListQuery, meter: PieceMeter): Pieces<StatusSummary[]> {
    const summaries: StatusSummary[] = [];
    for (const { status, errorCount, ips, urls } of this.statuses) {
      if (wanted.status !== undefined && wanted.status !== status) continue;
      if (meter.isDue(urls.size * SORTED_URL_BYTES)) yield;
      summaries.push({
        status,
        errorCount,
        uniqueIps: { count: ips.count(), isExact: ips.isExact },
        urls: urls.top(wanted.urlsMax, errorCount),
        urlsTotal: urls.total(),
      });
    }
    return summaries;
  }

  /** Of what it reads, lists of URLs cost most where they are merged, and hashes half as much a byte. */
  #costOf({ ipSketch, urlSketch, urlsBytes }: StatusPart, isListMerged: boolean): number {
    const isListRead = this.#listsUrls || urlSketch === undefined;
    const sketchBytes = ipSketch.length + (urlSketch?.length ?? 0);
    return sketchBytes / 2 + (isListRead ? urlsBytes / (isListMerged ? 1 : 3) : 0);
  }

  #cut(): void {
    const limit = Math.ceil(MERGED_URLS_MAX / 2 / this.#byStatus.size);
    this.#urlCount = 0;
    for (const { urls } of this.#byStatus.values()) {
      urls.cut(limit);
      this.#urlCount += urls.size;
    }
  }
}

/**
 * URLs that are kept while a range is merged, of all its statuses together; beyond, the most
 * frequent half of them is. As many as can be sorted in one piece.
 */
export const MERGED_URLS_MAX = 20_000;

/** What finding the next part costs, in the measure of {@linkcode PieceMeter}. */
const PART_BYTES = 2048;

/** What it costs to merge the clients of a status with others once more, likewise. */
const MERGED_IPS_BYTES = 16 * 1024;

/** What keeping another URL costs, and sorting one, likewise. */
const ADDED_URL_BYTES = 50;
export const SORTED_URL_BYTES = 50;

/** What is listed of a range, while its counts stay those of everything. */
export interface ListQuery {
  /** Only this status. */
  readonly status?: number | undefined;
  /** Most URLs to list, of a status and of all. */
  readonly urlsMax: number;
}

/** Which windows to merge into one. */
export interface MergeQuery extends ListQuery {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Merges the windows that start in a range into one; `undefined` where there are none. */
export function* mergeWindows(
  history: WindowRangeReader,
  { fromMs, toMs, status, urlsMax }: MergeQuery,
  meter: PieceMeter,
): Pieces<Omit<WindowSummary, "state"> | undefined> {
  const sums = yield* sumWindows(history, fromMs, toMs, meter);
  if (sums.windows === 0) return undefined;
  const merger = new RangeMerger(history.windowLengthMs, { listsUrls: urlsMax > 0 });
  yield* merger.addAll(history.parts(fromMs, toMs), meter);
  const { totalCount, errorCount, lateCount, lateErrorCount } = sums;
  return {
    startMs: fromMs,
    lengthMs: toMs - fromMs,
    totalCount,
    errorCount,
    uniqueIps: yield* merger.uniqueIps(meter),
    lateCount,
    lateErrorCount,
    statuses: yield* merger.summarize({ status, urlsMax }, meter),
  };
}

/** Adds up the windows that start in a range, some thousand at a time. */
export function* sumWindows(
  history: WindowRangeReader,
  fromMs: number,
  toMs: number,
  meter: PieceMeter,
): Pieces<RangeSums> {
  const sums = { windows: 0, totalCount: 0, errorCount: 0, lateCount: 0, lateErrorCount: 0 };
  const stepMs = SUMMED_WINDOWS * history.windowLengthMs;
  // Empty stretches, which may be years, are skipped from the newest window on.
  for (let endMs = toMs;;) {
    const newestMs = history.newestStart(fromMs, endMs);
    if (newestMs === undefined) return sums;
    const startMs = Math.max(fromMs, newestMs - stepMs);
    const part = history.sum(startMs, endMs);
    sums.windows += part.windows;
    sums.totalCount += part.totalCount;
    sums.errorCount += part.errorCount;
    sums.lateCount += part.lateCount;
    sums.lateErrorCount += part.lateErrorCount;
    endMs = startMs;
    if (meter.isDue((part.windows + 1) * WINDOW_ROW_BYTES)) yield;
  }
}

const SUMMED_WINDOWS = 4096;
const WINDOW_ROW_BYTES = 64;
