import assert from "node:assert/strict";
import fc from "fast-check";
import { EPOCH_MS_MIN, epochToMs, parseTimestamp } from "../../log_format/parse_timestamp.ts";
import { timestampOf } from "../support/log_lines.ts";

const DAY_MS = 86_400_000;
const FIRST_MS = Date.parse("0000-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const anyTimeMs = fc.oneof(
  fc.integer({ min: FIRST_MS + DAY_MS, max: LAST_MS - DAY_MS }),
  fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) }),
);

function parsesAs(expected: string, texts: readonly string[]): void {
  for (const text of texts) {
    assert.equal(parseTimestamp(text), Date.parse(expected), `${text} is not ${expected}`);
  }
}

function refuses(texts: readonly string[]): void {
  for (const text of texts) assert.equal(parseTimestamp(text), undefined, text);
}

Deno.test("parseTimestamp() reads every form that its docstring names as the same moment", () => {
  parsesAs("2025-05-30T18:52:47Z", [
    "2025-05-30T18:52:47Z",
    "2025-05-30t18:52:47z",
    "2025-05-30 18:52:47Z",
    "2025-150T18:52:47Z",
    "2025-W22-5T18:52:47Z",
    "20250530T185247Z",
    "2025150T185247Z",
    "2025W225T185247Z",
    "2025-05-30T20:52:47+02",
    "2025-05-30T20:52:47+0200",
    "2025-05-30T20:52:47+02:00",
    "2025-05-30T15:22:47-03:30",
    "2025-05-31T18:51:47+23:59",
    "2025-05-30T18:52:47-00:00",
    "1748631167",
    "+1748631167",
    "1748631167.",
    "1.748631167e9",
    "1748631167000",
  ]);
});

Deno.test("parseTimestamp() reads the time of day to the part that was given", () => {
  parsesAs("2025-05-30T18:00:00Z", ["2025-05-30T18Z", "2025-05-30T18:00Z", "20250530T1800Z"]);
  parsesAs("2025-05-30T18:52:00Z", ["2025-05-30T18:52Z", "20250530T1852Z"]);
  parsesAs("2025-05-30T18:30:00Z", ["2025-05-30T18.5Z", "2025-05-30T18,5+00"]);
  parsesAs("2025-05-30T18:52:15Z", ["2025-05-30T18:52.25Z", "20250530T1852,25Z"]);
});

// S-5
Deno.test("parseTimestamp() rounds fractions down, before the epoch too", () => {
  parsesAs("2025-05-30T18:52:47.123Z", [
    "2025-05-30T18:52:47.123Z",
    "2025-05-30T18:52:47.123999Z",
    "2025-05-30T18:52:47,123999999999999999999999Z",
    "1748631167.123",
    "1748631167.123999",
    "1748631167123.9",
  ]);
  for (const zero of ["-0", "0", "-0.0000001", "1970-01-01T00:00:00Z"]) {
    assert.ok(Object.is(parseTimestamp(zero), 0), zero);
  }
  parsesAs("1969-12-31T23:59:59.999Z", ["1969-12-31T23:59:59.9999Z", "-0.0001", "-0.001"]);
  // Parts that a binary fraction would get wrong.
  parsesAs("1970-01-01T00:00:00.290Z", ["1970-01-01T00:00:00.29Z", "0.29"]);
  parsesAs("1970-01-01T00:00:01.001Z", ["1970-01-01T00:00:01.001Z", "1.001"]);
});

Deno.test("parseTimestamp() takes second 60 as the one after it, and no second 61", () => {
  parsesAs("2017-01-01T00:00:00Z", ["2016-12-31T23:59:60Z", "2016-12-31T23:59:60.0Z"]);
  parsesAs("2017-01-01T00:00:00.500Z", ["2016-12-31T23:59:60.5Z"]);
  refuses(["2016-12-31T23:59:61Z", "2016-12-31T23:60:00Z", "2016-12-31T25:00:00Z"]);
});

Deno.test("parseTimestamp() takes 24:00 as the end of a day, and nothing after it", () => {
  parsesAs("2025-05-31T00:00:00Z", [
    "2025-05-30T24Z",
    "2025-05-30T24:00Z",
    "2025-05-30T24:00:00Z",
    "20250530T240000,000Z",
  ]);
  refuses(["2025-05-30T24:00:01Z", "2025-05-30T24:01Z", "2025-05-30T24:00:00.001Z"]);
  refuses(["2025-05-30T24:00:60Z", "2025-05-30T24.5Z"]);
});

