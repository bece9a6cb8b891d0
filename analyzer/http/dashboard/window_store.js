/** @import { WindowJson } from "./types.ts" */

/**
 * The buckets that are drawn, by start: closed ones as the server gives them, and the open windows,
 * which come by themselves and are added to the bucket that they lie in.
 */
export class WindowStore {
  /** End of the newest window that was ever seen, in ms; `undefined` before the first. */
  newestEndMs = /** @type {number | undefined} */ (undefined);
  /** Length of a window of the run, in ms; `undefined` before the first. */
  windowMs = /** @type {number | undefined} */ (undefined);
  #buckets = /** @type {Map<number, WindowJson>} */ (new Map());
  #open = /** @type {Map<number, WindowJson>} */ (new Map());

  /**
   * A window as it came by the stream of events.
   *
   * @param {WindowJson} window
   */
  add(window) {
    this.see(window);
    const startMs = Date.parse(window.start);
    if (window.state === "open") this.#open.set(startMs, window);
    else this.#open.delete(startMs);
  }

  /**
   * Learns from any window how long they are, and where now is.
   *
   * @param {WindowJson} window
   */
  see({ end, length_ms: lengthMs }) {
    this.newestEndMs = Math.max(this.newestEndMs ?? -Infinity, Date.parse(end));
    this.windowMs ??= lengthMs;
  }

  /**
   * A window that closed, where buckets are as long as windows.
   *
   * @param {WindowJson} window
   */
  close(window) {
    this.#buckets.set(Date.parse(window.start), window);
  }

  /**
   * Buckets from the server take the place of those from a time on. Newer ones than the server gave
   * stay: they came by the stream while its answer was on the way.
   *
   * @param {readonly WindowJson[]} windows newest first
   * @param {number} fromMs
   */
  replaceFrom(windows, fromMs) {
    const newestMs = windows[0] === undefined ? -Infinity : Date.parse(windows[0].start);
    for (const startMs of this.#buckets.keys()) {
      if (startMs >= fromMs && startMs <= newestMs) this.#buckets.delete(startMs);
    }
    for (const window of windows) this.#buckets.set(Date.parse(window.start), window);
  }

  /**
   * Forgets the buckets before a time, which live pages leave behind for weeks.
   *
   * @param {number} fromMs
   */
  forgetBefore(fromMs) {
    for (const startMs of this.#buckets.keys()) {
      if (startMs < fromMs) this.#buckets.delete(startMs);
    }
  }

  /** Forgets the buckets; the open windows stay, whatever range is looked at. */
  clear() {
    this.#buckets.clear();
  }

  /** Forgets the open windows: of those that closed while the stream was away, nobody would tell. */
  forgetOpen() {
    this.#open.clear();
  }

  /**
   * The buckets of a frame, oldest first, open windows included where `withOpen`.
   *
   * @param {{ fromMs: number, toMs: number, stepMs: number }} frame
   * @param {{ withOpen: boolean }} options
   * @returns {WindowJson[]}
   */
  buckets({ fromMs, toMs, stepMs }, { withOpen }) {
    const buckets = /** @type {Map<number, WindowJson>} */ (new Map());
    for (const [startMs, window] of this.#buckets) {
      if (startMs >= fromMs && startMs < toMs) buckets.set(startMs, window);
    }
    for (const window of withOpen ? this.#open.values() : []) {
      const startMs = Math.floor(Date.parse(window.start) / stepMs) * stepMs;
      if (startMs < fromMs || startMs >= toMs) continue;
      const bucket = buckets.get(startMs);
      if (bucket === undefined) buckets.set(startMs, window);
      // The server has told already that it is closed, and the stream will.
      else if (window.length_ms < stepMs) buckets.set(startMs, sum(bucket, window));
    }
    return [...buckets.entries()].sort(([a], [b]) => a - b)
      .map(([startMs, window]) => atStep(window, startMs, stepMs));
  }
}

/**
 * @param {WindowJson} window
 * @param {number} startMs
 * @param {number} stepMs
 * @returns {WindowJson}
 */
function atStep(window, startMs, stepMs) {
  if (window.length_ms === stepMs) return window;
  return {
    ...window,
    start: new Date(startMs).toISOString(),
    end: new Date(startMs + stepMs).toISOString(),
    length_ms: stepMs,
  };
}

/**
 * Counts add up. Distinct clients do not: those of the larger part stand until the server has
 * merged them, which it does when the window closes.
 *
 * @param {WindowJson} bucket
 * @param {WindowJson} window
 * @returns {WindowJson}
 */
function sum(bucket, window) {
  const statuses = new Map(bucket.statuses.map((entry) => [entry.status, entry]));
  for (const entry of window.statuses) {
    const before = statuses.get(entry.status);
    statuses.set(entry.status, {
      ...(before ?? entry),
      error_count: (before?.error_count ?? 0) + entry.error_count,
      unique_ips: Math.max(before?.unique_ips ?? 0, entry.unique_ips),
    });
  }
  const total = bucket.total_count + window.total_count;
  const errors = bucket.error_count + window.error_count;
  return {
    ...bucket,
    state: "open",
    total_count: total,
    error_count: errors,
    error_rate: total === 0 ? 0 : errors / total,
    unique_ips: Math.max(bucket.unique_ips, window.unique_ips),
    statuses: [...statuses.values()].sort((a, b) => a.status - b.status),
  };
}
