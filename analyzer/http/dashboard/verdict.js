import { formatMeasure, formatShare } from "./format.js";

/** @import { Rates, SourceJson, StatusEvent } from "./types.ts" */

/**
 * @typedef {object} Verdict
 * @property {"unknown" | "blind" | "usual" | "raised" | "bad"} level
 * @property {string} sentence what a person would say
 */

/** So many times the hour before is worth a look. */
const RAISED_RATIO = 1.5;

/** So many times the hour before is an incident. */
const BAD_RATIO = 3;

/** Where so many of all requests fail, it is bad, however long it has been so. */
const BAD_RATE = 0.5;

/** Nobody calls it quiet where so many of all requests fail. */
const QUIET_RATE = 0.05;

/**
 * Says whether it is bad now.
 *
 * @param {StatusEvent | undefined} status
 * @returns {Verdict}
 */
export function judge(status) {
  if (status === undefined) return { level: "unknown", sentence: "Waiting for the first figures" };
  return judgeSources(status.sources) ?? judgeRates(status.rates);
}

/**
 * The title of the page, which tells of trouble also where only its tab is seen.
 *
 * @param {StatusEvent | undefined} status
 * @param {{ isLost: boolean }} connection
 */
export function titleOf(status, { isLost }) {
  if (isLost) return "No connection – vigie";
  const { level, sentence } = judge(status);
  return level === "usual" || level === "unknown" ? "vigie" : `${sentence} – vigie`;
}

/**
 * What the verdict leaves out: a source that is lost may be the one with the errors.
 *
 * @param {StatusEvent} status
 */
export function missingSources({ sources }) {
  // One that waits without a reason has nobody who sends.
  const lost = sources.filter(({ phase, reason }) => phase === "waiting" && reason !== "");
  if (lost.length === 0) return "";
  const are = lost.length === 1 ? "is" : "are";
  return `${lost.length} of ${sources.length} sources ${are} not connected`;
}

/**
 * Where nothing is read, no news is no good news.
 *
 * @param {readonly SourceJson[]} sources
 * @returns {Verdict | undefined}
 */
function judgeSources(sources) {
  const lost = sources.filter(({ phase }) => phase === "waiting");
  const reading = sources.some(({ phase }) => phase === "connected");
  if (lost.length === 0 || reading) return undefined;
  const what = lost.length === 1 ? "the source is" : `all ${lost.length} sources are`;
  return { level: "blind", sentence: `Nothing is being read: ${what} not connected` };
}

/**
 * Errors a minute grow with the traffic; their rate does not. Both have to rise for an alarm, and by
 * more than chance: counts of independent events vary by the root of their mean.
 *
 * @param {Rates} rates
 * @returns {Verdict}
 */
export function judgeRates(rates) {
  const { errors_per_minute: now, error_rate: rate } = rates;
  const { errors_per_minute_hour_before: before, error_rate_hour_before: rateBefore } = rates;
  if (now === null || rate === null) {
    return { level: "unknown", sentence: "No records yet: the first window is still to come" };
  }
  const aMinute = `${formatMeasure(now)} ${now === 1 ? "error" : "errors"} a minute`;
  const isSevere = rate >= BAD_RATE && now >= 1;
  if (before === null || rateBefore === null) {
    return isSevere
      ? { level: "bad", sentence: `${formatShare(rate)} of all requests fail` }
      : { level: "usual", sentence: `${aMinute}; there is no hour before to compare with` };
  }
  if (before === 0) {
    if (now === 0) return { level: "usual", sentence: "Quiet: no errors, as in the hour before" };
    return now > 3
      ? { level: "bad", sentence: `Errors have begun: ${formatMeasure(now)} a minute after none` }
      : { level: "raised", sentence: `A few errors after an hour without any` };
  }
  const ratio = now / before;
  const rateRatio = rateBefore === 0 ? ratio : rate / rateBefore;
  const isMore = now - before > 3 * Math.sqrt(Math.max(before, 1));
  const times = `${formatMeasure(ratio)} times what they were in the hour before`;
  if (isMore && Math.min(ratio, rateRatio) >= BAD_RATIO) {
    return { level: "bad", sentence: `Errors are ${times}` };
  }
  if (isSevere) {
    return { level: "bad", sentence: `${formatShare(rate)} of all requests fail: ${aMinute}` };
  }
  if (isMore && Math.min(ratio, rateRatio) >= RAISED_RATIO) {
    return { level: "raised", sentence: `Errors are ${times}` };
  }
  if (isMore && ratio >= RAISED_RATIO) {
    return {
      level: "usual",
      sentence: `More errors with more traffic: ${aMinute}, at the usual rate`,
    };
  }
  if (rateRatio >= BAD_RATIO && now > 3) {
    return {
      level: "raised",
      sentence: `Fewer requests, and ${formatMeasure(rateRatio)} times as many of them fail`,
    };
  }
  if (before - now > 3 * Math.sqrt(before) && ratio <= 1 / RAISED_RATIO) {
    return { level: "usual", sentence: `Fewer errors than usual: ${formatMeasure(now)} a minute` };
  }
  const isQuiet = rate < QUIET_RATE;
  return {
    level: "usual",
    sentence: isQuiet ? `Quiet: ${aMinute}, as usual` : `As usual: ${aMinute}`,
  };
}

/**
 * A figure beside that of the hour before, in words.
 *
 * @param {number | null} now
 * @param {number | null} before
 * @param {(value: number) => string} format
 */
export function compare(now, before, format) {
  if (now === null || before === null) return "no hour before to compare with";
  return `${format(before)} in the hour before`;
}