Deno.test("parseTimestamp() knows the last day of each month, leap years included", () => {
  parsesAs("2024-02-29T00:00:00Z", ["2024-02-29T00:00Z", "2024-060T00:00Z", "2024-W09-4T00Z"]);
  parsesAs("2000-02-29T00:00:00Z", ["2000-02-29T00:00Z"]);
  refuses(["2025-02-29T00:00Z", "2025-02-30T00:00Z", "1900-02-29T00:00Z", "2025-04-31T00:00Z"]);
  refuses(["2025-00-10T00:00Z", "2025-13-10T00:00Z", "2025-01-00T00:00Z", "2025-01-32T00:00Z"]);
});

Deno.test("parseTimestamp() reads ordinal dates to the last day of the year", () => {
  parsesAs("2025-12-31T00:00:00Z", ["2025-365T00Z"]);
  parsesAs("2024-12-31T00:00:00Z", ["2024-366T00Z", "2024366T00Z"]);
  refuses(["2025-366T00Z", "2024-367T00Z", "2025-000T00Z"]);
});

Deno.test("parseTimestamp() reads week dates, also of weeks that reach into another year", () => {
  parsesAs("2024-12-30T00:00:00Z", ["2025-W01-1T00Z"]);
  parsesAs("2021-01-03T00:00:00Z", ["2020-W53-7T00Z", "2020W537T00Z"]);
  refuses(["2025-W53-1T00Z", "2025-W00-1T00Z", "2025-W01-0T00Z", "2025-W01-8T00Z", "2025-W01T00Z"]);
});

// S-5
Deno.test("parseTimestamp() refuses a time without an offset, and an offset that is none", () => {
  refuses(["2025-05-30T18:52:47", "2025-05-30 18:52", "20250530T185247", "2025-05-30T18"]);
  refuses(["2025-05-30T18:52:47+24:00", "2025-05-30T18:52:47+02:60", "2025-05-30T18:52:47+2"]);
  refuses(["2025-05-30T18:52:47 Z", "2025-05-30T18:52:47+02:0", "2025-05-30T18:52:47UTC"]);
});

Deno.test("parseTimestamp() refuses what is no time", () => {
  refuses(["", " ", "Z", "now", "NaN", "Infinity", "0x10", "1_000", ".5", "-", "1e", "--1"]);
  refuses(["2025-05-30", "2025-05-30Z", "18:52:47Z", "2025-05-30T", "2025-05-30TZ", "T18:52Z"]);
  refuses(["25-05-30T18:52Z", "2025-5-30T18:52Z", "2025-0530T18:52Z", "202505-30T18:52Z"]);
  refuses(["2025-05-30T1852:47Z", "2025-05-30T18:5247Z", "2025-05-30T18:52:47.Z"]);
  refuses([" 2025-05-30T18:52:47Z", "2025-05-30T18:52:47Z ", "2025-05-30T18:52:47Z\n"]);
  refuses(["2025-05-30T18:52:47Z[UTC]", "2025/05/30T18:52Z", "30/May/2025:18:52:47 +0000"]);
});

// S-5
Deno.test("parseTimestamp() refuses a time that its offset takes out of the years 0 to 9999", () => {
  parsesAs("0000-01-01T00:00:00Z", ["0000-01-01T05:30+0530"]);
  refuses(["0000-01-01T05:29+0530", "9999-12-31T12:15-11:45"]);
});

