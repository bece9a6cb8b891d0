import assert from "node:assert/strict";
import {
  formatDayAndTime,
  formatDuration,
  formatMeasure,
  formatShare,
  formatSpan,
  formatStep,
  formatTime,
} from "../../../../analyzer/http/dashboard/format.js";

const TIME_MS = Date.parse("2025-05-30T18:52:30Z");

Deno.test("times are UTC, to the second where there is one", () => {
  assert.equal(formatTime(TIME_MS), "18:52:30");
  assert.equal(formatDayAndTime(TIME_MS), "2025-05-30 18:52:30");
  assert.equal(formatDayAndTime(TIME_MS + 30_000), "2025-05-30 18:53");
});

Deno.test("formatSpan() names a day once", () => {
  assert.equal(formatSpan(TIME_MS, TIME_MS + 30_000), "2025-05-30 18:52:30 – 18:53");
  assert.equal(
    formatSpan(TIME_MS, TIME_MS + 86_400_000),
    "2025-05-30 18:52:30 – 2025-05-31 18:52:30",
  );
});

Deno.test("numbers have the digits that tell something", () => {
  assert.deepEqual([0, 0.123, 1, 9.94, 10.4, 12.6].map(formatMeasure).map(plain), [
    "0",
    "0.12",
    "1",
    "9.9",
    "10",
    "13",
  ]);
  assert.deepEqual([0, 0.00123, 0.02, 0.1234, 1].map(formatShare).map(plain), [
    "0%",
    "0.12%",
    "2.0%",
    "12.3%",
    "100.0%",
  ]);
});

Deno.test("lengths of time are said in their largest unit", () => {
  const texts = [0, 999, 1000, 59_999, 60_000, 7_199_999, 90_000_000, 4e10].map(formatDuration);
  assert.deepEqual(texts, [
    "a moment",
    "a moment",
    "1 second",
    "59 seconds",
    "1 minute",
    "1 hour",
    "1 day",
    "1 year",
  ]);
  assert.deepEqual([500, 30_000, 60_000, 90_000, 7_200_000, 86_400_000].map(formatStep), [
    "500 ms",
    "30 s",
    "1 min",
    "90 s",
    "2 h",
    "1 d",
  ]);
});

/** A number as it is written in English, whoever runs the tests. */
function plain(text: string): string {
  return text.replace(",", ".").replace(/\s%/, "%");
}
