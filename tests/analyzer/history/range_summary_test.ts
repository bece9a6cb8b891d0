import assert from "node:assert/strict";
import { SqliteWindowHistory } from "../../../analyzer/deno/sqlite_window_history.ts";
import { summarizeRange, TREND_PARTS } from "../../../analyzer/history/range_summary.ts";
import { closedWindows } from "../../support/closed_windows.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  windowSummary,
} from "../../support/window_fixtures.ts";

function summarize(...[history, query]: Parameters<typeof summarizeRange>) {
  const pieces = summarizeRange(history, query);
  for (;;) {
    const step = pieces.next();
    if (step.done === true) return step.value;
  }
}

// S-64
Deno.test("summarizeRange() lists URLs over all statuses, with those that list them", () => {
  const history = new InMemoryHistory([
    windowSummary(),
    windowSummary({
      startMs: START_MS + LENGTH_MS,
      statuses: windowSummary().statuses.map((status) => ({
        ...status,
        urls: [{ url: "/resource/7", count: status.errorCount, countErrorMax: 0 }],
        urlsTotal: { count: 1, isExact: true },
      })),
    }),
  ]);
  const range = { fromMs: START_MS, toMs: START_MS + 24 * LENGTH_MS };
  const { urls, windows } = summarize(history.ranges, { ...range, urlsMax: 1 });
  assert.equal(windows, 2);
  assert.equal(urls.length, 1);
  assert.equal(urls[0]!.url, "/resource/7");
  assert.deepEqual(urls[0]!.statuses.map(({ status }) => status), [404, 500]);
  assert.equal(urls[0]!.firstMs, START_MS);
  assert.equal(urls[0]!.lastMs, START_MS + 2 * LENGTH_MS);
  assert.deepEqual(urls[0]!.trend.slice(0, 3), [5, 50, 0]);
  assert.equal(urls[0]!.trend.length, TREND_PARTS);
  const of500 = summarize(history.ranges, { ...range, urlsMax: 10, status: 500 });
  assert.deepEqual(of500.urls.map(({ url, count }) => [url, count]), [["/resource/7", 10]]);
  assert.equal(of500.errorCount, 100);
});

Deno.test("summarizeRange() cuts a trend into parts that are equal within a sixth", () => {
  using history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  const windows = 24 * 60 * 2;
  const rows = Array.from({ length: windows }, (_, i) => ({ time: START_MS + i * LENGTH_MS }));
  for (const window of closedWindows(rows, { lengthMs: LENGTH_MS })) history.put(window);
  history.commit(1, 0);
  for (let i = 0; i < 1000; i++) history.rollUp();
  for (
    const [from, count] of [[0, windows], [7, windows - 11], [100, 24], [3, 1], [5, 700]] as const
  ) {
    const fromMs = START_MS + from * LENGTH_MS;
    const range = { fromMs, toMs: fromMs + count * LENGTH_MS, urlsMax: 1 };
    const { trend } = summarize(history.ranges, range).urls[0]!;
    assert.equal(trend.reduce((sum, count) => sum + count, 0), count);
    const equal = count / TREND_PARTS;
    for (const part of trend) {
      assert.ok(Math.abs(part - equal) <= equal / 3 + 1, `${part}, ${equal}`);
    }
  }
});

Deno.test("summarizeRange() lists thousands of URLs in pieces, too", () => {
  const windows = Array.from({ length: 20 }, (_, i) =>
    windowSummary({
      startMs: START_MS + i * LENGTH_MS,
      statuses: windowSummary().statuses.map((status) => ({
        ...status,
        errorCount: 900,
        urls: Array.from({ length: 450 }, (_, j) => ({
          url: `/${status.status}/${i}/${j}`,
          count: 2,
          countErrorMax: 0,
        })),
        urlsTotal: { count: 450, isExact: true },
      })),
    }));
  const { ranges } = new InMemoryHistory(windows);
  let partsLeft = windows.length;
  const pieces = summarizeRange({
    ...ranges,
    *parts(fromMs, toMs) {
      for (const part of ranges.parts(fromMs, toMs)) {
        partsLeft--;
        yield part;
      }
    },
  }, { fromMs: START_MS, toMs: START_MS + 20 * LENGTH_MS, urlsMax: 1000 });
  let pauses = 0;
  for (let step = pieces.next();; step = pieces.next()) {
    if (step.done === true) {
      assert.equal(step.value.urls.length, 1000);
      break;
    }
    // Nothing is left to read: what follows is sorting and listing.
    if (partsLeft === 0) pauses++;
  }
  assert.ok(pauses >= 3, `${pauses}`);
});

Deno.test("summarizeRange() of nothing is zeros", () => {
  const { windows, totalCount, statuses, urls, uniqueIps } = summarize(
    new InMemoryHistory().ranges,
    { fromMs: START_MS, toMs: START_MS, urlsMax: 10 },
  );
  assert.deepEqual({ windows, totalCount, statuses, urls, uniqueIps }, {
    windows: 0,
    totalCount: 0,
    statuses: [],
    urls: [],
    uniqueIps: { count: 0, isExact: true },
  });
});