Deno.test("parseTimestamp() agrees with Temporal on dates and times that may not exist", () => {
  const digits = (min: number, max: number, length: number) =>
    fc.integer({ min, max }).map((number) => String(number).padStart(length, "0"));
  const text = fc.tuple(
    digits(0, 9999, 4),
    digits(0, 13, 2),
    digits(0, 32, 2),
    digits(0, 23, 2),
    // Not 60, which Temporal takes for 59.
    digits(0, 59, 2),
    fc.option(digits(0, 999_999_999, 9), { nil: undefined }),
    fc.constantFrom("Z", "+00", "+0530", "-11:45", "+23:59"),
    fc.boolean(),
  ).map(([year, month, day, hour, minute, fraction, offset, isBasic]) => {
    const [dash, colon] = isBasic ? ["", ""] : ["-", ":"];
    const seconds = fraction === undefined ? "" : `${colon}07.${fraction}`;
    return `${year}${dash}${month}${dash}${day}T${hour}${colon}${minute}${seconds}${offset}`;
  });
  fc.assert(
    fc.property(text, (text) => {
      let expected: number | undefined;
      try {
        const instant = Temporal.Instant.from(text);
        // By its offset a time may be of a year that four digits cannot tell.
        const { year } = instant.toZonedDateTimeISO("UTC");
        if (year >= 0 && year <= 9999) expected = instant.epochMilliseconds;
      } catch {
        // Temporal throws where there is no such day.
      }
      assert.equal(parseTimestamp(text), expected, text);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseTimestamp() reads every day of four centuries by week and by ordinal date", () => {
  for (
    let day = Temporal.PlainDate.from("1899-12-25");
    day.year < 2301;
    day = day.add({ days: 1 })
  ) {
    const expected = Date.UTC(day.year, day.month - 1, day.day);
    const week = `${day.yearOfWeek}-W${String(day.weekOfYear).padStart(2, "0")}-${day.dayOfWeek}`;
    const ordinal = `${day.year}-${String(day.dayOfYear).padStart(3, "0")}`;
    if (parseTimestamp(`${week}T00Z`) !== expected) assert.fail(week);
    if (parseTimestamp(`${ordinal}T00Z`) !== expected) assert.fail(ordinal);
  }
});

Deno.test("parseTimestamp() reads any time in any form that loggers write", () => {
  const timeAndForm = fc.integer({ min: Date.UTC(2001, 8, 10), max: Date.UTC(2200, 0) })
    .chain((timeMs) => fc.tuple(fc.constant(timeMs), timestampOf(timeMs)));
  fc.assert(fc.property(timeAndForm, ([timeMs, form]) => {
    const read = typeof form === "number" ? epochToMs(form) : parseTimestamp(form);
    assert.equal(read, timeMs);
  }));
});

Deno.test("parseTimestamp() returns a whole number of ms or undefined, whatever it is given", () => {
  const alphabet = [..."0123456789TWZ:+-., eE"];
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 32 }),
    (text) => {
      const timeMs = parseTimestamp(text);
      assert.ok(timeMs === undefined || Number.isInteger(timeMs));
    },
  ));
});

// S-5
Deno.test("epochToMs() takes numbers below 1e11 as seconds, from there on as milliseconds", () => {
  assert.equal(EPOCH_MS_MIN, 1e11);
  assert.equal(epochToMs(99_999_999_999), 99_999_999_999_000);
  assert.equal(epochToMs(100_000_000_000), 100_000_000_000);
  assert.equal(parseTimestamp("99999999999"), 99_999_999_999_000);
  assert.equal(parseTimestamp("100000000000"), 100_000_000_000);
});

Deno.test("epochToMs() reads whole milliseconds back from seconds with three decimals", () => {
  // Up to 2106: from 2^32 on a double of seconds is coarser than a microsecond.
  const timeMs = fc.integer({ min: -1000 * 2 ** 32, max: 1000 * 2 ** 32 });
  fc.assert(
    fc.property(fc.oneof(timeMs, fc.integer({ min: 0, max: 2e12 })), (timeMs) => {
      assert.equal(epochToMs(timeMs / 1000), timeMs);
    }),
    { numRuns: 2000 },
  );
});

// S-5
Deno.test("epochToMs() refuses what is outside the years 0 to 9999, or no number", () => {
  assert.equal(epochToMs(LAST_MS), LAST_MS);
  assert.equal(epochToMs(LAST_MS + 1), undefined);
  assert.equal(epochToMs(FIRST_MS / 1000), FIRST_MS);
  assert.equal(epochToMs(FIRST_MS / 1000 - 0.001), undefined);
  for (const value of [NaN, Infinity, -Infinity, 1e300, -1e300]) {
    assert.equal(epochToMs(value), undefined);
  }
  parsesAs("9999-12-31T23:59:00Z", ["9999-12-31T23:58:00-00:01"]);
  refuses(["9999-12-31T23:59:00-00:01", "0000-01-01T00:00:00+00:01"]);
  // Any calendar form reads as the calendar says, up to the borders.
  fc.assert(fc.property(anyTimeMs, (timeMs) => {
    assert.equal(parseTimestamp(new Date(timeMs).toISOString()), timeMs);
  }));
});
