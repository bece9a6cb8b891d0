import { byReason, type MalformedReason } from "../decode/malformed_reason.ts";

/**
 * Everything that was ever read, counted by what became of it. At every committed element:
 *
 * - `lines = valid + Σ malformed + oversized + empty + header + partial`
 * - `valid = inWindows + late + future`
 * - `errors = errorsInWindows + lateErrors + futureErrors = Σ errorsByStatus`
 *   = the lines of the error files
 */
export interface Totals {
  /** Bytes read, line ends included. */
  readonly bytes: number;
  /** Lines, whatever they are. */
  readonly lines: number;
  /** Lines that are records. */
  readonly valid: number;
  /** Lines that are no records, by reason. */
  readonly malformed: Readonly<Record<MalformedReason, number>>;
  /** Lines longer than the limit. */
  readonly oversized: number;
  /** Lines with nothing but blanks. */
  readonly empty: number;
  /** CSV header lines. */
  readonly header: number;
  /** Lines cut off by a lost connection. */
  readonly partial: number;
  /** Records counted in a window. */
  readonly inWindows: number;
  /** Records whose window had closed already. */
  readonly late: number;
  /** Records too far ahead of the clock for any window. */
  readonly future: number;
  /** Records whose status is an error. */
  readonly errors: number;
  /** Errors among the records in windows. */
  readonly errorsInWindows: number;
  /** Errors among the late records. */
  readonly lateErrors: number;
  /** Errors among the future records. */
  readonly futureErrors: number;
  /** Errors by status; a status that never occurred has no entry. */
  readonly errorsByStatus: ReadonlyMap<number, number>;
}

/** Totals of a run that has read nothing yet. */
export function emptyTotals(): Totals {
  return {
    bytes: 0,
    lines: 0,
    valid: 0,
    malformed: byReason(() => 0),
    oversized: 0,
    empty: 0,
    header: 0,
    partial: 0,
    inWindows: 0,
    late: 0,
    future: 0,
    errors: 0,
    errorsInWindows: 0,
    lateErrors: 0,
    futureErrors: 0,
    errorsByStatus: new Map(),
  };
}

/** What was counted between two moments of one run; the rules of {@linkcode Totals} hold in it too. */
export function totalsSince(before: Totals, now: Totals): Totals {
  const counts = Object.fromEntries(
    TOTAL_COUNTS.map((name) => [name, now[name] - before[name]]),
  ) as Record<typeof TOTAL_COUNTS[number], number>;
  return {
    ...counts,
    malformed: byReason((reason) => now.malformed[reason] - before.malformed[reason]),
    errorsByStatus: new Map(
      [...now.errorsByStatus]
        .map(([status, count]) =>
          [status, count - (before.errorsByStatus.get(status) ?? 0)] as const
        )
        .filter(([, count]) => count > 0),
    ),
  };
}

/**
 * The totals that are one number each. Their order belongs to the format of checkpoints: new ones go
 * to the end.
 */
export const TOTAL_COUNTS = [
  "bytes",
  "lines",
  "valid",
  "oversized",
  "empty",
  "header",
  "partial",
  "inWindows",
  "late",
  "future",
  "errors",
  "errorsInWindows",
  "lateErrors",
  "futureErrors",
] as const satisfies readonly (keyof Totals)[];
