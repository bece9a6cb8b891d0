/**
 * Calls something again when it is asked to, but not more often than every so many milliseconds, and
 * not while the last call is still under way. Many askings in between are one call afterwards. A
 * call that takes long is made more seldom: no page keeps a server busy for more than a tenth of the
 * time.
 */
export class Refresher {
  #call;
  #intervalMs;
  #isRunning = false;
  #isAsked = false;
  #isHeld = false;
  #isStopped = false;
  #timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  /**
   * @param {() => Promise<void>} call never rejects
   * @param {number} intervalMs
   */
  constructor(call, intervalMs) {
    this.#call = call;
    this.#intervalMs = intervalMs;
  }

  /** Calls now or soon. */
  ask() {
    this.#isAsked = !this.#isStopped;
    this.#go();
  }

  /**
   * While it is held, askings are remembered; when it is let go, they are made up for at once.
   *
   * @param {boolean} isHeld
   */
  hold(isHeld) {
    this.#isHeld = isHeld;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#go();
  }

  /** Forgets what was asked, and what will be. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isAsked = false;
    this.#isStopped = true;
  }

  async #go() {
    if (!this.#isAsked || this.#isHeld || this.#isRunning || this.#timer !== undefined) return;
    this.#isAsked = false;
    this.#isRunning = true;
    const startedAtMs = performance.now();
    await this.#call();
    const tookMs = performance.now() - startedAtMs;
    this.#isRunning = false;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go();
    }, pauseAfter(tookMs, this.#intervalMs));
  }
}

/**
 * How long to wait behind a call.
 *
 * @param {number} tookMs how long it took
 * @param {number} intervalMs
 */
export function pauseAfter(tookMs, intervalMs) {
  return Math.max(intervalMs, 9 * tookMs);
}
