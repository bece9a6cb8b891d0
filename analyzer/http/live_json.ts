import type { MalformedReason } from "../decode/malformed_reason.ts";
import type { Totals } from "../sink/totals.ts";
import type { SourcePhase, SourceState } from "../source/source_state.ts";

/** The JSON form of the totals: everything that was read, by what became of it. */
export function toTotalsJson(totals: Totals): TotalsJson {
  return {
    bytes: totals.bytes,
    lines: totals.lines,
    valid: totals.valid,
    malformed: totals.malformed,
    oversized: totals.oversized,
    empty: totals.empty,
    header: totals.header,
    partial: totals.partial,
    in_windows: totals.inWindows,
    late: totals.late,
    future: totals.future,
    errors: totals.errors,
    errors_in_windows: totals.errorsInWindows,
    late_errors: totals.lateErrors,
    future_errors: totals.futureErrors,
    errors_by_status: Object.fromEntries(totals.errorsByStatus),
  };
}

/** {@linkcode Totals} in JSON, under the same names. */
export interface TotalsJson {
  readonly bytes: number;
  readonly lines: number;
  readonly valid: number;
  readonly malformed: Readonly<Record<MalformedReason, number>>;
  readonly oversized: number;
  readonly empty: number;
  readonly header: number;
  readonly partial: number;
  readonly in_windows: number;
  readonly late: number;
  readonly future: number;
  readonly errors: number;
  readonly errors_in_windows: number;
  readonly late_errors: number;
  readonly future_errors: number;
  /** By status, ascending; a status that never occurred has no key. */
  readonly errors_by_status: Readonly<Record<string, number>>;
}

/** The JSON form of a source's state. */
export function toSourceJson(source: SourceState): SourceJson {
  return {
    name: source.name,
    phase: source.phase,
    connections: source.connections,
    connections_total: source.connectionsTotal,
    reason: source.reason,
    last_row_at: source.lastRowAtMs === undefined
      ? null
      : new Date(source.lastRowAtMs).toISOString(),
  };
}

/** {@linkcode SourceState} in JSON. */
export interface SourceJson {
  readonly name: string;
  readonly phase: SourcePhase;
  readonly connections: number;
  readonly connections_total: number;
  readonly reason: string;
  /** ISO 8601 in UTC; `null` before the first row. */
  readonly last_row_at: string | null;
}
