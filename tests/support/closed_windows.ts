import { DEFAULT_LIMITS } from "../../analyzer/limits.ts";
import { WindowAccumulator } from "../../analyzer/window/window_accumulator.ts";
import type { ClosedWindow } from "../../analyzer/window/window_summary.ts";
import { recordBatch, type Row } from "./batches.ts";

/** What {@linkcode closedWindows} is told. */
export interface ClosedWindowsOptions {
  readonly lengthMs: number;
  readonly windowUrls?: number;
}

/** The windows that these rows fall into, as the analyzer closes them, oldest first. */
export function closedWindows(
  rows: readonly Row[],
  { lengthMs, windowUrls = DEFAULT_LIMITS.windowUrls }: ClosedWindowsOptions,
): ClosedWindow[] {
  const byStart = new Map<number, Row[]>();
  for (const row of rows) {
    if (row.time === "future") continue;
    const startMs = Math.floor(row.time / lengthMs) * lengthMs;
    byStart.set(startMs, [...byStart.get(startMs) ?? [], row]);
  }
  return [...byStart].sort(([left], [right]) => left - right).map(([startMs, rows]) => {
    const window = new WindowAccumulator(startMs, {
      windowLengthMs: lengthMs,
      limits: { windowUrls },
    });
    const { errors } = recordBatch(rows, { windowLengthMs: lengthMs });
    window.addRows(rows.length);
    window.addErrors(errors, 0, errors.count);
    return window.close();
  });
}
