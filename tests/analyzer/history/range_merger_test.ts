import assert from "node:assert/strict";
import { PieceMeter, type Pieces } from "../../../analyzer/history/pieces.ts";
import {
  MERGED_URLS_MAX,
  mergeWindows,
  RangeMerger,
  sumWindows,
} from "../../../analyzer/history/range_merger.ts";
import type { WindowPart, WindowRangeReader } from "../../../analyzer/history/window_range.ts";
import { DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

function finish<Result>(
  pieces: Pieces<Result>,
): { readonly result: Result; readonly pauses: number } {
  for (let pauses = 0;; pauses++) {
    const step = pieces.next();
    if (step.done === true) return { result: step.value, pauses };
  }
}

// S-64
Deno.test("mergeWindows() adds up counts, and merges distinct clients instead of adding them", () => {
  const history = new InMemoryHistory([0, 1, 2].map((i) =>
    windowSummary({
      startMs: START_MS + i * LENGTH_MS,
      lateCount: 3,
      lateErrorCount: 1,
    })
  ));
  const range = { fromMs: START_MS, toMs: START_MS + 2 * LENGTH_MS, urlsMax: 1 };
  const { result } = finish(mergeWindows(history.ranges, range, new PieceMeter()));
  assert.equal(result!.totalCount, 2000);
  assert.equal(result!.errorCount, 100);
  assert.deepEqual(result!.uniqueIps, { count: 14, isExact: true });
  assert.deepEqual([result!.lateCount, result!.lateErrorCount], [6, 2]);
  assert.deepEqual(result!.statuses.map(({ status, errorCount }) => [status, errorCount]), [
    [404, 90],
    [500, 10],
  ]);
  const nothing = { fromMs: 0, toMs: 1, urlsMax: 1 };
  assert.equal(finish(mergeWindows(history.ranges, nothing, new PieceMeter())).result, undefined);
  const ofStatus = { ...range, status: 500 };
  const filtered = finish(mergeWindows(history.ranges, ofStatus, new PieceMeter())).result!;
  assert.equal(filtered.errorCount, 100);
  assert.deepEqual(filtered.statuses.map(({ status }) => status), [500]);
});

Deno.test("sumWindows() skips stretches without windows, and pauses on long ones", () => {
  const year = 365 * 24 * 3600 * 1000;
  const history = new InMemoryHistory(
    [START_MS, START_MS + 10 * year].map((startMs) => windowSummary({ startMs })),
  );
  let sums = 0;
  const ranges: WindowRangeReader = {
    ...history.ranges,
    sum(fromMs, toMs) {
      sums++;
      return history.ranges.sum(fromMs, toMs);
    },
  };
  const { result } = finish(sumWindows(ranges, -8.64e15, 8.64e15, new PieceMeter()));
  assert.equal(result.windows, 2);
  assert.equal(sums, 2);
});

/** A window with URLs that no other one has, of several statuses. */
function crowdedPart(index: number, urls: number): WindowPart {
  const startMs = index * LENGTH_MS;
  return {
    startMs,
    endMs: startMs + LENGTH_MS,
    statuses: [404, 500].map((status) => ({
      status,
      errorCount: 2 * urls,
      ipSketch: new DistinctCounter().toBytes(),
      urls: () => ({
        urls: Array.from({ length: urls }, (_, i) => `/${index}/${i}`),
        counts: Array.from({ length: urls }, () => 2),
        countErrorsMax: [],
        firsts: [],
        lasts: [],
        unlistedMax: 0,
      }),
      urlsTotal: { count: urls, isExact: true },
      urlSketch: undefined,
      urlsBytes: 40 * urls,
    })),
  };
}

Deno.test("RangeMerger keeps a bounded number of URLs, and says what it cannot know then", () => {
  const merger = new RangeMerger(LENGTH_MS);
  const parts = Array.from({ length: 40 }, (_, i) => crowdedPart(i, 1000));
  const frequent = {
    ...crowdedPart(40, 1),
    statuses: crowdedPart(40, 1).statuses.map((status) => ({
      ...status,
      urls: () => ({ ...status.urls(), counts: [1000] }),
      errorCount: 1000,
    })),
  };
  const { pauses } = finish(merger.addAll([frequent, ...parts], new PieceMeter()));
  assert.ok(pauses >= 2, "in pieces");
  assert.ok(merger.urlCount <= MERGED_URLS_MAX);
  const { result } = finish(merger.summarize({ urlsMax: 1000 }, new PieceMeter()));
  for (const { urlsTotal, urls, errorCount } of result) {
    assert.equal(errorCount, 1000 + 40 * 2000);
    assert.equal(urls[0]!.url, "/40/0");
    assert.equal(urls[0]!.count, 1000);
    assert.ok(urlsTotal.count > 39_000 && urlsTotal.count < 41_000, `${urlsTotal.count}`);
    assert.equal(urlsTotal.isExact, false);
  }
});

Deno.test("mergeWindows() marks a number of URLs that it cannot know", () => {
  const windows = [0, 1].map((i) =>
    windowSummary({
      startMs: START_MS + i * LENGTH_MS,
      statuses: [statusSummary({ urlsTotal: { count: 5000, isExact: true } })],
    })
  );
  const { ranges } = new InMemoryHistory(windows);
  const total = (count: number) => {
    const range = { fromMs: START_MS, toMs: START_MS + count * LENGTH_MS, urlsMax: 10 };
    return finish(mergeWindows(ranges, range, new PieceMeter())).result!.statuses[0]!.urlsTotal;
  };
  assert.deepEqual(total(1), { count: 5000, isExact: true });
  assert.deepEqual(total(2), { count: 5000, isExact: false });
});
