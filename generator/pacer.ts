import { type Clock, sleepUntil } from "./clock.ts";

/**
 * Keeps an absolute schedule: the n-th record (from 1) is due n / `recordsPerSecond` seconds after
 * the start, however long the ones before it took. So no rounding of timers adds up, and what a
 * stall held up is due at once when it ends.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #recordsPerSecond: number;
  #lookedAtMs = -Infinity;

  /**
   * @param options.startMs When the schedule starts, by `clock.nowMs()`.
   * @param options.recordsPerSecond Above 0, finite.
   */
  constructor(
    clock: Clock,
    options: { readonly startMs: number; readonly recordsPerSecond: number },
  ) {
    this.#clock = clock;
    this.#startMs = options.startMs;
    this.#recordsPerSecond = options.recordsPerSecond;
  }

  /**
   * Waits until a record beyond the first `sentCount` is due.
   *
   * At high rates it looks every {@linkcode TICK_MS} and gives all that came due: a timer for each
   * record would cost a core, and this keeps each within 10 ms of its time.
   *
   * @returns How many are due by now, counted from the start, more than `sentCount`; `sentCount`
   * itself if the signal is aborted.
   */
  async dueCount(sentCount: number, signal: AbortSignal): Promise<number> {
    const nextDueMs = this.#startMs + ((sentCount + 1) * 1000) / this.#recordsPerSecond;
    const lookAtMs = Math.max(nextDueMs, this.#lookedAtMs + TICK_MS);
    await sleepUntil(lookAtMs, this.#clock, signal);
    if (signal.aborted) return sentCount;
    const nowMs = this.#clock.nowMs();
    this.#lookedAtMs = nowMs;
    const dueCount = Math.floor(((nowMs - this.#startMs) * this.#recordsPerSecond) / 1000);
    // The two formulas may round to different sides of the very moment.
    return Math.max(dueCount, sentCount + 1);
  }
}

/** Shortest time between two looks at the clock. */
export const TICK_MS = 3;
