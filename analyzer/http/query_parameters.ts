import { STATUS_MAX, STATUS_MIN } from "../../log_format/log_record.ts";
import { parseTimestamp } from "../../log_format/parse_timestamp.ts";
import { Refusal } from "./refusal.ts";

/** Query parameters of one request: known names, each given once. */
export type QueryParameters = ReadonlyMap<string, string>;

/**
 * Reads the query of a request. A name that the route does not know, or one given twice, is
 * refused: a misspelt `statsu=404` must not look like an answer to what was asked.
 *
 * @param repeatable those that may be given more than once; the last one is kept here
 * @throws {Refusal} 400, naming the parameter and those that are allowed
 */
export function readQueryParameters(
  search: URLSearchParams,
  names: readonly string[],
  repeatable: readonly string[] = [],
): QueryParameters {
  const allowed = names.length === 0 ? "no query parameters" : names.join(", ");
  const parameters = new Map<string, string>();
  for (const [parameter, value] of search) {
    if (!names.includes(parameter)) {
      throw new Refusal(400, "unknown_parameter", "This address has no such query parameter", {
        parameter,
        value,
        allowed,
      });
    }
    if (parameters.has(parameter) && !repeatable.includes(parameter)) {
      throw new Refusal(400, "repeated_parameter", `${parameter} is given more than once`, {
        parameter,
        value,
        allowed: `${parameter} once`,
      });
    }
    parameters.set(parameter, value);
  }
  return parameters;
}

/**
 * A parameter that is a whole number from `min` to `max`; `undefined` where it is not given.
 *
 * @throws {Refusal} 400 for anything else
 */
export function integerParameter(
  query: QueryParameters,
  parameter: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = query.get(parameter);
  if (value === undefined) return undefined;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (number >= min && number <= max) return number;
  throw invalid({ parameter, value, allowed: `a whole number from ${min} to ${max}` });
}

/**
 * A parameter that is a time, in ms since the Unix epoch; `undefined` where it is not given.
 *
 * @throws {Refusal} 400 for anything that {@linkcode parseTime} cannot read
 */
export function timeParameter(query: QueryParameters, parameter: string): number | undefined {
  const value = query.get(parameter);
  if (value === undefined) return undefined;
  const timeMs = parseTime(value);
  if (timeMs === undefined) throw invalid({ parameter, value, allowed: TIMES_ALLOWED });
  return timeMs;
}

/** A parameter that is a text; `undefined` where it is not given, or empty. */
export function textParameter(query: QueryParameters, parameter: string): string | undefined {
  const value = query.get(parameter);
  if (value === undefined || value === "") return undefined;
  if (value.length <= TEXT_LENGTH_MAX) return value;
  throw invalid({ parameter, value, allowed: `at most ${TEXT_LENGTH_MAX} characters` });
}

/** As long as a URL can be in a list, whatever --limit url-bytes says. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** `from` and `to` of a range `[from, to)`. */
export function readRange(
  query: QueryParameters,
): { readonly fromMs: number | undefined; readonly toMs: number | undefined } {
  const [fromMs, toMs] = [timeParameter(query, "from"), timeParameter(query, "to")];
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    throw invalid({ parameter: "to", value: query.get("to")!, allowed: "a time not before from" });
  }
  return { fromMs, toMs };
}

/** `status`: an HTTP status. */
export function readStatus(query: QueryParameters): number | undefined {
  return integerParameter(query, "status", { min: STATUS_MIN, max: STATUS_MAX });
}

/** `urls`: how many URLs to list of a status. */
export function readUrlsMax(query: QueryParameters): number {
  return integerParameter(query, "urls", { min: 0, max: URLS_MAX }) ?? URLS_DEFAULT;
}

/** URLs that are listed a status where the request does not say. */
export const URLS_DEFAULT = 20;

const URLS_MAX = 1000;

/** What {@linkcode parseTime} reads, for people. */
export const TIMES_ALLOWED =
  "ISO 8601 with an offset, such as 2025-05-30T18:52:30Z, or milliseconds since 1970";

/**
 * Reads a time from an address, as milliseconds since the Unix epoch; `undefined` where it is none.
 * A whole number is always milliseconds: unlike in a log line there is no guessing of seconds.
 */
export function parseTime(text: string): number | undefined {
  if (/^-?\d{1,16}$/.test(text)) {
    // Never -0.
    const timeMs = Number(text) + 0;
    return Math.abs(timeMs) <= EPOCH_MS_LIMIT ? timeMs : undefined;
  }
  // Fractions and exponents are numbers to parseTimestamp, of a unit that depends on their size.
  if (!Number.isNaN(Number(text))) return undefined;
  // An unescaped + means a space in a query; before an offset only the + makes sense.
  return parseTimestamp(text.replace(/ (\d\d(?::?\d\d)?)$/, "+$1"));
}

/** The refusal of a query parameter's value. */
export function invalid(
  details: { readonly parameter: string; readonly value: string; readonly allowed: string },
): Refusal {
  const message = `${details.parameter} must be ${details.allowed}`;
  return new Refusal(400, "invalid_parameter", message, details);
}

/** Farthest time from the epoch that a `Date` can hold, in ms. */
export const EPOCH_MS_LIMIT = 8.64e15;
