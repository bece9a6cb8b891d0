import { MALFORMED_REASONS, type MalformedReason } from "../decode/malformed_reason.ts";

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
  readonly lines: number;
  /** Lines that are records. */
  readonly valid: number;
  readonly malformed: Readonly<Record<MalformedReason, number>>;
  readonly oversized: number;
  readonly empty: number;
  /** CSV header lines. */
  readonly header: number;
  /** Lines cut off by a lost connection. */
  readonly partial: number;
  readonly inWindows: number;
  readonly late: number;
  readonly future: number;
  /** Records whose status is an error. */
  readonly errors: number;
  readonly errorsInWindows: number;
  readonly lateErrors: number;
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
    malformed: Object.fromEntries(
      MALFORMED_REASONS.map((reason) => [reason, 0]),
    ) as Record<MalformedReason, number>,
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
