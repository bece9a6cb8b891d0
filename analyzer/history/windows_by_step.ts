import type { WindowSummary } from "../window/window_summary.ts";
import { PieceMeter } from "./pieces.ts";
import { mergeWindows } from "./range_merger.ts";
import type { WindowRangeReader } from "./window_range.ts";

/** Which windows to read, and how coarsely. */
export interface StepQuery {
  /** Length of the merged windows: a multiple of that of the windows, aligned to the epoch. */
  readonly stepMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Only merged windows that start before this time: where the page before this one ended. */
  readonly beforeMs: number;
  readonly status?: number | undefined;
  readonly limit: number;
  readonly urlsMax: number;
  /** Windows up to here have all closed. */
  readonly closedUpToMs: number;
}

/**
 * Windows, newest first, of which `undefined` is a pause; it returns where the next page begins, and
 * `undefined` where there is none.
 */
export type WindowPieces = Generator<WindowSummary | undefined, number | undefined>;

/**
 * Windows merged to longer ones. Those that reach into
 * `[fromMs, toMs)` are merged whole: what is cut off at its edge would look like less traffic.
 */
export function* windowsByStep(
  history: WindowRangeReader,
  query: StepQuery,
): WindowPieces {
  const { stepMs, status, limit, urlsMax, closedUpToMs } = query;
  const floor = (timeMs: number) => Math.floor(timeMs / stepMs) * stepMs;
  const fromMs = floor(query.fromMs);
  const meter = new PieceMeter();
  let endMs = Math.min(Math.ceil(query.toMs / stepMs) * stepMs, query.beforeMs);
  for (let count = 0;;) {
    const newestMs = history.newestStart(fromMs, endMs, status);
    if (newestMs === undefined) return undefined;
    if (count === limit) return endMs;
    const startMs = floor(newestMs);
    const range = { fromMs: startMs, toMs: startMs + stepMs, status, urlsMax };
    const merged = yield* mergeWindows(history, range, meter);
    endMs = startMs;
    // What was there a moment ago may have been deleted meanwhile.
    if (merged === undefined) continue;
    count++;
    yield { ...merged, state: startMs + stepMs <= closedUpToMs ? "closed" : "open" };
  }
}
