import { ApiException } from "./api.js";
import { EventStream } from "./event_stream.js";
import { frameOf, toDuration } from "./ranges.js";
import { Refresher } from "./refresher.js";
import { WindowStore } from "./window_store.js";

/** @import { Api } from "./api.js" */
/** @import { ErrorJson, Frame, StatusEvent, SummaryJson, UrlClients, View, WindowJson } from "./types.ts" */

/** Raw errors that are asked for at a time. */
const ERRORS_PER_PAGE = 25;

/** Failing URLs that are listed; as many as one request counts the clients of. */
export const URLS_MAX = 50;

/** What one request can name of them, in bytes: servers and proxies take 8 KiB of address. */
const URL_BYTES_MAX = 6500;

/** Each reads the error files of the range: of longer lists the end goes without. */
const CLIENT_REQUESTS_MAX = 3;

/** Window length before the first window says it. */
const WINDOW_MS = 30_000;

/**
 * Something that was asked for: the latest answer, and why there is no newer one.
 *
 * @template T
 * @typedef {object} Loaded
 * @property {T | undefined} value
 * @property {boolean} isLoading
 * @property {ApiException | undefined} failure
 */

/**
 * What the charts draw. It says itself what it answers, since it stays until there is a newer answer.
 *
 * @typedef {object} Drawn
 * @property {readonly WindowJson[]} buckets oldest first
 * @property {Frame} frame
 * @property {string | undefined} url
 */

/**
 * @typedef {object} State
 * @property {View} view
 * @property {Frame} frame
 * @property {{ phase: "connecting" | "connected" | "lost", retryAtMs?: number, reason?: string }}
 *   connection
 * @property {boolean} needsToken
 * @property {boolean} isTokenWrong
 * @property {StatusEvent | undefined} status
 * @property {Loaded<Drawn>} windows
 * @property {Loaded<SummaryJson>} summary
 * @property {Loaded<ReadonlyMap<string, UrlClients>>} clients
 * @property {Loaded<{ errors: ErrorJson[], nextCursor: string | null, isComplete: boolean }>} errors
 * @property {boolean} isFrozen whether the raw errors stand still
 * @property {number | undefined} newestEndMs end of the newest window, which is "now"
 */

/**
 * What the page knows and does, without how it looks: asks the routes for the view, follows the
 * stream of events, and tells its listener of each new state. A state is never changed, only replaced.
 */
export class Dashboard {
  #api;
  #onState;
  #state;
  #store = new WindowStore();
  #isDisposed = false;
  /** Whether the store holds only what came since another view was chosen. */
  #isPartial = true;
  #disposal = new AbortController();
  #stream;
  #requests = /** @type {Map<string, AbortController>} */ (new Map());
  #refreshers;

