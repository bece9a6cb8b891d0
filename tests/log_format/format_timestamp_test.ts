import assert from "node:assert/strict";
import fc from "fast-check";
import { formatTimestamp } from "../../log_format/format_timestamp.ts";

Deno.test("formatTimestamp() writes UTC with microseconds", () => {
  assert.equal(formatTimestamp(0), "1970-01-01T00:00:00.000000Z");
  assert.equal(formatTimestamp(1748631167123.456), "2025-05-30T18:52:47.123456Z");
  assert.equal(formatTimestamp(-0.001), "1969-12-31T23:59:59.999999Z");
});

Deno.test("formatTimestamp() rounds to whole microseconds", () => {
  assert.equal(formatTimestamp(0.0004), "1970-01-01T00:00:00.000000Z");
  assert.equal(formatTimestamp(0.0006), "1970-01-01T00:00:00.000001Z");
  assert.equal(formatTimestamp(999.9996), "1970-01-01T00:00:01.000000Z");
});

Deno.test("formatTimestamp() refuses years that have not four digits", () => {
  const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
  assert.equal(formatTimestamp(lastMs), "9999-12-31T23:59:59.999000Z");
  assert.throws(() => formatTimestamp(lastMs + 1), RangeError);
  assert.equal(formatTimestamp(Date.parse("0000-01-01")), "0000-01-01T00:00:00.000000Z");
  assert.throws(() => formatTimestamp(Date.parse("0000-01-01") - 1), RangeError);
  assert.throws(() => formatTimestamp(NaN), RangeError);
});

Deno.test("formatTimestamp() keeps every millisecond that Date can tell", () => {
  const time = fc.integer({ min: Date.UTC(1000, 0), max: Date.UTC(9999, 0) });
  fc.assert(fc.property(time, (timeMs) => {
    assert.equal(Date.parse(formatTimestamp(timeMs)), timeMs);
  }));
});
