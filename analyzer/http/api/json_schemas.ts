import * as v from "valibot";
import { STATUS_MAX, STATUS_MIN } from "../../../log_format/log_record.ts";
import { described } from "./parameter_schemas.ts";

/*
 * Schemas of what is answered. They describe answers and check them in tests; JSON itself is built
 * by hand, and no answer is checked as it is given. Objects are strict, so that a test fails where
 * an answer holds what its schema does not.
 */

/** Keys of a type, each with a schema: `satisfies Entries<T>` holds a schema and its type together. */
export type Entries<T> = { readonly [Key in keyof T]-?: v.GenericSchema<unknown, T[Key]> };

/** The type of the JSON that a schema describes. */
export type Json<Schema extends v.GenericSchema<unknown, unknown>> = Immutable<
  v.InferOutput<Schema>
>;

type Immutable<T> = T extends readonly (infer Item)[] ? readonly Immutable<Item>[]
  : T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> }
  : T;

/** A whole number, 0 or more. */
export function count(description: string): v.GenericSchema<number, number> {
  return described(v.pipe(v.number(), v.integer(), v.minValue(0)), description);
}

/** A number, 0 or more. */
export function amount(description: string): v.GenericSchema<number, number> {
  return described(v.pipe(v.number(), v.minValue(0)), description);
}

/** A number from 0 to 1. */
export function share(description: string): v.GenericSchema<number, number> {
  return described(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), description);
}

/** An HTTP status. */
export function httpStatus(description: string): v.GenericSchema<number, number> {
  return described(
    v.pipe(v.number(), v.integer(), v.minValue(STATUS_MIN), v.maxValue(STATUS_MAX)),
    description,
  );
}

/** A time, ISO 8601 in UTC with milliseconds. */
export function timestamp(description: string): v.GenericSchema<string, string> {
  return described(v.pipe(v.string(), v.isoTimestamp()), description);
}

/** Text. */
export function text(description: string): v.GenericSchema<string, string> {
  return described(v.string(), description);
}

/** Whether something is so. */
export function flag(description: string): v.GenericSchema<boolean, boolean> {
  return described(v.boolean(), description);
}
