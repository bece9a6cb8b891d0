import type { LineSample } from "../decode/line_sample.ts";
import type { ClosedWindow } from "../window/window_summary.ts";

/** Tells the person at the terminal what happens. Calls return at once and never throw. */
export interface Reporter {
  /**
   * A window has closed and is stored.
   *
   * @returns where more is to be told than the person reads, a promise of room, which never
   *   rejects; the next window is to wait for it
   */
  windowClosed(window: ClosedWindow): Promise<void> | void;
  /** A line that is in no window; called for the first of each kind. */
  leftOut(sample: LineSample): void;
  /** One line about the run: a connection lost, a file at its end. */
  notice(line: string): void;
}
