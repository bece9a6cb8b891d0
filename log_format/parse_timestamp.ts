/**
 * Reads an event time as milliseconds since the Unix epoch, rounded down; `undefined` where the
 * text is no time, or a time without an offset.
 *
 * Accepted: ISO 8601 with an offset, as calendar (`2025-05-30`), ordinal (`2025-150`) or week date
 * (`2025-W22-5`), extended or basic, with `T`, `t` or a space before the time of day, seconds and
 * minutes optional, a decimal fraction (`.` or `,`) of the last part given, an offset of `Z`,
 * `±hh`, `±hhmm` or `±hh:mm`, 24:00 as the end of a day, and second 60 as the one after it (a leap
 * second has no place of its own in Unix time). And a bare number: epoch seconds below
 * {@linkcode EPOCH_MS_MIN}, else epoch milliseconds, both with an optional fraction.
 */
export function parseTimestamp(text: string): number | undefined {
  if (NUMBER.test(text)) return epochToMs(Number(text));
  const parts = ISO_8601.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const dayMs = parseDate(parts["date"]!);
  const timeMs = parseTimeOfDay(parts["time"]!);
  const offsetMs = parseOffset(parts["offset"]!);
  if (dayMs === undefined || timeMs === undefined || offsetMs === undefined) return undefined;
  return inRange(dayMs + timeMs - offsetMs);
}

/** Numbers from here on are epoch milliseconds (1973), smaller ones epoch seconds (to 5138). */
export const EPOCH_MS_MIN = 1e11;

/** 0000-01-01T00:00:00.000Z: ISO 8601 has no earlier year without a sign. */
const EPOCH_MS_FIRST = -62_167_219_200_000;

/** 9999-12-31T23:59:59.999Z, so that also the end of a window can always be written. */
const EPOCH_MS_LAST = 253_402_300_799_999;

/**
 * Turns a bare number into milliseconds since the Unix epoch, rounded down; `undefined` where it
 * is no finite number, or outside the years 0 to 9999.
 */
export function epochToMs(value: number): number | undefined {
  // By way of whole microseconds: 1.001 * 1000 is 1000.9999999999999.
  const timeMs = Math.floor(value < EPOCH_MS_MIN ? Math.round(value * 1e6) / 1000 : value);
  return inRange(timeMs);
}

function inRange(timeMs: number): number | undefined {
  // Never -0, which "-0" is: it would not be the same in everything that is made of it.
  return timeMs >= EPOCH_MS_FIRST && timeMs <= EPOCH_MS_LAST ? timeMs + 0 : undefined;
}

const NUMBER = /^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?$/;
const ISO_8601 =
  /^(?<date>\d[\dW-]*)[Tt ](?<time>\d\d[\d:]*(?:[.,]\d+)?)(?<offset>[Zz]|[+-]\d\d(?::?\d\d)?)$/;
const CALENDAR_DATE = /^(\d{4})(-?)(\d\d)\2(\d\d)$/;
const ORDINAL_DATE = /^(\d{4})-?(\d{3})$/;
const WEEK_DATE = /^(\d{4})(-?)W(\d\d)\2([1-7])$/;
const TIME_OF_DAY = /^(\d\d)(?:(:?)(\d\d)(?:\2(\d\d))?)?(?:[.,](\d+))?$/;

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1000;

/** Midnight UTC of a date in ms since the epoch, or `undefined` where there is no such day. */
function parseDate(text: string): number | undefined {
  let match = CALENDAR_DATE.exec(text);
  if (match !== null) {
    const [year, month, day] = [Number(match[1]), Number(match[3]), Number(match[4])];
    const date = new Date(0);
    date.setUTCFullYear(year, month - 1, day);
    const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
    return exists ? date.getTime() : undefined;
  }
  match = ORDINAL_DATE.exec(text);
  if (match !== null) {
    const [year, day] = [Number(match[1]), Number(match[2])];
    const newYear = newYearMs(year);
    const exists = day >= 1 && newYear + (day - 1) * DAY_MS < newYearMs(year + 1);
    return exists ? newYear + (day - 1) * DAY_MS : undefined;
  }
  match = WEEK_DATE.exec(text);
  if (match !== null) {
    const [year, week, weekday] = [Number(match[1]), Number(match[3]), Number(match[4])];
    const firstMonday = firstMondayMs(year);
    const exists = week >= 1 && firstMonday + (week - 1) * 7 * DAY_MS < firstMondayMs(year + 1);
    return exists ? firstMonday + ((week - 1) * 7 + weekday - 1) * DAY_MS : undefined;
  }
  return undefined;
}

function newYearMs(year: number): number {
  return new Date(0).setUTCFullYear(year, 0, 1);
}

/** Monday of the week that holds 4 January: where ISO 8601 lets the week-numbering year begin. */
function firstMondayMs(year: number): number {
  const fourth = newYearMs(year) + 3 * DAY_MS;
  const daysSinceMonday = (new Date(fourth).getUTCDay() + 6) % 7;
  return fourth - daysSinceMonday * DAY_MS;
}

/** Milliseconds since midnight, rounded down, or `undefined` where a day has no such time. */
function parseTimeOfDay(text: string): number | undefined {
  const match = TIME_OF_DAY.exec(text);
  if (match === null) return undefined;
  const [, hourText, , minuteText, secondText, fractionText] = match;
  const [hour, minute, second] = [hourText, minuteText ?? "0", secondText ?? "0"].map(Number);
  const unitMs = secondText !== undefined
    ? SECOND_MS
    : minuteText !== undefined
    ? MINUTE_MS
    : HOUR_MS;
  const fractionMs = fractionText === undefined ? 0 : fractionOf(fractionText, unitMs);
  if (hour! > 24 || minute! > 59 || second! > 60) return undefined;
  const timeMs = hour! * HOUR_MS + minute! * MINUTE_MS + second! * SECOND_MS + fractionMs;
  if (hour === 24 && timeMs !== 24 * HOUR_MS) return undefined;
  return timeMs;
}

/** The fraction's share of a unit in whole ms, rounded down, free of binary rounding. */
function fractionOf(digits: string, unitMs: number): number {
  const kept = digits.slice(0, 9);
  return Math.floor(Number(kept) * unitMs / 10 ** kept.length);
}

function parseOffset(text: string): number | undefined {
  if (text === "Z" || text === "z") return 0;
  const hour = Number(text.slice(1, 3));
  const minute = text.length > 3 ? Number(text.slice(-2)) : 0;
  if (hour > 23 || minute > 59) return undefined;
  return (text[0] === "-" ? -1 : 1) * (hour * HOUR_MS + minute * MINUTE_MS);
}
