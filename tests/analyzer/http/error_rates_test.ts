import assert from "node:assert/strict";
import { ErrorRates } from "../../../analyzer/http/error_rates.ts";
import type { WindowSummary } from "../../../analyzer/window/window_summary.ts";
import { Mulberry32 } from "../../support/mulberry32.ts";
import { InMemoryHistory, windowSummary } from "../../support/window_fixtures.ts";

/** A whole hour, so that times are easy to read. */
const HOUR_MS = Date.UTC(2025, 4, 30, 18);
const MINUTE_MS = 60_000;

/** A window so many ms from 18:00. */
function window(
  offsetMs: number,
  errorCount: number,
  overrides: Partial<WindowSummary> = {},
): WindowSummary {
  const startMs = HOUR_MS + offsetMs;
  return windowSummary({ startMs, errorCount, totalCount: 100, ...overrides });
}

/** One window every 30 s, from an hour and a half before 18:00 on. */
function quietHours(errorCount: number): WindowSummary[] {
  return Array.from({ length: 180 }, (_, i) => window((i - 180) * 30_000, errorCount));
}

function compute(history: InMemoryHistory, toMs: number, open: readonly WindowSummary[] = []) {
  const rates = new ErrorRates(history, 30_000);
  return rates.compute({ eventTimeMaxMs: HOUR_MS + toMs, watermarkMs: undefined }, open);
}

Deno.test("ErrorRates.compute() compares the last minute with the hour before (S-72)", () => {
  const history = new InMemoryHistory([...quietHours(2), window(0, 10)]);
  // At 18:00:45 the minute reaches back to the start of a window: 17:59:30.
  const open = [window(30_000, 12, { state: "open", totalCount: 50 })];
  assert.deepEqual(compute(history, 45_000, open), {
    from: "2025-05-30T17:59:30.000Z",
    to: "2025-05-30T18:00:45.000Z",
    errors_per_minute: (2 + 10 + 12) * 60 / 75,
    error_rate: 24 / 250,
    hour_before_from: "2025-05-30T16:59:30.000Z",
    errors_per_minute_hour_before: 4,
    error_rate_hour_before: 0.02,
  });
});

Deno.test("ErrorRates.compute() takes a whole minute at least, and less than a window more", () => {
  const history = new InMemoryHistory(quietHours(2));
  const spanAt = (toMs: number) => {
    const { from, to } = compute(history, toMs);
    return Date.parse(to!) - Date.parse(from!);
  };
  assert.equal(spanAt(60_000), 60_000);
  assert.equal(spanAt(60_001), 60_001);
  assert.equal(spanAt(89_999), 89_999);
  assert.equal(spanAt(90_000), 60_000);
});

Deno.test("ErrorRates.compute() goes by the watermark where silence has moved it further", () => {
  const rates = new ErrorRates(new InMemoryHistory(quietHours(2)), 30_000);
  const { to } = rates.compute({ eventTimeMaxMs: HOUR_MS - 1, watermarkMs: HOUR_MS }, []);
  assert.equal(to, "2025-05-30T18:00:00.000Z");
});

Deno.test("ErrorRates.compute() knows nothing before the first row", () => {
  const rates = new ErrorRates(new InMemoryHistory(), 30_000);
  const values = Object.values(
    rates.compute({ eventTimeMaxMs: undefined, watermarkMs: undefined }, []),
  );
  assert.deepEqual(new Set(values), new Set([null]));
});

Deno.test("ErrorRates.compute() does not count the time before the first window as one without errors", () => {
  const history = new InMemoryHistory([window(-180_000, 6), window(-150_000, 6)]);
  const rates = compute(history, 0);
  assert.equal(rates.errors_per_minute, 0, "nothing came in the last minute");
  assert.equal(rates.errors_per_minute_hour_before, 12 / 2, "12 in the two minutes before");
  // Less than a minute of it says nothing.
  assert.equal(compute(history, -60_000).errors_per_minute_hour_before, 12);
  assert.equal(compute(history, -60_001).errors_per_minute_hour_before, null);
  // Of the first seconds it is said what they come to in a minute; of the first 10 as of ten.
  const open = [window(0, 6, { state: "open" })];
  assert.equal(compute(new InMemoryHistory(), 20_000, open).errors_per_minute, 18);
  assert.equal(compute(new InMemoryHistory(), 1000, open).errors_per_minute, 36);
});

