import type { Clock } from "../clock.ts";
import type { LiveViewReader } from "./live_view.ts";
import { formatStatusLine } from "./status_line.ts";

/** A screen that keeps one line below all other output. */
export interface StatusScreen {
  readonly columns: number;
  readonly color: boolean;
  /** Replaces the line; an empty one removes it. */
  setStatus(line: string): void;
}

/** Keeps the status line up to date until the signal is aborted, and removes it then. */
export function showStatus(
  live: LiveViewReader,
  screen: StatusScreen,
  clock: Clock,
  signal: AbortSignal,
): void {
  let linesBefore: number | undefined;
  let thenMs = clock.monotonicMs();
  let cancel = () => {};
  const refresh = async () => {
    const view = await live.fresh();
    if (signal.aborted) return;
    const nowMs = clock.monotonicMs();
    const { lines } = view.totals;
    const eventsPerSecond = linesBefore === undefined || nowMs <= thenMs
      ? 0
      : (lines - linesBefore) * 1000 / (nowMs - thenMs);
    linesBefore = lines;
    thenMs = nowMs;
    const { columns, color } = screen;
    screen.setStatus(
      formatStatusLine(view, { eventsPerSecond, columns, color, nowMs: clock.wallMs() }),
    );
    cancel = clock.schedule(refresh, REFRESH_MS);
  };
  signal.addEventListener("abort", () => {
    cancel();
    screen.setStatus("");
  }, { once: true });
  refresh();
}

const REFRESH_MS = 500;
