import assert from "node:assert/strict";
import type { Totals } from "../../analyzer/sink/totals.ts";
import type { WindowHistory } from "../../analyzer/sink/window_history.ts";
import type { NaiveAnalysis } from "../support/naive_analysis.ts";

/** An open window, from a view or from a checkpoint. */
export interface OpenWindow {
  readonly startMs: number;
  readonly totalCount: number;
  readonly errorCount: number;
}

/** All that has to agree at one moment. */
export interface Moment {
  readonly totals: Totals;
  readonly open: readonly OpenWindow[];
  /** Windows that retention has removed. */
  readonly removed: readonly OpenWindow[];
  /** `undefined` where windows were lost with a damaged database. */
  readonly history: WindowHistory | undefined;
  readonly windowLengthMs: number;
  /** Lines of all error files. */
  readonly errorLines: readonly string[];
}

/** Conservation: every line is counted under exactly one outcome, and so is every error. */
export function checkTotals(totals: Totals): void {
  const { lines, valid, malformed, oversized, empty, header, partial } = totals;
  const malformedCount = Object.values(malformed).reduce((sum, count) => sum + count, 0);
  assert.equal(lines, valid + malformedCount + oversized + empty + header + partial, "lines");
  assert.equal(valid, totals.inWindows + totals.late + totals.future, "valid");
  const { errors, errorsInWindows, lateErrors, futureErrors } = totals;
  assert.equal(errors, errorsInWindows + lateErrors + futureErrors, "errors");
  const byStatus = [...totals.errorsByStatus.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(errors, byStatus, "errors by status");
}

/** Totals, windows and error files tell the same story, row by row. */
export function checkAgreement(
  { totals, open, removed, history, windowLengthMs, errorLines }: Moment,
): void {
  checkTotals(totals);
  assert.equal(errorLines.length, totals.errors, "lines of the error files");
  const rows = errorLines.map((line) => JSON.parse(line) as { timestamp: string; url: string });
  const urls = new Set(rows.map(({ url }) => url));
  assert.equal(urls.size, rows.length, "a row stands in the error files twice");
  if (history === undefined) return;
  const { windows: closed } = history.query({ limit: 1_000_000, urlsMax: 1 });
  const sum = (key: "totalCount" | "errorCount") =>
    [...closed, ...open, ...removed].reduce((all, window) => all + window[key], 0);
  assert.equal(sum("totalCount"), totals.inWindows, "rows in windows");
  assert.equal(sum("errorCount"), totals.errorsInWindows, "errors in windows");
  const starts = new Set([...closed, ...open, ...removed].map(({ startMs }) => startMs));
  const count = closed.length + open.length + removed.length;
  assert.equal(starts.size, count, "a window is there twice");
  const rowsByWindow = Map.groupBy(
    rows,
    ({ timestamp }) => Math.floor(Date.parse(timestamp) / windowLengthMs) * windowLengthMs,
  );
  for (const window of closed) {
    const count = window.errorCount + window.lateErrorCount;
    assert.equal(rowsByWindow.get(window.startMs)?.length ?? 0, count, `window ${window.startMs}`);
  }
  for (const { startMs, errorCount } of open) {
    assert.equal(rowsByWindow.get(startMs)?.length ?? 0, errorCount, `open window ${startMs}`);
  }
}

/** The history of a run that has read one file and nothing else, beside the slow and obvious way. */
export function checkWindows(
  history: WindowHistory,
  expected: NaiveAnalysis,
  removed: readonly OpenWindow[],
): void {
  const removedStarts = new Set(removed.map(({ startMs }) => startMs));
  const late = new Map(expected.lateByWindow.map((of) => [of.windowStartMs, of]));
  const { windows } = history.query({ limit: 1_000_000, urlsMax: 1000 });
  assert.deepEqual(
    windows.toReversed().map(({ startMs, totalCount, errorCount, uniqueIps, ...window }) => ({
      ...{ startMs, totalCount, errorCount, uniqueIps: uniqueIps.count },
      lateCount: window.lateCount,
      lateErrorCount: window.lateErrorCount,
      statuses: window.statuses.map(({ status, errorCount, uniqueIps, urls }) => ({
        ...{ status, errorCount, uniqueIps: uniqueIps.count },
        urls: urls.map(({ url, count }) => ({ url, count })),
      })),
    })),
    expected.windows.filter(({ startMs }) => !removedStarts.has(startMs)).map((window) => ({
      ...window,
      lateCount: late.get(window.startMs)?.lateCount ?? 0,
      lateErrorCount: late.get(window.startMs)?.lateErrorCount ?? 0,
      statuses: window.statuses.map((status) => ({ ...status })),
    })),
  );
}