Deno.test("ErrorRates.compute() takes open windows that have fallen behind into the hour before", () => {
  const history = new InMemoryHistory(quietHours(0));
  const { errors_per_minute, errors_per_minute_hour_before } = compute(history, 0, [
    window(-120_000, 60, { state: "open" }),
  ]);
  assert.deepEqual([errors_per_minute, errors_per_minute_hour_before], [0, 1]);
});

Deno.test("ErrorRates.add() keeps the sums up to date without reading the history again", () => {
  const history = new InMemoryHistory(quietHours(2));
  const rates = new ErrorRates(history, 30_000);
  rates.compute({ eventTimeMaxMs: HOUR_MS, watermarkMs: undefined }, []);
  history.sumBySpan = () => assert.fail("it was read once");
  rates.add(window(0, 30));
  const at = (toMs: number) =>
    rates.compute({ eventTimeMaxMs: HOUR_MS + toMs, watermarkMs: undefined }, []);
  assert.equal(at(30_000).errors_per_minute, 32 * 60 / 60);
  assert.equal(at(5 * MINUTE_MS).errors_per_minute_hour_before, (112 * 2 + 30) / 60);
  assert.equal(at(62 * MINUTE_MS).errors_per_minute_hour_before, 0, "what is older is forgotten");
});

Deno.test("ErrorRates reads the history again once the storage has taken what it refused", () => {
  const history = new InMemoryHistory(quietHours(0));
  const rates = new ErrorRates(history, 30_000);
  const compute = () =>
    rates.compute({ eventTimeMaxMs: HOUR_MS + 30_000, watermarkMs: undefined }, []);
  history.isBehind = true;
  assert.equal(compute().errors_per_minute, 0);
  history.windows.push(window(0, 30));
  history.isBehind = false;
  assert.equal(compute().errors_per_minute, 30);
});

for (const windowLengthMs of [1, 7000, 30_000, 600_000, 7_200_000]) {
  Deno.test(`ErrorRates is right for windows of ${windowLengthMs} ms`, () => {
    const seed = 20250530 + windowLengthMs;
    const generator = new Mulberry32(seed);
    const random = () => generator.next();
    const history = new InMemoryHistory();
    const rates = new ErrorRates(history, windowLengthMs);
    let startMs = Math.floor(HOUR_MS / windowLengthMs) * windowLengthMs;
    for (let i = 0; i < 300; i++) {
      startMs += windowLengthMs * (1 + Math.floor(random() * 60_000 / windowLengthMs));
      const closed = windowSummary({
        startMs,
        lengthMs: windowLengthMs,
        totalCount: 100,
        errorCount: Math.floor(random() * 100),
      });
      history.windows.push(closed);
      rates.add(closed);
      const toMs = startMs + windowLengthMs + Math.floor(random() * windowLengthMs);
      const answer = rates.compute({ eventTimeMaxMs: toMs, watermarkMs: undefined }, []);
      const [fromMs, beforeMs] = [Date.parse(answer.from!), Date.parse(answer.hour_before_from!)];
      const errorsIn = (from: number, to: number) =>
        history.windows.filter(({ startMs }) => startMs >= from && startMs < to)
          .reduce((sum, { errorCount }) => sum + errorCount, 0);
      const facts = `seed ${seed}, step ${i}`;
      const oldestMs = history.windows[0]!.startMs;
      const spanMs = Math.max(windowLengthMs, 10_000);
      assert.ok(toMs - fromMs >= MINUTE_MS && toMs - fromMs < MINUTE_MS + 2 * spanMs, facts);
      assert.ok(fromMs - beforeMs >= 60 * MINUTE_MS, facts);
      const nowMs = Math.max(10_000, toMs - Math.max(fromMs, oldestMs));
      assert.equal(answer.errors_per_minute, errorsIn(fromMs, toMs) * MINUTE_MS / nowMs, facts);
      const knownMs = fromMs - Math.max(beforeMs, oldestMs);
      assert.equal(
        answer.errors_per_minute_hour_before,
        knownMs < MINUTE_MS ? null : errorsIn(beforeMs, fromMs) * MINUTE_MS / knownMs,
        facts,
      );
    }
  });
}

Deno.test("ErrorRates.compute() leaves out open windows of before the hour before", () => {
  const open = [window(-2 * 60 * MINUTE_MS, 1000, { state: "open" })];
  const rates = compute(new InMemoryHistory(quietHours(2)), 0, open);
  assert.equal(rates.errors_per_minute_hour_before, 4);
});
