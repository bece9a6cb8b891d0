import type { ManualClock } from "../support/manual_clock.ts";
import type { Clock } from "../../analyzer/clock.ts";

/**
 * One process, from its start to its death. Whatever it waits for when it dies never comes, so
 * that nothing of it can reach into the life after it.
 */
export class Life implements Clock {
  readonly #clock: ManualClock;
  readonly #timers = new Set<() => void>();
  #isAlive = true;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  die(): void {
    this.#isAlive = false;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  schedule(callback: () => void, delayMs: number): () => void {
    if (!this.#isAlive) return () => {};
    const cancel = this.#clock.schedule(() => {
      this.#timers.delete(cancel);
      callback();
    }, delayMs);
    this.#timers.add(cancel);
    return () => {
      this.#timers.delete(cancel);
      cancel();
    };
  }

  turn(): Promise<void> {
    return this.whileAlive();
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.schedule(resolve, delayMs));
  }

  /** Resolves as long as the process lives, and never once it is dead. */
  whileAlive(): Promise<void> {
    return this.#isAlive ? Promise.resolve() : new Promise(() => {});
  }
}
