import { toSafeJson } from "../../command_line/escape_text.ts";
import type { Clock } from "../clock.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { LiveFeed, LiveView } from "../sink/live_view.ts";
import type { WindowHistoryReader } from "../sink/window_history.ts";
import { toWindowJson } from "../window/window_json.ts";
import type { ClosedWindow, WindowSummary } from "../window/window_summary.ts";
import { ErrorRates } from "./error_rates.ts";
import { EventClient } from "./event_client.ts";
import type { EventIds } from "./event_ids.ts";
import { toStatusEventJson } from "./status_event.ts";

/** What an {@linkcode EventPublisher} reads from, and its bounds. */
export interface EventPublisherOptions {
  readonly live: LiveFeed;
  readonly history: WindowHistoryReader;
  readonly clock: Clock;
  readonly ids: EventIds;
  /** Whether lines that are no records may be shown, addresses and all. */
  readonly showsSamples: boolean;
  readonly limits: Pick<Limits, "eventClients" | "eventQueueBytes">;
  readonly limitCounter: LimitCounter;
  /** Learns what went wrong where no answer can tell it. */
  readonly onException: (exception: unknown) => void;
}

/** Takes the clients of `GET /events`. */
export interface EventFeed {
  /** How it does at this moment. */
  readonly counts: EventCounts;
  /**
   * Takes a client.
   *
   * @param lastEventId the id of the last event that it got, if it was here before
   * @returns the body of the answer; `full` at the limit of clients, `stopped` at the end
   */
  open(
    lastEventId: string | undefined,
  ): ReadableStream<Uint8Array<ArrayBuffer>> | "full" | "stopped";
}

/** How the event stream does. */
export interface EventCounts {
  /** Clients that are connected. */
  readonly clients: number;
  /** Clients that were dropped since the start, because they did not read. */
  readonly dropped: number;
  /** Bytes that were written for clients since the start. */
  readonly bytes: number;
}

/**
 * Tells all clients of `GET /events` the same. Each event is encoded once, and goes into a queue a
 * client, which nobody waits for. Closed windows come from the writer; open ones and the status from
 * one view a second that all clients share. Where there is no client nothing is done at all.
 *
 * A client that says how far it had come gets the closed windows since from the history, as fast as
 * it takes them, and only then what closes.
 */
export class EventPublisher implements EventFeed {
  readonly #options: EventPublisherOptions;
  /** All clients; those that still get windows from the history, with the place they are at. */
  readonly #clients = new Map<EventClient, CatchUp | undefined>();
  #stopWatching: (() => void) | undefined;
  #isStopped = false;
  #byteCount = 0;

  /** Closed windows that are encoded and not sent yet. */
  #pendingText = "";
  #cancelFlush: (() => void) | undefined;
  #newestClosedMs = -Infinity;
  #rates: ErrorRates | undefined;

