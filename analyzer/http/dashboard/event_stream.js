import { EventParser } from "./event_parser.js";

/** Wait before the first new attempt where the server does not say, in ms. */
const RETRY_MS = 2000;

/** Longest wait between two attempts, in ms. */
const RETRY_MS_MAX = 30_000;

/** The server says something every second; a connection that is silent for so long is dead. */
const SILENCE_MS_MAX = 10_000;

/**
 * @typedef {object} EventStreamOptions
 * @property {(headers: Record<string, string>, signal: AbortSignal) => Promise<Response>} connect
 *   asks for the stream; rejects where it is not given
 * @property {(type: string, data: unknown) => void} onEvent
 * @property {() => void} onConnected
 * @property {(lost: { exception: unknown, waitMs: number }) => void} onLost told before each wait
 * @property {AbortSignal} signal ends it
 * @property {() => number} [random] 0 to 1, for the wait
 */

/**
 * Server-sent events that come back by themselves: with the id of the last one, so that the server
 * sends what was missed, and after a wait that doubles up to half a minute, so that a thousand open
 * pages do not fall over a server that has just started.
 */
export class EventStream {
  #options;
  #parser = new EventParser();
  #attempts = 0;
  #wake = () => {};

  /** @param {EventStreamOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /** Connects, and goes on until the signal says stop. */
  async run() {
    const { signal, onLost, random = Math.random } = this.#options;
    while (!signal.aborted) {
      let exception = /** @type {unknown} */ (new Error("The server has ended the stream"));
      try {
        await this.#readOnce();
      } catch (thrown) {
        exception = thrown;
      }
      if (signal.aborted) return;
      const retryMs = this.#parser.retryMs ?? RETRY_MS;
      const cappedMs = Math.min(retryMs * 2 ** this.#attempts++, RETRY_MS_MAX);
      const waitMs = Math.round(cappedMs * (0.5 + random() / 2));
      onLost({ exception, waitMs });
      await this.#wait(waitMs);
    }
  }

  /** Ends a wait: somebody has asked, or the network is back. */
  retryNow() {
    this.#wake();
  }

  async #readOnce() {
    const { connect, signal, onConnected } = this.#options;
    const attempt = new AbortController();
    let watchdog = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
    const stillAlive = () => {
      clearTimeout(watchdog);
      const silent = new Error("The server says nothing any more");
      watchdog = setTimeout(() => attempt.abort(silent), SILENCE_MS_MAX);
    };
    this.#parser.reset();
    try {
      stillAlive();
      const { lastId } = this.#parser;
      const headers = { Accept: "text/event-stream", ...lastId && { "Last-Event-ID": lastId } };
      const response = await connect(headers, AbortSignal.any([signal, attempt.signal]));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      if (reader === undefined) return;
      onConnected();
      for (let piece; !(piece = await reader.read()).done;) {
        stillAlive();
        for (const { type, data } of this.#parser.push(piece.value)) {
          // Only what says something shows that the server is back for good.
          this.#attempts = 0;
          this.#options.onEvent(type, JSON.parse(data));
        }
      }
    } finally {
      clearTimeout(watchdog);
      attempt.abort();
    }
  }

  /** @param {number} waitMs */
  #wait(waitMs) {
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const { signal } = this.#options;
      const timer = setTimeout(() => this.#wake(), waitMs);
      this.#wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", this.#wake);
        resolve();
      };
      signal.addEventListener("abort", this.#wake);
    });
  }
}
