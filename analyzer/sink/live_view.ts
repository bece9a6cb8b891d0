import type { LineSample } from "../decode/line_sample.ts";
import type { SourceState } from "../source/source_state.ts";
import type { ClosedWindow, WindowSummary } from "../window/window_summary.ts";
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
  /** Highest event time of all rows so far; `undefined` before the first. */
  readonly eventTimeMaxMs: number | undefined;
  /** The window that closed last in this run; `undefined` before the first. */
  readonly lastWindow: LastWindow | undefined;
  /** A line of each kind that is no record, of the latest batch that had one, in the order in which kinds first occurred. */
  readonly samples: readonly LineSample[];
}

/** What a view says of the window that closed last. */
export interface LastWindow {
  /** Event time at which it ended, in milliseconds since the Unix epoch. */
  readonly endMs: number;
  /** Distinct clients among its errors. */
  readonly clientCount: number;
}

/** Where the HTTP routes and the status line read from. */
export interface LiveViewReader {
  /**
   * Resolves to a view that holds every batch committed before the call, or to the latest one
   * there is where the writer is busy for longer than a fraction of a second. Never rejects.
   */
  fresh(): Promise<LiveView>;
}

/** The same, for who wants to be told at once when a window closes. */
export interface LiveFeed extends LiveViewReader {
  /**
   * Has `listener` called with each window that closes from now on, in the order in which they do,
   * right after it was put into the history. The writer waits for the call: it has to be short, and
   * must not throw.
   *
   * @returns what ends it
   */
  watchClosed(listener: (window: ClosedWindow) => void): () => void;
}