  #latest: Latest | undefined;
  #isAsking = false;
  #cancelTick: (() => void) | undefined;
  /** Windows of the history that were encoded since the last tick: many clients may miss the same. */
  readonly #encodedWindows = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(options: EventPublisherOptions) {
    this.#options = options;
  }

  get counts(): EventCounts {
    const dropped = this.#options.limitCounter.count("eventQueueBytes");
    return { clients: this.#clients.size, dropped, bytes: this.#byteCount };
  }

  open(
    lastEventId: string | undefined,
  ): ReadableStream<Uint8Array<ArrayBuffer>> | "full" | "stopped" {
    if (this.#isStopped) return "stopped";
    const { history, limits, limitCounter } = this.#options;
    if (this.#clients.size >= limits.eventClients) {
      limitCounter.reach("eventClients");
      return "full";
    }
    // What may fail comes first: there is nothing to undo yet.
    if (this.#clients.size === 0) this.#newestClosedMs = history.newestStartMs() ?? -Infinity;
    const greeting = this.#greet(lastEventId);
    if (this.#clients.size === 0) this.#start();
    // What has closed by now is in the history: it is no news for a client that comes now.
    this.#flush();
    const client: EventClient = new EventClient({
      queueBytesMax: limits.eventQueueBytes,
      onGone: () => this.#remove(client),
      onRoom: () => this.#catchUp(client),
    });
    this.#clients.set(client, greeting.catchUp);
    // One piece, which is taken whatever its size: nobody reads before there is an answer.
    this.#push(client, encoder.encode(greeting.text + this.#latestText()));
    if (this.#latest === undefined) this.#tick();
    return client.body;
  }

  /**
   * Ends all streams, behind what has happened so far, and takes no client any more.
   *
   * @returns whether there was a client, who has yet to be sent the end
   */
  stop(): boolean {
    this.#isStopped = true;
    this.#flush();
    const hadClients = this.#clients.size > 0;
    for (const client of this.#clients.keys()) client.end();
    this.#clients.clear();
    this.#pause();
    return hadClients;
  }

  #start(): void {
    const { live, history } = this.#options;
    this.#stopWatching = live.watchClosed((window) => this.#windowClosed(window));
    this.#rates = new ErrorRates(history, history.ranges.windowLengthMs);
  }

  #pause(): void {
    this.#stopWatching?.();
    this.#cancelFlush?.();
    this.#cancelTick?.();
    this.#stopWatching = this.#cancelFlush = this.#cancelTick = undefined;
    this.#pendingText = "";
    this.#latest = this.#rates = undefined;
    this.#encodedWindows.clear();
  }

  /** What a client is told first: how to come back, and from where on. */
  #greet(lastEventId: string | undefined): { text: string; catchUp: CatchUp | undefined } {
    const { ids } = this.#options;
    const here = ids.encode(this.#newestClosedMs);
    const retry = `retry: ${RETRY_MS}\n`;
    if (lastEventId === undefined || lastEventId === "") {
      return { text: `${retry}id: ${here}\n\n`, catchUp: undefined };
    }
    const afterMs = ids.decode(lastEventId);
    if (afterMs === undefined) {
      return { text: retry + resetEvent("unknown_id", here), catchUp: undefined };
    }
    const startsMs = this.#missedSince(afterMs);
    if (startsMs === undefined) {
      return { text: retry + resetEvent("too_many_missed", here), catchUp: undefined };
    }
    // The place as this run knows it: it may have to count again what an earlier one has told.
    return {
      text: `${retry}id: ${ids.encode(afterMs)}\n\n`,
      catchUp: { afterMs, startsMs: startsMs.reverse() },
    };
  }

  /** Starts of the windows behind a place, ascending; `undefined` where they are not all to be had. */
  #missedSince(afterMs: number): number[] | undefined {
    const { history } = this.#options;
    const startsMs = history.startsAfter(afterMs - 1, MISSED_MAX + 2);
    // Where the window of the place was removed as too old, so may be some of those behind it.
    const isRemoved = afterMs !== -Infinity && startsMs[0] !== afterMs && !history.isBehind;
    const missedMs = startsMs.filter((startMs) => startMs > afterMs);
    return isRemoved || missedMs.length > MISSED_MAX ? undefined : missedMs;
  }

  /**
   * Sends windows of the history, as long as there is room, and lets the client join the others.
   * Called whenever there is room, also right after it has come and behind each status.
   */
  #catchUp(client: EventClient): void {
    const { history, limits } = this.#options;
    try {
      for (;;) {
        const catchUp = this.#clients.get(client);
        if (catchUp === undefined || client.queuedBytes * 2 > limits.eventQueueBytes) return;
        if (catchUp.startsMs.length === 0) {
          catchUp.startsMs = [...history.startsAfter(catchUp.afterMs, MISSED_MAX)].reverse();
        }
        const startMs = catchUp.startsMs.pop();
        if (startMs === undefined) {
          // What closes now comes behind what the storage holds back.
          if (history.isBehind) return;
          this.#flush();
          this.#clients.set(client, undefined);
          return;
        }
        catchUp.afterMs = startMs;
        const event = this.#encodedWindow(startMs);
        if (event !== undefined) this.#push(client, event);
      }
    } catch (exception) {
      this.#options.onException(exception);
      this.#drop(client, "The history could not be read");
    }
  }

  /** The event of a window in the history; `undefined` where it was removed meanwhile. */
  #encodedWindow(startMs: number): Uint8Array<ArrayBuffer> | undefined {
    const known = this.#encodedWindows.get(startMs);
    if (known !== undefined) return known;
    const window = this.#options.history.get(startMs, { urlsMax: URLS_MAX });
    if (window === undefined) return undefined;
    const event = encoder.encode(windowEvent(window, this.#options.ids.encode(startMs)));
    if (this.#encodedWindows.size < ENCODED_WINDOWS_MAX) this.#encodedWindows.set(startMs, event);
    return event;
  }

  /** Called by the writer, which waits: the sending is left to a turn of its own. */
  #windowClosed(window: ClosedWindow): void {
    const { clock, ids } = this.#options;
    this.#newestClosedMs = Math.max(this.#newestClosedMs, window.startMs);
    this.#rates!.add(window);
    this.#pendingText += windowEvent(window, ids.encode(window.startMs));
    this.#cancelFlush ??= clock.schedule(() => this.#flush(), 0);
  }

  /**
   * Sends what has closed, but to those who get it from the history, and then what there is to tell
   * all. That is one piece a client, which is taken whatever its size where nothing waits.
   */
  #flush(textForAll = ""): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const closedText = this.#pendingText;
    this.#pendingText = "";
    const forAll = encoder.encode(textForAll);
    const forOthers = closedText === "" ? forAll : encoder.encode(closedText + textForAll);
    for (const [client, catchUp] of this.#clients) {
      const bytes = catchUp === undefined ? forOthers : forAll;
      if (bytes.length > 0) this.#push(client, bytes);
    }
  }

  /** Asks for a view and sends what it holds; once a second as long as there are clients. */
  async #tick(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.#cancelTick?.();
    const { clock, live, onException } = this.#options;
    const startedAtMs = clock.monotonicMs();
    const view = await live.fresh();
    this.#isAsking = false;
    if (this.#clients.size === 0) return;
    try {
      this.#publish(view);
    } catch (exception) {
      onException(exception);
    }
    if (this.#clients.size === 0) return;
    const delayMs = TICK_INTERVAL_MS - (clock.monotonicMs() - startedAtMs);
    this.#cancelTick = clock.schedule(() => void this.#tick(), Math.max(0, delayMs));
  }

  #publish(view: LiveView): void {
    const { showsSamples } = this.#options;
    this.#encodedWindows.clear();
    // A window that has closed since the view was taken must not open again.
    const open = view.open.filter(({ startMs }) => startMs > this.#newestClosedMs);
    const before = this.#latest;
    const { atMs, totals: { lines } } = view;
    const eventsPerSecond = before === undefined || atMs <= before.atMs
      ? undefined
      : (lines - before.lines) * 1000 / (atMs - before.atMs);
    const rates = this.#rates!.compute(view, open);
    const status = `event: status\ndata: ${
      toSafeJson(toStatusEventJson(view, { eventsPerSecond, rates, showsSamples }))
    }\n\n`;
    const openEvents = new Map(open.map((window) => [window.startMs, windowEvent(window)]));
    this.#latest = { atMs, lines, status, openEvents };
    let text = status;
    for (const [startMs, event] of openEvents) {
      if (before?.openEvents.get(startMs) !== event) text += event;
    }
    this.#flush(text);
  }

  /** What the last view has led to, but for windows that have closed since. */
  #latestText(): string {
    if (this.#latest === undefined) return "";
    const { status, openEvents } = this.#latest;
    let text = status;
    for (const [startMs, event] of openEvents) if (startMs > this.#newestClosedMs) text += event;
    return text;
  }

  #push(client: EventClient, bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#clients.has(client)) return;
    if (client.push(bytes)) {
      this.#byteCount += bytes.length;
      return;
    }
    this.#options.limitCounter.reach("eventQueueBytes");
    this.#drop(client, "The client does not read its events");
  }

  #drop(client: EventClient, why: string): void {
    client.drop(why);
    this.#remove(client);
  }

  #remove(client: EventClient): void {
    if (this.#clients.delete(client) && this.#clients.size === 0) this.#pause();
  }
}

interface CatchUp {
  /** The last window that it got. */
  afterMs: number;
  /** Windows that it gets next, by start, descending. */
  startsMs: number[];
}

/** What the last view has led to, for clients that come before the next. */
interface Latest {
  /** Wall-clock time of the view. */
  readonly atMs: number;
  readonly lines: number;
  readonly status: string;
  /** Events of open windows, by start. */
  readonly openEvents: ReadonlyMap<number, string>;
}

const encoder = new TextEncoder();

/** How long a client should wait before it comes back. */
const RETRY_MS = 2000;

const TICK_INTERVAL_MS = 1000;

/** Beyond so many missed windows a client does better to ask for what it wants to see. */
const MISSED_MAX = 1000;

/** URLs that an event lists a status. */
const URLS_MAX = 5;

/** Beyond this an event lists no URLs: hostile lines can have hundreds of statuses and long URLs. */
const EVENT_LENGTH_MAX = 32 * 1024;

const ENCODED_WINDOWS_MAX = 100;

function windowEvent(window: WindowSummary, id?: string): string {
  let data = toSafeJson(toWindowJson(window, { urlsMax: URLS_MAX }));
  if (data.length > EVENT_LENGTH_MAX) data = toSafeJson(toWindowJson(window, { urlsMax: 0 }));
  return `event: window\n${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`;
}

/** Tells a client that it has missed what cannot be told any more, and what goes on from here. */
function resetEvent(reason: "unknown_id" | "too_many_missed", id: string): string {
  return `event: reset\nid: ${id}\ndata: ${toSafeJson({ reason })}\n\n`;
}
