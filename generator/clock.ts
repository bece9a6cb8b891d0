/** The time that a stream runs by; tests bring a clock that they move by hand. */
export interface Clock {
  /** Milliseconds from any fixed point, with fractions; never goes back. */
  nowMs(): number;
  /** The time of day in milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /**
   * Waits, at least for about this long; an aborted signal ends the wait at once and releases its
   * timer. Never rejects.
   */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  sleep(durationMs, signal) {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, durationMs);
      signal.addEventListener("abort", end);
    });
  },
};

/** Waits until `clock.nowMs()` has reached a time, or the signal is aborted. */
export async function sleepUntil(
  timeMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  for (let waitMs; (waitMs = timeMs - clock.nowMs()) > 0 && !signal.aborted;) {
    // Timers end about a millisecond late: rounding down makes up for it, and looking again is cheap.
    await clock.sleep(Math.min(Math.max(1, Math.floor(waitMs)), SLEEP_MS_MAX), signal);
  }
}

/** Timers take 31 bits of milliseconds; a longer wait is made of several. */
const SLEEP_MS_MAX = 3_600_000;
