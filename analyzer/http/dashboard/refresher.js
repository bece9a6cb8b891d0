/**
 * Calls something again when it is asked to, but not more often than every so many milliseconds, and
 * not while the last call is still under way. Many askings in between are one call afterwards.
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
   * While it is held, askings are remembered.
   *
   * @param {boolean} isHeld
   */
  hold(isHeld) {
    this.#isHeld = isHeld;
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
    await this.#call();
    this.#isRunning = false;
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#go();
    }, this.#intervalMs);
  }
}
