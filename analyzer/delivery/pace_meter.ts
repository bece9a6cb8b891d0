import type { Clock } from "../clock.ts";

/**
 * How fast a sender is, over the time in which it is waited for: what holds it up is not its fault.
 * Each measurement takes ten seconds of such time, so that nobody lives on what came long before.
 */
export class PaceMeter {
  readonly #clock: Pick<Clock, "monotonicMs">;
  /** Begin of a wait that is not over; `undefined` where nobody waits. */
  #waitBeganAtMs: number | undefined;
  #waitedMs = 0;
  #bytes = 0;
  #measured: number | undefined;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  beginWait(): void {
    this.#waitBeganAtMs = this.#clock.monotonicMs();
  }

  /** @param bytes what came of it */
  endWait(bytes: number): void {
    this.#waitedMs = this.#totalWaitedMs();
    this.#waitBeganAtMs = undefined;
    this.#bytes += bytes;
    if (this.#waitedMs < MEASUREMENT_MS) return;
    this.#measured = this.#pace();
    this.#waitedMs = 0;
    this.#bytes = 0;
  }

  /** Bytes a second as measured last; `Infinity` until it is known. */
  get bytesPerSecond(): number {
    return this.#totalWaitedMs() >= MEASUREMENT_MS ? this.#pace() : this.#measured ?? Infinity;
  }

  #pace(): number {
    return this.#bytes / this.#totalWaitedMs() * 1000;
  }

  #totalWaitedMs(): number {
    return this.#waitedMs +
      (this.#waitBeganAtMs === undefined ? 0 : this.#clock.monotonicMs() - this.#waitBeganAtMs);
  }
}

/** Shortest time that says something about a sender, in ms. */
export const MEASUREMENT_MS = 10_000;
