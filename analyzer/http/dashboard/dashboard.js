import { writeAddress } from "./address.js";
import { ApiException } from "./api.js";
import { EventStream } from "./event_stream.js";
import { frameOf, toDuration } from "./ranges.js";
import { Refresher } from "./refresher.js";
import { inRequests } from "./url_groups.js";
import { WindowStore } from "./window_store.js";

/** @import { Api } from "./api.js" */
/** @import { Drawn, Frame, State, UrlClients, View, WindowJson } from "./types.ts" */

/** Raw errors that are asked for at a time. */
const ERRORS_PER_PAGE = 25;

/** Failing URLs that are listed; as many as one request counts the clients of. */
export const URLS_MAX = 50;

/** Each reads the error files of the range: of longer lists the end goes without. */
const CLIENT_REQUESTS_MAX = 3;

/** Window length before the first window says it. */
const WINDOW_MS = 30_000;

/** What is to be asked for. */
const NOTHING = { value: undefined, isOld: false, isLoading: true, failure: undefined };

/**
 * What the page knows and does, without how it looks: asks the routes for the view, follows the
 * stream of events, and tells its listener of each new state. A state is never changed, only replaced.
 */
export class Dashboard {
  #api;
  #onState;
  #state;
  #store = new WindowStore();
  /** Buckets from here on may not be what the server has: -Infinity for all, Infinity for none. */
  #staleFromMs = -Infinity;
  /** Whether the newest window was asked for since there is a stream, which tells of those after it. */
  #isNewestTold = false;
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
    this.#state = /** @type {State} */ ({
      view,
      frame: frameOf(view.range, { nowMs: Date.now(), windowMs: WINDOW_MS }),
      connection: { phase: "connecting" },
      needsToken: false,
      isTokenWrong: false,
      status: undefined,
      windows: NOTHING,
      summary: NOTHING,
      clients: NOTHING,
      errors: NOTHING,
      isFrozen: false,
      newestEndMs: undefined,
    });
    this.#refreshers = {
      windows: new Refresher(() => this.#loadStale(), 3000),
      summary: new Refresher(async () => {
        await this.#loadSummary();
        this.#refreshers.clients.ask();
      }, 5000),
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
    const before = this.#state.view;
    const view = { ...before, ...change };
    // Charts that share a selection all tell it.
    if (writeAddress(view) === writeAddress(before)) return;
    const isSearchOnly =
      writeAddress({ ...view, search: "" }) === writeAddress({ ...before, search: "" });
    this.#set({ view, isFrozen: false });
    if (isSearchOnly) this.#loadErrors({ isNew: true });
    else this.#loadAll({ isNew: true });
  }

  /**
   * Holds the raw errors still, or lets them go on.
   *
   * @param {boolean} isFrozen
   */
  freeze(isFrozen) {
    this.#set({ isFrozen });
    if (!isFrozen) {
      this.#loadErrors();
    } else if (this.#state.errors.value !== undefined) {
      // An answer under way would move what somebody has begun to read.
      this.#requests.get("errors")?.abort();
      this.#set({ errors: { ...this.#state.errors, isLoading: false } });
    }
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
    // Anything else cannot be sent in a header, and is no token.
    if (!/^[!-~]+$/.test(token)) return this.#set({ isTokenWrong: true });
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
    const { value } = this.#state.errors;
    if (!value?.nextCursor) return;
    const { nextCursor, errors } = value;
    // A list that its reader has gone down in is no longer pulled away from under him.
    this.freeze(true);
    await this.#load("errors", async (signal) => {
      const page = await this.#errorPage({ cursor: nextCursor }, signal);
      return { ...page, errors: [...errors, ...page.errors] };
    });
  }

  /** Asks for raw errors once more: for the older ones that did not come, or for the newest. */
  retryErrors() {
    if (this.#state.isFrozen && this.#state.errors.value?.nextCursor) this.loadOlderErrors();
    else this.freeze(false);
  }

  /** @param {{ isNew?: boolean }} options `isNew` where what is shown answers another question */
  async #loadAll({ isNew = false } = {}) {
    const { windows, summary, view } = this.#state;
    this.#staleFromMs = -Infinity;
    if (isNew) {
      this.#store.clear();
      this.#set({
        windows: { ...windows, isOld: true },
        summary: { ...summary, isOld: true },
        clients: NOTHING,
      });
    }
    this.#moveFrame();
    const asked = this.#loadWindows();
    // Before the first window nobody knows what time to ask for.
    if (this.#store.windowMs === undefined) await asked;
    if (view !== this.#state.view) return;
    await Promise.all([
      asked,
      this.#loadSummary().then(() => this.#loadClients()),
      this.#loadErrors({ isNew }),
    ]);
  }

  /** @returns {Promise<void>} */
  async #loadStale() {
    if (this.#staleFromMs === Infinity) return;
    // All of it is under way, and would be given up for its end.
    if (this.#state.windows.isLoading) return this.#refreshers.windows.ask();
    await this.#loadWindows();
  }

  async #loadWindows() {
    await this.#load("windows", async (signal) => {
      if (this.#store.windowMs === undefined || !this.#isNewestTold) {
        const isConnected = () => this.#state.connection.phase === "connected";
        const wasConnected = isConnected();
        // The newest window tells where "now" is, and how long windows are.
        const { windows } = await this.#api.get("windows", { limit: 1, urls: 0 }, signal);
        signal.throwIfAborted();
        if (windows.length > 0) this.#store.see(windows[0]);
        this.#isNewestTold = wasConnected && isConnected();
        this.#moveFrame();
      }
      await this.#fetchBuckets(signal);
      return this.#drawn();
    });
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<void>}
   */
  async #fetchBuckets(signal) {
    const { frame: { fromMs, toMs, stepMs }, view: { url }, connection } = this.#state;
    const staleFromMs = this.#staleFromMs;
    const firstMs = Math.max(Math.floor(staleFromMs / stepMs) * stepMs, fromMs);
    // Whatever closes from now on is told by the stream, where there is one.
    if (connection.phase === "connected") this.#staleFromMs = Infinity;
    try {
      const { windows } = await this.#api.get("windows", {
        from: new Date(firstMs).toISOString(),
        to: new Date(toMs).toISOString(),
        step: stepMs === this.#store.windowMs ? undefined : toDuration(stepMs),
        limit: 1000,
        urls: url === undefined ? 0 : 1,
        url,
      }, signal);
      signal.throwIfAborted();
      if (stepMs === this.#state.frame.stepMs) return this.#store.replaceFrom(windows, firstMs);
    } catch (exception) {
      this.#staleFromMs = Math.min(this.#staleFromMs, staleFromMs);
      throw exception;
    }
    // The first window has told meanwhile how long windows are.
    this.#staleFromMs = -Infinity;
    await this.#fetchBuckets(signal);
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
  }

  async #loadClients() {
    const { frame, summary, view: { status } } = this.#state;
    const urls = summary.value?.urls.map(({ url }) => url) ?? [];
    if (this.#isUnsaved || summary.isOld) return;
    await this.#load("clients", async (signal) => {
      const counted = /** @type {Map<string, UrlClients>} */ (new Map());
      for (const url of inRequests(urls).slice(0, CLIENT_REQUESTS_MAX)) {
        const { clients } = await this.#api.get("summary/clients", {
          from: new Date(frame.fromMs).toISOString(),
          to: new Date(frame.toMs).toISOString(),
          status,
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
    if (isNew) this.#set({ errors: NOTHING });
    await this.#load("errors", (signal) => this.#errorPage({}, signal));
  }

  /** Whether this run keeps no raw errors. */
  get #isUnsaved() {
    return this.#state.errors.failure?.code === "not_saved";
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
    if (this.#disposal.signal.aborted || this.#state.needsToken) return;
    this.#requests.get(key)?.abort();
    const request = new AbortController();
    this.#requests.set(key, request);
    const { token } = this.#api;
    this.#set({ [key]: { ...this.#state[key], isLoading: true } });
    try {
      const answer = await ask(request.signal);
      if (request.signal.aborted) return;
      this.#set({ [key]: { value: answer, isOld: false, isLoading: false, failure: undefined } });
    } catch (exception) {
      if (request.signal.aborted) return;
      const failure = exception instanceof ApiException
        ? exception
        : new ApiException("The answer cannot be understood", { cause: exception });
      this.#set({ [key]: { ...this.#state[key], isLoading: false, failure } });
      this.#onRefused(failure, token);
    }
  }

  /**
   * @param {Record<string, string>} headers
   * @param {AbortSignal} signal
   */
  async #connect(headers, signal) {
    const { token } = this.#api;
    if (this.#state.needsToken) throw new ApiException("A token is needed", { status: 401 });
    try {
      return await this.#api.open("events", {}, headers, signal);
    } catch (exception) {
      this.#onRefused(exception, token);
      throw exception;
    }
  }

  /**
   * Asks for another token where that is why; not where another one is in use by now.
   *
   * @param {unknown} exception
   * @param {string} token the one that was sent
   */
  #onRefused(exception, token) {
    if (!(exception instanceof ApiException) || exception.status !== 401) return;
    if (this.#state.needsToken || token !== this.#api.token) return;
    this.#set({ needsToken: true, isTokenWrong: token !== "" });
  }

  #onConnected() {
    const wasLost = this.#state.connection.phase === "lost";
    this.#store.forgetOpen();
    this.#set({ connection: { phase: "connected" } });
    // The stream brings the windows that were missed; the rest of the page has to ask for them.
    // A first connection may come after the first answers, and a window may have closed in between.
    if (wasLost) this.#loadAll();
    else this.#refreshers.windows.ask();
  }

  /** @param {{ exception: unknown, waitMs: number }} lost */
  #onLost({ exception, waitMs }) {
    this.#isNewestTold = false;
    const reason = exception instanceof Error ? exception.message : String(exception);
    this.#set({ connection: { phase: "lost", retryAtMs: Date.now() + waitMs, reason } });
  }

  /**
   * @param {string} type
   * @param {any} data
   */
  #onEvent(type, data) {
    if (type === "status") this.#set({ status: data });
    else if (type === "reset") this.#beginAnew();
    else if (type === "window") this.#onWindow(data);
  }

  /** The server has other results than before: of another log perhaps, in windows of another length. */
  #beginAnew() {
    this.#store = new WindowStore();
    this.#loadAll({ isNew: true });
  }

  /** @param {WindowJson} window */
  #onWindow(window) {
    this.#store.add(window);
    this.#moveFrame();
    const { frame, view, windows } = this.#state;
    if (!isWithin(window, frame)) return;
    if (window.state === "closed") {
      // What the stream sends is whole only where it is what is drawn.
      if (view.url === undefined && window.length_ms === frame.stepMs) this.#store.close(window);
      else this.#staleFromMs = Math.min(this.#staleFromMs, Date.parse(window.start));
      this.#refreshers.windows.ask();
      this.#refreshers.summary.ask();
    }
    if (!this.#isUnsaved) this.#refreshers.errors.ask();
    // An answer under way brings them all.
    if (windows.value !== undefined && !windows.isOld) {
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
    if (this.#disposal.signal.aborted) return;
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
