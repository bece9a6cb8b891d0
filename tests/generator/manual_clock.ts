import type { Clock } from "../../generator/clock.ts";

/** A clock that stands still until it is moved; sleepers wake in the order of their times. */
export class ManualClock implements Clock {
  wallOffsetMs = 1_748_631_150_000;
  #nowMs = 0;
  #sleepers: { readonly timeMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.wallOffsetMs + Math.floor(this.#nowMs);
  }

  sleep(durationMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { timeMs: this.#nowMs + durationMs, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });
  }

  get sleeperCount(): number {
    return this.#sleepers.length;
  }

  /** Moves on; whoever wakes on the way acts at the time of waking. */
  async advance(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs;
    await settle();
    while (true) {
      const next = this.#sleepers.toSorted((a, b) => a.timeMs - b.timeMs)[0];
      if (next === undefined || next.timeMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.timeMs);
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Moves on as a busy machine does: nobody wakes before the end. */
  jump(durationMs: number): void {
    this.#nowMs += durationMs;
  }
}

/** Lets everything run that waits for nothing but promises. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await null;
}
