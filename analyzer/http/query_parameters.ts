import * as v from "valibot";
import { parseTimestamp } from "../../log_format/parse_timestamp.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { Refusal } from "./refusal.ts";

/** What may be in a query, by name, as a strict object; built by `parameter_schemas.ts`. */
export interface QuerySchema extends v.GenericSchema<unknown, unknown> {
  /** The schema of each parameter. */
  readonly entries: v.ObjectEntries;
}

/** Marks the schema of a parameter that may be given more than once: it takes an array. */
export const REPEATABLE = { isRepeatable: true };

/**
 * Makes the one that reads the queries of a route. A name that the route does not know, or one given
 * twice, is refused: a misspelt `statsu=404` must not look like an answer to what was asked. Of a
 * value that its schema does not take, the schema's message says what would have been allowed; where
 * there are several, the first one in the order of the schema counts.
 *
 * @returns what throws a `Refusal` with status 400 that names the parameter and what is allowed
 */
export function queryReader<S extends QuerySchema>(
  schema: S,
): (search: URLSearchParams) => v.InferOutput<S> {
  const names = Object.keys(schema.entries);
  const repeatable = names.filter((name) => isRepeatable(schema.entries[name]!));
  const allowed = names.length === 0 ? "no query parameters" : names.join(", ");
  return (search) => {
    const input: Record<string, unknown> = {};
    for (const parameter of repeatable) input[parameter] = search.getAll(parameter);
    for (const [parameter, value] of search) {
      if (!names.includes(parameter)) {
        throw new Refusal("unknown_parameter", "This address has no such query parameter", {
          parameter,
          value,
          allowed,
        });
      }
      if (repeatable.includes(parameter)) continue;
      if (input[parameter] !== undefined) {
        throw new Refusal("repeated_parameter", `${parameter} is given more than once`, {
          parameter,
          value,
          allowed: `${parameter} once`,
        });
      }
      input[parameter] = value;
    }
    const result = v.safeParse(schema, input, { abortEarly: true });
    if (result.success) return result.output;
    const [issue] = result.issues;
    const parameter = String(issue.path![0].key);
    const value = search.getAll(parameter).at(-1) ?? "";
    throw invalid({ parameter, value, allowed: issue.message });
  };
}

/**
 * Reads one parameter by a schema that is only known once others have been read.
 *
 * @throws {Refusal} 400 for a value that the schema does not take
 */
export function readParameter<S extends v.GenericSchema<unknown, unknown>>(
  schema: S,
  parameter: string,
  value: string | undefined,
): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw invalid({ parameter, value: value ?? "", allowed: result.issues[0].message });
}

/** A schema that may be wrapped as one that is optional. */
export function unwrapped(
  schema: v.GenericSchema & { readonly wrapped?: v.GenericSchema },
): v.GenericSchema {
  return schema.wrapped ?? schema;
}

/** Whether the parameter of this schema may be given more than once. */
export function isRepeatable(schema: v.GenericSchema): boolean {
  return v.getMetadata(unwrapped(schema))["isRepeatable"] === true;
}

/** The refusal of a query parameter's value. */
export function invalid(
  details: { readonly parameter: string; readonly value: string; readonly allowed: string },
): Refusal {
  const message = `${details.parameter} must be ${details.allowed}`;
  return new Refusal("invalid_parameter", message, details);
}

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
    return Math.abs(timeMs) <= TIME_MAX_MS ? timeMs : undefined;
  }
  // Fractions and exponents are numbers to parseTimestamp, of a unit that depends on their size.
  if (!Number.isNaN(Number(text))) return undefined;
  // An unescaped + means a space in a query; before an offset only the + makes sense.
  return parseTimestamp(text.replace(/ (\d\d(?::?\d\d)?)$/, "+$1"));
}
