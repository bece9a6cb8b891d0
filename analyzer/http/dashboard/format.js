/** The reader's own locale, and two digits after which nobody reads on. */
const counts = new Intl.NumberFormat();
const small = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 2 });
const compact = new Intl.NumberFormat(undefined, {
  notation: "compact",
  maximumSignificantDigits: 3,
});
const percents = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumSignificantDigits: 2,
  maximumSignificantDigits: 2,
});
const tenths = new Intl.NumberFormat(undefined, {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const roughly = new Intl.NumberFormat(undefined, { style: "percent", maximumSignificantDigits: 2 });
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/**
 * A count, whole.
 *
 * @param {number} count
 */
export function formatCount(count) {
  return counts.format(Math.round(count));
}

/**
 * A measured number: whole from 10 on, else with two digits.
 *
 * @param {number} number
 */
export function formatMeasure(number) {
  return number >= 10 || number === 0 ? counts.format(Math.round(number)) : small.format(number);
}

/**
 * A count on the axis of a chart.
 *
 * @param {number} count
 */
export function formatCompact(count) {
  return compact.format(count);
}

/**
 * A part of the whole.
 *
 * @param {number} share 0 to 1
 */
export function formatShare(share) {
  if (share === 0) return roughly.format(0);
  return share >= 0.1 ? tenths.format(share) : percents.format(share);
}

/**
 * A part of the whole on the axis of a chart.
 *
 * @param {number} share 0 to 1
 */
export function formatShareShortly(share) {
  return roughly.format(share);
}

/**
 * Time of day in UTC.
 *
 * @param {number} timeMs
 */
export function formatTime(timeMs) {
  return new Date(timeMs).toISOString().slice(11, 19);
}

/**
 * Day and time in UTC, to the minute where it is a whole one.
 *
 * @param {number} timeMs
 */
export function formatDayAndTime(timeMs) {
  const [day = "", time = ""] = new Date(timeMs).toISOString().split("T");
  return `${day} ${time.slice(0, timeMs % 60_000 === 0 ? 5 : 8)}`;
}

/**
 * Both ends of a time in UTC, the second without its day where that is the same.
 *
 * @param {number} fromMs
 * @param {number} toMs
 */
export function formatSpan(fromMs, toMs) {
  const [from, to] = [formatDayAndTime(fromMs), formatDayAndTime(toMs)];
  return `${from} – ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to}`;
}

/**
 * The time where the reader lives, in full: what UTC times show on hover.
 *
 * @param {number} timeMs
 */
export function formatLocal(timeMs) {
  return local.format(timeMs);
}

/**
 * A length of time in its largest unit.
 *
 * @param {number} ms
 */
export function formatDuration(ms) {
  const seconds = Math.max(ms, 0) / 1000;
  for (const [unit, length] of UNITS) {
    if (seconds >= length) {
      const count = Math.floor(seconds / length);
      return `${counts.format(count)} ${unit}${count === 1 ? "" : "s"}`;
    }
  }
  return "a moment";
}

/**
 * The length of a step, as short as can be.
 *
 * @param {number} ms
 */
export function formatStep(ms) {
  for (const [unit, length] of STEP_UNITS) {
    if (ms % length === 0) return `${counts.format(ms / length)} ${unit}`;
  }
  return `${counts.format(ms)} ms`;
}

const STEP_UNITS = /** @type {const} */ ([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
]);

const UNITS = /** @type {const} */ ([
  ["year", 31_557_600],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
]);
