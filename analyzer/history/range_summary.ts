import type { DistinctCount, StatusSummary } from "../window/window_summary.ts";
import { PieceMeter, type Pieces } from "./pieces.ts";
import {
  type ListQuery,
  type MergeQuery,
  RangeMerger,
  SORTED_URL_BYTES,
  sumWindows,
} from "./range_merger.ts";
import { type MergedUrl, mostFrequent } from "./url_merger.ts";
import type { RangeSums, WindowRangeReader } from "./window_range.ts";

/** One merged answer for a range. */
export interface RangeSummary extends RangeSums {
  readonly uniqueIps: DistinctCount;
  readonly statuses: readonly StatusSummary[];
  /** The most frequent URLs of all statuses that are listed. */
  readonly urls: readonly UrlSummary[];
}

/** What is known of one URL in a range. */
export interface UrlSummary extends MergedUrl {
  /** By status, ascending; only those that list it. */
  readonly statuses: readonly { readonly status: number; readonly count: number }[];
}

/** Parts of a trend. */
export const TREND_PARTS = 24;

/** Merges a range; reads each window, or what was merged of it before, once. */
export function* summarizeRange(
  history: WindowRangeReader,
  { fromMs, toMs, status, urlsMax }: MergeQuery,
): Pieces<RangeSummary> {
  const meter = new PieceMeter();
  const sums = yield* sumWindows(history, fromMs, toMs, meter);
  const merger = new RangeMerger(history.windowLengthMs, {
    listsUrls: urlsMax > 0,
    trendLength: TREND_PARTS,
  });
  const edges = trendEdges(history, fromMs, toMs);
  for (let i = 0; i < TREND_PARTS; i++) {
    yield* merger.addAll(history.parts(edges[i]!, edges[i + 1]!), meter, i);
  }
  const urls = yield* mergeUrls(merger, { status, urlsMax }, meter);
  return {
    ...sums,
    uniqueIps: yield* merger.uniqueIps(meter),
    statuses: yield* merger.summarize({ status, urlsMax }, meter),
    urls,
  };
}

/**
 * Where the parts of a trend begin and end. Those inside are moved to the grid on which windows
 * were merged before, by a sixth of a part at most: else each part would have to be put together
 * from single windows at both its ends.
 */
function trendEdges(history: WindowRangeReader, fromMs: number, toMs: number): number[] {
  const partMs = (toMs - fromMs) / TREND_PARTS;
  const gridMs = history.gridMs(partMs / 3);
  return Array.from({ length: TREND_PARTS + 1 }, (_, i) => {
    if (i === 0) return fromMs;
    if (i === TREND_PARTS) return toMs;
    const equalMs = fromMs + i * partMs;
    // Windows are not cut: each belongs to the part in which it starts.
    if (gridMs === history.windowLengthMs) return equalMs;
    const edgeMs = Math.round(equalMs / gridMs) * gridMs;
    return Math.min(Math.max(edgeMs, fromMs), toMs);
  });
}

function* mergeUrls(
  merger: RangeMerger,
  { status, urlsMax }: ListQuery,
  meter: PieceMeter,
): Pieces<UrlSummary[]> {
  const byUrl = new Map<string, { -readonly [key in keyof UrlSummary]: UrlSummary[key] }>();
  for (const merged of merger.statuses) {
    if (status !== undefined && merged.status !== status) continue;
    for (const url of merged.urls.all(merged.errorCount)) {
      const entry = { status: merged.status, count: url.count };
      const known = byUrl.get(url.url);
      if (known === undefined) byUrl.set(url.url, { ...url, statuses: [entry] });
      else {
        known.count += url.count;
        known.countErrorMax += url.countErrorMax;
        known.firstMs = Math.min(known.firstMs, url.firstMs);
        known.lastMs = Math.max(known.lastMs, url.lastMs);
        known.statuses = [...known.statuses, entry];
        known.trend = known.trend.map((count, i) => count + url.trend[i]!);
      }
      if (meter.isDue(SORTED_URL_BYTES)) yield;
    }
  }
  const urls = mostFrequent(byUrl.values(), urlsMax);
  if (meter.isDue(byUrl.size * SORTED_URL_BYTES)) yield;
  return urls;
}
