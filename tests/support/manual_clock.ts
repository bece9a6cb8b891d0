import type { Clock } from "../../analyzer/clock.ts";

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs: number;
  /** In the order in which they were scheduled, which breaks ties between equal times. */
  #timers: Timer[] = [];
  #watchers: { readonly count: number; readonly resolve: () => void }[] = [];

  /** @param start both times at the start, in ms; by default 2025-05-30T18:52:30Z and 0 */
  constructor(start: { readonly wallMs?: number; readonly monotonicMs?: number } = {}) {
    this.#wallMs = start.wallMs ?? Date.UTC(2025, 4, 30, 18, 52, 30);
    this.#monotonicMs = start.monotonicMs ?? 0;
  }

  /** How often somebody has given the event loop a turn. */
  turnCount = 0;

  /** Callbacks that are scheduled and not due yet. */
  get pendingCount(): number {
    return this.#timers.length;
  }

  /** How long it is until the next callback is due, in ms; `undefined` where none is scheduled. */
  get nextDelayMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.dueMs - this.#monotonicMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { callback, dueMs: this.#monotonicMs + Math.max(0, delayMs) };
    this.#timers.push(timer);
    this.#watchers = this.#watchers.filter(({ count, resolve }) => {
      if (this.#timers.length < count) return true;
      resolve();
      return false;
    });
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  turn(): Promise<void> {
    this.turnCount++;
    return Promise.resolve();
  }

  /**
   * Lets time go on, both kinds of it, and runs what falls due on the way, each at its own time and
   * in order; also what was scheduled meanwhile.
   */
  advance(durationMs: number): void {
    const endMs = this.#monotonicMs + durationMs;
    for (let timer; (timer = this.#next()) !== undefined && timer.dueMs <= endMs;) {
      this.#moveTo(Math.max(timer.dueMs, this.#monotonicMs));
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      timer.callback();
    }
    this.#moveTo(endMs);
  }

  /** Somebody sets the wall clock; monotonic time and timers take no notice. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  /** Resolves once this many callbacks are scheduled: the code under test has begun to wait. */
  whenWaiting(count = 1): Promise<void> {
    if (this.#timers.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ count, resolve }));
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs) next = timer;
    }
    return next;
  }
}

interface Timer {
  readonly callback: () => void;
  readonly dueMs: number;
}
