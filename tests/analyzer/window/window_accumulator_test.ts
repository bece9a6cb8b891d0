import assert from "node:assert/strict";
import fc from "fast-check";
import { DISTINCT_EXACT_MAX, DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import { WindowAccumulator } from "../../../analyzer/window/window_accumulator.ts";
import { recordBatch, type Row } from "../../support/batches.ts";

const LENGTH_MS = 30_000;
const SHAPE = { windowLengthMs: LENGTH_MS, limits: DEFAULT_LIMITS };

function add(accumulator: WindowAccumulator, rows: readonly Row[]): WindowAccumulator {
  const { errors } = recordBatch(rows);
  accumulator.addRows(rows.length);
  accumulator.addErrors(errors, 0, errors.count);
  return accumulator;
}

const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    time: fc.constant(0),
    status: fc.constantFrom(200, 404, 500, 503),
    ip: fc.integer({ min: 1, max: 9 }).map((i) => `192.0.2.${i}`),
    url: fc.constantFrom("/", "/a", "/b", "/ü", ""),
  }),
  { maxLength: 40, size: "max" },
);

// S-13
Deno.test("WindowAccumulator.summarize() counts like a Set and a Map", () => {
  fc.assert(fc.property(rows, (rows) => {
    const summary = add(new WindowAccumulator(60_000, SHAPE), rows).summarize();
    const errors = rows.filter(({ status }) => status! >= 400);
    assert.deepEqual(
      { ...summary, statuses: [] },
      {
        startMs: 60_000,
        lengthMs: LENGTH_MS,
        state: "open",
        totalCount: rows.length,
        errorCount: errors.length,
        uniqueIps: { count: new Set(errors.map(({ ip }) => ip)).size, isExact: true },
        lateCount: 0,
        lateErrorCount: 0,
        statuses: [],
      },
    );
    const statuses = [...new Set(errors.map(({ status }) => status!))].sort((a, b) => a - b);
    assert.deepEqual(summary.statuses.map(({ status }) => status), statuses);
    for (const { status, errorCount, uniqueIps, urls, urlsTotal } of summary.statuses) {
      const same = errors.filter((row) => row.status === status);
      assert.equal(errorCount, same.length);
      assert.equal(uniqueIps.count, new Set(same.map(({ ip }) => ip)).size);
      const distinct = new Set(same.map(({ url }) => url));
      assert.deepEqual(urlsTotal, { count: distinct.size, isExact: true });
      assert.equal(urls.length, distinct.size);
      for (const { url, count, countErrorMax } of urls) {
        assert.equal(count, same.filter((row) => row.url === url).length);
        assert.equal(countErrorMax, 0);
      }
    }
  }));
});

Deno.test("WindowAccumulator.close() adds one readable sketch of addresses a status", () => {
  const closed = add(new WindowAccumulator(0, SHAPE), [
    { time: 0, status: 500, ip: "a" },
    { time: 0, status: 404, ip: "a" },
    { time: 0, status: 404, ip: "b" },
  ]).close();
  assert.equal(closed.state, "closed");
  assert.deepEqual(closed.statuses.map(({ status }) => status), [404, 500]);
  const counts = closed.ipSketches.map((bytes) => DistinctCounter.fromBytes(bytes).count());
  assert.deepEqual(counts, [2, 1]);
  assert.equal(closed.uniqueIps.count, 2);
});

Deno.test("WindowAccumulator.restore() goes on as if it had never stopped", () => {
  fc.assert(fc.property(rows, rows, (before, after) => {
    const whole = add(add(new WindowAccumulator(0, SHAPE), before), after);
    const stopped = add(new WindowAccumulator(0, SHAPE), before);
    const restored = add(WindowAccumulator.restore(stopped.state(), SHAPE), after);
    assert.deepEqual(restored.close(), whole.close());
    assert.deepEqual(restored.state(), whole.state());
  }));
});

// S-15
Deno.test("WindowAccumulator lists URLs up to its bound, and counts them beyond", () => {
  const statusOf = (urlCount: number) => {
    const rows = Array.from({ length: urlCount }, (_, i) => ({ time: 0, url: `/${i}` }));
    return add(new WindowAccumulator(0, SHAPE), rows).summarize().statuses[0]!;
  };
  const full = statusOf(DEFAULT_LIMITS.windowUrls);
  assert.deepEqual(full.urlsTotal, { count: DEFAULT_LIMITS.windowUrls, isExact: true });
  assert.equal(full.urls.length, DEFAULT_LIMITS.windowUrls);
  assert.ok(full.urls.every(({ count, countErrorMax }) => count === 1 && countErrorMax === 0));
  const over = statusOf(DEFAULT_LIMITS.windowUrls + 1);
  assert.deepEqual(over.urlsTotal, { count: DEFAULT_LIMITS.windowUrls + 1, isExact: true });
  assert.equal(over.urls.length, DEFAULT_LIMITS.windowUrls);
  assert.equal(over.urls[0]!.countErrorMax, 1);
  const exact = statusOf(DISTINCT_EXACT_MAX);
  assert.deepEqual(exact.urlsTotal, { count: DISTINCT_EXACT_MAX, isExact: true });
  const many = statusOf(20_000);
  assert.equal(many.urls.length, DEFAULT_LIMITS.windowUrls);
  assert.equal(many.urlsTotal.isExact, false);
  // Four standard errors of HyperLogLog.
  assert.ok(Math.abs(many.urlsTotal.count / 20_000 - 1) < 4 * 0.0081);
});

Deno.test("WindowAccumulator.restore() keeps a window's list of URLs as long as it was", () => {
  const shape = (windowUrls: number) => ({ ...SHAPE, limits: { windowUrls } });
  const rows = ["/a", "/b", "/c"].map((url) => ({ time: 0, url }));
  const before = add(new WindowAccumulator(0, shape(2)), rows);
  for (const windowUrls of [1, 2, 10]) {
    const restored = WindowAccumulator.restore(before.state(), shape(windowUrls));
    assert.deepEqual(restored.summarize(), before.summarize());
    assert.equal(add(restored, rows).summarize().statuses[0]!.urls.length, 2);
  }
});

Deno.test("WindowAccumulator.restore() refuses a sketch that is damaged", () => {
  const state = add(new WindowAccumulator(0, SHAPE), [{ time: 0 }]).state();
  for (const name of ["ips", "urls", "urlsTotal"] as const) {
    const status = state.statuses[0]!;
    const damaged = { ...status, [name]: status[name].slice(0, -1) };
    assert.throws(
      () => WindowAccumulator.restore({ ...state, statuses: [damaged] }, SHAPE),
      (exception) => exception instanceof SyntaxError || exception instanceof RangeError,
    );
  }
});
