import type { SourceState } from "../source/source_state.ts";
import type { WindowSummary } from "../window/window_summary.ts";
import type { Totals } from "./totals.ts";

/**
 * What the analyzer knows at one point of its stream, as immutable data. All parts belong to the
 * same committed element, so the conservation rules of {@linkcode Totals} hold in every view.
 */
export interface LiveView {
  /** Wall-clock time of the view, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** What became of every line. */
  readonly totals: Totals;
  /** One entry a configured source, in the order of the command line. */
  readonly sources: readonly SourceState[];
  /** Every open window, by start, ascending. */
  readonly open: readonly WindowSummary[];
  /** Event time up to which windows are closed; `undefined` before the first row. */
  readonly watermarkMs: number | undefined;
}

/** Where the HTTP routes and the status line read from. */
export interface LiveViewReader {
  /**
   * Resolves to a view that holds every batch committed before the call, or to the latest one
   * there is where the writer is busy for longer than a fraction of a second. Never rejects.
   */
  fresh(): Promise<LiveView>;
}