  /**
   * @param {object} options
   * @param {Api} options.api
   * @param {View} options.view
   * @param {(state: State) => void} options.onState
   */
  constructor({ api, view, onState }) {
    this.#api = api;
    this.#onState = onState;
    const nothing = { value: undefined, isLoading: true, failure: undefined };
    this.#state = /** @type {State} */ ({
      view,
      frame: frameOf(view.range, { nowMs: Date.now(), windowMs: WINDOW_MS }),
      connection: { phase: "connecting" },
      needsToken: false,
      isTokenWrong: false,
      status: undefined,
      windows: nothing,
      summary: nothing,
      clients: nothing,
      errors: nothing,
      isFrozen: false,
      newestEndMs: undefined,
    });
    this.#refreshers = {
      tail: new Refresher(() => this.#loadTail(), 3000),
      summary: new Refresher(() => this.#loadSummary(), 5000),
      clients: new Refresher(() => this.#loadClients(), 15_000),
      errors: new Refresher(() => this.#loadErrors(), 2000),
    };
    this.#stream = new EventStream({
      connect: (headers, signal) => this.#connect(headers, signal),
      onEvent: (type, data) => this.#onEvent(type, data),
      onConnected: () => this.#onConnected(),
      onLost: (lost) => this.#onLost(lost),
      signal: this.#disposal.signal,
    });
  }

  /** The state as of now. */
  get state() {
    return this.#state;
  }

  /** Begins; what it asks for comes as states. */
  start() {
    this.#stream.run();
    this.#loadAll();
  }

  /** Ends every request and timer. */
  dispose() {
    this.#isDisposed = true;
    this.#disposal.abort();
    for (const request of this.#requests.values()) request.abort();
    for (const refresher of Object.values(this.#refreshers)) refresher.stop();
  }

  /**
   * Looks at something else.
   *
   * @param {Partial<View>} change
   */
  look(change) {
    const view = { ...this.#state.view, ...change };
    const isSearchOnly = Object.keys(change).every((key) => key === "search");
    this.#set({ view, isFrozen: false });
    if (isSearchOnly) this.#loadErrors({ isNew: true });
    else this.#loadAll({ isNew: true });
  }

  /** @param {boolean} isFrozen */
  freeze(isFrozen) {
    this.#set({ isFrozen });
    if (!isFrozen) this.#refreshers.errors.ask();
  }

  /**
   * A page that nobody sees asks for nothing; the stream goes on.
   *
   * @param {boolean} isHidden
   */
  hide(isHidden) {
    for (const refresher of Object.values(this.#refreshers)) refresher.hold(isHidden);
  }

  /** @param {string} token */
  useToken(token) {
    this.#api.token = token;
    this.#set({ needsToken: false, isTokenWrong: false });
    this.#stream.retryNow();
    this.#loadAll();
  }

  /** Tries everything again that has failed. */
  retry() {
    this.#stream.retryNow();
    this.#loadAll();
  }

  /** Adds the page of raw errors before the oldest one that is shown. */
  async loadOlderErrors() {
    const { errors } = this.#state;
    const { nextCursor } = errors.value ?? {};
    if (!nextCursor || errors.isLoading) return;
    // A list that its reader has gone down in is no longer pulled away from under him.
    this.#set({ isFrozen: true });
    await this.#load("errors", async (signal) => {
      const page = await this.#errorPage({ cursor: nextCursor }, signal);
      return { ...page, errors: [...errors.value?.errors ?? [], ...page.errors] };
    });
  }

  /** @param {{ isNew?: boolean }} options `isNew` where what is shown answers another question */
  async #loadAll({ isNew = false } = {}) {
    const { view } = this.#state;
    this.#moveFrame();
    this.#isPartial ||= isNew;
    if (isNew) this.#store.clear();
    await this.#load("windows", async (signal) => {
      // The newest window tells where "now" is, and how long windows are.
      const { windows } = await this.#api.get("windows", { limit: 1, urls: 0 }, signal);
      if (windows.length > 0 && this.#store.windowMs === undefined) {
        this.#store.add({ ...windows[0], statuses: [] });
      }
      this.#moveFrame();
      await this.#fetchBuckets(this.#state.frame.fromMs, signal);
      this.#isPartial = false;
      return this.#drawn();
    });
    // Somebody may have chosen another view meanwhile, which asks for itself.
    if (view !== this.#state.view || this.#state.needsToken || this.#isDisposed) return;
    await Promise.all([this.#loadSummary(), this.#loadErrors({ isNew })]);
  }

  /** @returns {Promise<void>} */
  async #loadTail() {
    if (this.#state.windows.isLoading) {
      // All of it is under way, and would be given up for its end.
      this.#refreshers.tail.ask();
      return;
    }
    if (this.#isPartial) return await this.#loadAll();
    const { frame } = this.#state;
    const fromMs = Math.max(frame.toMs - 3 * frame.stepMs, frame.fromMs);
    await this.#load("windows", async (signal) => {
      await this.#fetchBuckets(fromMs, signal);
      return this.#drawn();
    });
  }

  /**
   * @param {number} fromMs
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  async #fetchBuckets(fromMs, signal) {
    const { frame: { stepMs, toMs }, view: { url } } = this.#state;
    const { windows } = await this.#api.get("windows", {
      from: new Date(fromMs).toISOString(),
      to: new Date(toMs).toISOString(),
      step: stepMs === this.#store.windowMs ? undefined : toDuration(stepMs),
      limit: 1000,
      urls: url === undefined ? 0 : 1,
      url,
    }, signal);
    // The first window may have told meanwhile how long windows are.
    if (stepMs !== this.#state.frame.stepMs) {
      this.#store.clear();
      return await this.#fetchBuckets(this.#state.frame.fromMs, signal);
    }
    this.#store.replaceFrom(windows, fromMs);
  }

  async #loadSummary() {
    const { frame, view: { status, url } } = this.#state;
    await this.#load("summary", (signal) =>
      this.#api.get("summary", {
        from: new Date(frame.fromMs).toISOString(),
        to: new Date(frame.toMs).toISOString(),
        status,
        urls: URLS_MAX,
        url,
      }, signal));
    this.#refreshers.clients.ask();
  }

  async #loadClients() {
    const { frame, summary } = this.#state;
    const urls = summary.value?.urls.map(({ url }) => url) ?? [];
    await this.#load("clients", async (signal) => {
      const counted = /** @type {Map<string, UrlClients>} */ (new Map());
      for (const url of inRequests(urls).slice(0, CLIENT_REQUESTS_MAX)) {
        const { clients } = await this.#api.get("summary/clients", {
          from: new Date(frame.fromMs).toISOString(),
          to: new Date(frame.toMs).toISOString(),
          url,
        }, signal);
        for (const entry of clients) counted.set(entry.url, entry);
      }
      return counted;
    });
  }

  /** @param {{ isNew?: boolean }} options `isNew` where what is shown answers another question */
  async #loadErrors({ isNew = false } = {}) {
    if (this.#state.isFrozen) return;
    if (isNew) this.#set({ errors: { value: undefined, isLoading: true, failure: undefined } });
    await this.#load("errors", (signal) => this.#errorPage({}, signal));
  }

  /**
   * @param {{ cursor?: string }} query
   * @param {AbortSignal} signal
   */
  async #errorPage(query, signal) {
    const { frame, view: { status, url, search } } = this.#state;
    const { errors, next_cursor: nextCursor, complete } = await this.#api.get("errors", {
      from: new Date(frame.fromMs).toISOString(),
      to: new Date(frame.toMs).toISOString(),
      status,
      url,
      q: search === "" ? undefined : search,
      limit: ERRORS_PER_PAGE,
      ...query,
    }, signal);
    return { errors, nextCursor, isComplete: complete };
  }

  /**
   * Asks for a part of the state. A newer question takes the place of one under way; what was shown
   * stays until there is an answer, also where that fails.
   *
   * @template {"windows" | "summary" | "clients" | "errors"} K
   * @param {K} key
   * @param {(signal: AbortSignal) => Promise<any>} ask
   */
  async #load(key, ask) {
    if (this.#isDisposed || this.#state.needsToken) return;
    this.#requests.get(key)?.abort();
    const request = new AbortController();
    this.#requests.set(key, request);
    const { value } = this.#state[key];
    this.#set({ [key]: { ...this.#state[key], isLoading: true } });
    try {
      const answer = await ask(request.signal);
      if (request.signal.aborted) return;
      this.#set({ [key]: { value: answer, isLoading: false, failure: undefined } });
    } catch (exception) {
      if (request.signal.aborted) return;
      const failure = exception instanceof ApiException
        ? exception
        : new ApiException("The answer cannot be understood", { cause: exception });
      this.#set({ [key]: { value, isLoading: false, failure } });
      if (failure.status === 401) this.#askForToken();
    }
  }

  /**
   * @param {Record<string, string>} headers
   * @param {AbortSignal} signal
   */
  async #connect(headers, signal) {
    try {
      return await this.#api.open("events", {}, headers, signal);
    } catch (exception) {
      if (exception instanceof ApiException && exception.status === 401) this.#askForToken();
      throw exception;
    }
  }

  #askForToken() {
    if (!this.#state.needsToken) {
      this.#set({ needsToken: true, isTokenWrong: this.#api.token !== "" });
    }
  }

  #onConnected() {
    const wasLost = this.#state.connection.phase === "lost";
    this.#store.forgetOpen();
    this.#set({ connection: { phase: "connected" } });
    // The stream brings the windows that were missed; the rest of the page has to ask for them.
    // A first connection may come after the first answers, and a window may have closed in between.
    if (wasLost) this.#loadAll();
    else this.#refreshers.tail.ask();
  }

  /** @param {{ exception: unknown, waitMs: number }} lost */
  #onLost({ exception, waitMs }) {
    const reason = exception instanceof Error ? exception.message : String(exception);
    this.#set({ connection: { phase: "lost", retryAtMs: Date.now() + waitMs, reason } });
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #onEvent(type, data) {
    if (type === "status") this.#set({ status: data });
    else if (type === "reset") this.#loadAll();
    else if (type === "window") this.#onWindow(data);
  }

  /** @param {WindowJson} window */
  #onWindow(window) {
    this.#store.add(window);
    this.#moveFrame();
    const { frame, view } = this.#state;
    if (window.state === "closed") {
      // What the stream sends is whole only where it is what is drawn.
      if (view.url === undefined && window.length_ms === frame.stepMs) this.#store.close(window);
      else this.#refreshers.tail.ask();
      if (isWithin(window, frame)) this.#refreshers.summary.ask();
    }
    if (isWithin(window, frame)) this.#refreshers.errors.ask();
    const { windows } = this.#state;
    // An answer under way brings them all.
    if (windows.value !== undefined && !this.#isPartial) {
      this.#set({ windows: { ...windows, value: this.#drawn() } });
    }
  }

  /** @returns {Drawn} */
  #drawn() {
    const { frame, view: { url } } = this.#state;
    // Open windows come with their first URLs only: of another one they tell nothing.
    return { buckets: this.#store.buckets(frame, { withOpen: url === undefined }), frame, url };
  }

  #moveFrame() {
    const { newestEndMs, windowMs = WINDOW_MS } = this.#store;
    const { range } = this.#state.view;
    const frame = frameOf(range, { nowMs: newestEndMs ?? Date.now(), windowMs });
    this.#store.forgetBefore(frame.fromMs);
    const { fromMs, toMs, stepMs } = this.#state.frame;
    const isSame = frame.fromMs === fromMs && frame.toMs === toMs && frame.stepMs === stepMs;
    if (!isSame || newestEndMs !== this.#state.newestEndMs) {
      this.#set({ frame: isSame ? this.#state.frame : frame, newestEndMs });
    }
  }

  /** @param {Partial<State>} change */
  #set(change) {
    if (this.#isDisposed) return;
    this.#state = { ...this.#state, ...change };
    this.#onState(this.#state);
  }
}

/**
 * @param {WindowJson} window
 * @param {Frame} frame
 */
function isWithin({ start }, { fromMs, toMs }) {
  const startMs = Date.parse(start);
  return startMs >= fromMs && startMs < toMs;
}

/**
 * URLs in groups that one request each can name.
 *
 * @param {readonly string[]} urls
 * @returns {string[][]}
 */
export function inRequests(urls) {
  const groups = /** @type {string[][]} */ ([]);
  let bytes = Infinity;
  for (const url of urls) {
    const { length } = new URLSearchParams({ url }).toString();
    bytes += length + 1;
    if (bytes > URL_BYTES_MAX) {
      groups.push([]);
      bytes = length;
    }
    groups.at(-1)?.push(url);
  }
  return groups;
}
