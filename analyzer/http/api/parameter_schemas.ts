import * as v from "valibot";
import { STATUS_MAX, STATUS_MIN } from "../../../log_format/log_record.ts";
import { parseTime, REPEATABLE, TIMES_ALLOWED } from "../query_parameters.ts";

/*
 * Schemas of what comes in an address: texts, and what becomes of them. The message of each says
 * what is allowed, and is all that a refusal tells (`queryReader()`). Programs that go through the
 * typed client may write numbers as numbers.
 */

/** A parameter of one value. */
export type TextParameter<Output> = v.GenericSchema<string | number, Output>;

/** A whole number from `min` to `max`. */
export function integer(
  { min, max }: { readonly min: number; readonly max: number },
): TextParameter<number> {
  const allowed = `a whole number from ${min} to ${max}`;
  return v.pipe(
    TEXT_OR_NUMBER,
    v.regex(/^\d{1,9}$/, allowed),
    v.transform(Number),
    v.number(allowed),
    v.integer(allowed),
    v.minValue(min, allowed),
    v.maxValue(max, allowed),
  );
}

/** A time, in ms since the Unix epoch. */
export function time(): TextParameter<number> {
  const shownAs = v.pipe(
    v.union([v.pipe(v.string(), v.isoTimestamp()), v.pipe(v.number(), v.integer())]),
    v.examples(["2025-05-30T18:52:30Z", 1_748_631_150_000]),
  );
  return v.pipe(TEXT_OR_NUMBER, parsed(parseTime, TIMES_ALLOWED), showAs(shownAs));
}

/** A text; an empty one counts as not given. */
export function text(): v.GenericSchema<string, string | undefined> {
  return v.pipe(
    v.string(),
    v.maxLength(TEXT_LENGTH_MAX, `at most ${TEXT_LENGTH_MAX} characters`),
    v.transform((text) => text === "" ? undefined : text),
  );
}

/** As long as a URL can be in a list, whatever --limit url-bytes says. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** One of these words. */
export function word<const Words extends readonly [string, ...string[]]>(
  words: Words,
): v.GenericSchema<Words[number], Words[number]> {
  return v.picklist(words, words.join(" or "));
}

/** The place where a page ended, in the form that only this program reads. */
export function cursor<Place>(
  decode: (text: string) => Place | undefined,
): v.GenericSchema<string, Place> {
  return v.pipe(v.string(), parsed(decode, "the next_cursor of a page"));
}

/** URLs, each given as a parameter of its own. */
export function urlList(
  { min }: { readonly min: 0 | 1 },
): v.GenericSchema<string | readonly string[], readonly string[]> {
  const allowed = `given ${min} to ${URLS_ASKED_MAX} times`;
  return v.pipe(
    v.union([v.string(), v.array(v.string())]),
    v.transform((urls) => typeof urls === "string" ? [urls] : urls),
    v.array(v.string()),
    v.minLength(min, allowed),
    v.maxLength(URLS_ASKED_MAX, allowed),
    v.metadata(REPEATABLE),
  );
}

/** URLs that one request may ask about. */
export const URLS_ASKED_MAX = 50;

/** An HTTP status. */
export function status(): TextParameter<number> {
  return integer({ min: STATUS_MIN, max: STATUS_MAX });
}

/** How many URLs to list. */
export function urlsListed(
  description = "URLs listed a status.",
): v.OptionalSchema<TextParameter<number>, number> {
  return v.optional(described(integer({ min: 0, max: 1000 }), description), URLS_DEFAULT);
}

/** URLs that are listed a status where the request does not say. */
export const URLS_DEFAULT = 20;

/**
 * A value whose bounds depend on what else is asked for, or on the run: it stays a text, which the
 * route reads itself.
 *
 * @param shownAs what the document says of it
 */
export function readLater(shownAs: v.GenericSchema<unknown, unknown>): TextParameter<string> {
  return v.pipe(TEXT_OR_NUMBER, showAs(shownAs));
}

/**
 * The parameters of a route that asks for a range, `from` and `to` among them: it must not end
 * before it begins.
 */
export function rangeQuery<Entries extends v.ObjectEntries>(entries: Entries) {
  return v.pipe(
    v.strictObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const range = dataset.value as { readonly from?: number; readonly to?: number };
      if (range.from === undefined || range.to === undefined || range.to >= range.from) return;
      addIssue({
        message: "a time not before from",
        path: [{ type: "object", origin: "value", input: range, key: "to", value: range.to }],
      });
    }),
  );
}

/** The schema that the document shows in the place of this one, if it is another. */
export function shownAs(schema: v.GenericSchema): v.GenericSchema | undefined {
  return v.getMetadata(schema)["shownAs"] as v.GenericSchema | undefined;
}

/** A schema with what it means, for people. */
export function described<Input, Output>(
  schema: v.GenericSchema<Input, Output>,
  description: string,
): v.GenericSchema<Input, Output> {
  return v.pipe(schema, v.description(description));
}

function showAs<T>(schema: v.GenericSchema<unknown, unknown>) {
  return v.metadata<T, { readonly shownAs: unknown }>({ shownAs: schema });
}

function parsed<Output>(parse: (text: string) => Output | undefined, allowed: string) {
  return v.rawTransform<string, Output>(({ dataset, addIssue, NEVER }) => {
    const value = parse(dataset.value);
    if (value !== undefined) return value;
    addIssue({ message: allowed });
    return NEVER;
  });
}

const TEXT_OR_NUMBER = v.pipe(v.union([v.string(), v.number()]), v.transform(String));
