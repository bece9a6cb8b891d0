import type { Clock } from "../clock.ts";
import type { ClosedWindow } from "../window/window_summary.ts";
import type { LiveFeed, LiveView } from "./live_view.ts";

/**
 * Where the writer puts up views and everyone else reads them. A reader who wants a fresh one has
 * a request sent down the stream; readers who come before it is answered share the answer.
 */
export class LiveViewBoard implements LiveFeed {
  readonly #clock: Clock;
  #view: LiveView;
  #request: (() => void) | undefined;
  /** The answer that readers wait for; while there is one, a request is on its way. */
  #answer: PromiseWithResolvers<void> | undefined;
  #isFinal = false;
  readonly #listeners = new Set<(window: ClosedWindow) => void>();

  constructor(clock: Clock, first: LiveView) {
    this.#clock = clock;
    this.#view = first;
  }

  /** The view that was put up last. */
  get latest(): LiveView {
    return this.#view;
  }

  /** Says how to send a request down the stream; one that was waiting for it is sent at once. */
  connect(request: () => void): void {
    this.#request = request;
    if (this.#answer !== undefined) request();
  }

  fresh(): Promise<LiveView> {
    if (this.#isFinal) return Promise.resolve(this.#view);
    let answer = this.#answer;
    if (answer === undefined) {
      answer = this.#answer = Promise.withResolvers();
      this.#request?.();
    }
    return new Promise((resolve) => {
      const finish = () => {
        cancel();
        resolve(this.#view);
      };
      const cancel = this.#clock.schedule(finish, FRESH_WAIT_MAX_MS);
      answer.promise.then(finish);
    });
  }

  watchClosed(listener: (window: ClosedWindow) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells who watches that a window has closed. */
  windowClosed(window: ClosedWindow): void {
    for (const listener of this.#listeners) listener(window);
  }

  /** Puts up a view and answers everyone who waits. */
  publish(view: LiveView): void {
    this.#view = view;
    this.#answer?.resolve();
    this.#answer = undefined;
  }

  /** Puts up the view after which there will be no other. */
  publishLast(view: LiveView): void {
    this.publish(view);
    this.#isFinal = true;
  }
}

/** Longest wait for a fresh view; a writer that is busy for longer is answered for by the last. */
const FRESH_WAIT_MAX_MS = 25;
