import type { Clock } from "../clock.ts";

/**
 * Lets one at a time do what keeps the thread busy, first come, first served, and gives the event
 * loop its turns in between. Each by itself could not: a turn of one is none where all others go on
 * meanwhile, and whoever has waited for the others would take that for a turn.
 */
export class TurnLock {
  readonly #clock: Clock;
  readonly #turnIntervalMs: () => number;
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;
  #turnedAtMs: number;

  /** @param turnIntervalMs how long work may go on without a turn of the event loop, for now */
  constructor(clock: Clock, turnIntervalMs: () => number) {
    this.#clock = clock;
    this.#turnIntervalMs = turnIntervalMs;
    this.#turnedAtMs = clock.monotonicMs();
  }

  /** Resolves once it is held, until it is released; never rejects. */
  async acquire(): Promise<void> {
    if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isHeld = true;
    const intervalMs = Math.max(this.#turnIntervalMs(), TURN_INTERVAL_MS_MIN);
    if (this.#clock.monotonicMs() - this.#turnedAtMs < intervalMs) return;
    await this.#clock.turn();
    this.#turnedAtMs = this.#clock.monotonicMs();
  }

  /** Passes it on to who waits longest. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isHeld = false;
    else next();
  }
}

/** A turn takes a millisecond or two: as long as the work on several pieces, which can be small. */
const TURN_INTERVAL_MS_MIN = 2;
