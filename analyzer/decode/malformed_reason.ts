/**
 * Why a line is not a record. A closed list: these are label values of metrics and keys of JSON
 * answers, so nothing that a stranger wrote may ever become one.
 */
export const MALFORMED_REASONS = [
  "invalid_utf8",
  "nul_byte",
  "not_json",
  "csv_syntax",
  "csv_field_count",
  "missing_field",
  "wrong_type",
  "bad_timestamp",
  "bad_ip",
  "bad_status",
] as const;

/** Why a line is not a record. */
export type MalformedReason = (typeof MALFORMED_REASONS)[number];

/** A value for each reason, in their order. */
export function byReason<T>(
  valueOf: (reason: MalformedReason, i: number) => T,
): Record<MalformedReason, T> {
  return Object.fromEntries(
    MALFORMED_REASONS.map((reason, i) => [reason, valueOf(reason, i)]),
  ) as Record<MalformedReason, T>;
}
