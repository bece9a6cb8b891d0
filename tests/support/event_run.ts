import { EventIds } from "../../analyzer/http/event_ids.ts";
import { EventPublisher } from "../../analyzer/http/event_publisher.ts";
import type { Limits } from "../../analyzer/limits.ts";
import type { LiveFeed, LiveView } from "../../analyzer/sink/live_view.ts";
import type { ClosedWindow, WindowSummary } from "../../analyzer/window/window_summary.ts";
import { testLimits } from "./limits.ts";
import { ManualClock } from "./manual_clock.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  windowSummary,
} from "./window_fixtures.ts";

/** The window of a run with this index: 0 starts at the time of the other fixtures. */
export function nthWindow(index: number, overrides: Partial<WindowSummary> = {}): ClosedWindow {
  const startMs = START_MS + index * LENGTH_MS;
  return { ...windowSummary({ startMs, ...overrides }), state: "closed", ipSketches: [] };
}

/** A feed whose views and windows the test makes. */
export class ManualFeed implements LiveFeed {
  view: LiveView = liveView();
  /** How often somebody has asked for a view. */
  viewCount = 0;
  /** While it is set, nobody gets a view. */
  held: Promise<void> | undefined;
  readonly #listeners = new Set<(window: ClosedWindow) => void>();

  async fresh(): Promise<LiveView> {
    this.viewCount++;
    await this.held;
    return this.view;
  }

  watchClosed(listener: (window: ClosedWindow) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  tell(window: ClosedWindow): void {
    for (const listener of this.#listeners) listener(window);
  }
}

/** One run of a program that publishes events, with time and windows in the hands of the test. */
export class EventRun {
  readonly clock = new ManualClock();
  readonly feed = new ManualFeed();
  readonly history: InMemoryHistory;
  readonly limits: ReturnType<typeof testLimits>;
  readonly exceptions: unknown[] = [];
  readonly publisher: EventPublisher;

  constructor(options: {
    readonly outputId?: string;
    readonly runId?: string;
    readonly history?: InMemoryHistory;
    readonly limits?: Partial<Limits>;
  } = {}) {
    const { outputId = "output00", runId = "run00001" } = options;
    this.history = options.history ?? new InMemoryHistory();
    this.limits = testLimits(options.limits);
    this.publisher = new EventPublisher({
      live: this.feed,
      history: this.history,
      clock: this.clock,
      ids: new EventIds({ outputId, runId, newestStartMs: this.history.newestStartMs() }),
      showsSamples: true,
      ...this.limits,
      onException: (exception) => this.exceptions.push(exception),
    });
  }

  /** Connects a client, who reads all that it gets at once. */
  connect(lastEventId?: string): EventListener {
    const body = this.publisher.open(lastEventId);
    if (typeof body === "string") throw new Error(`Not taken: ${body}`);
    return new EventListener(body);
  }

  /** A window closes, as the writer does it: first it is in the history. */
  close(window: ClosedWindow): void {
    this.history.windows.push(window);
    this.feed.tell(window);
  }

  /** Lets a second pass, and everything be sent. */
  async second(): Promise<void> {
    this.clock.advance(1000);
    await settle();
  }
}

/** One event, as a browser would dispatch it. */
export interface ReceivedEvent {
  readonly type: string;
  // deno-lint-ignore no-explicit-any -- the JSON of an answer
  readonly data: any;
}

/** A client that reads events as the HTML standard has browsers do it. */
export class EventListener {
  readonly events: ReceivedEvent[] = [];
  /** What a browser would send when it comes back. */
  lastEventId = "";
  retryMs: number | undefined;
  text = "";
  isEnded = false;
  /** Why the stream broke, where it did. */
  failure: unknown;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #rest = "";
  #changed = Promise.withResolvers<void>();

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = body.getReader();
    void this.#listen();
  }

  /** Starts of the closed windows that it was told of, in order, as indexes of {@linkcode nthWindow}. */
  get closed(): number[] {
    return this.#windows("closed");
  }

  /** The same of open windows. */
  get open(): number[] {
    return this.#windows("open");
  }

  of(type: string): ReceivedEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Resolves at whatever comes next, the end included. */
  changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Goes away. */
  async leave(): Promise<void> {
    await this.#reader.cancel();
  }

  #windows(state: string): number[] {
    return this.of("window").filter(({ data }) => data.state === state)
      .map(({ data }) => (Date.parse(data.start) - START_MS) / LENGTH_MS);
  }

  async #listen(): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for (let chunk; (chunk = (await this.#reader.read()).value) !== undefined;) {
        this.#take(decoder.decode(chunk, { stream: true }));
      }
      this.isEnded = true;
    } catch (exception) {
      this.failure = exception;
    }
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  #take(text: string): void {
    this.text += text;
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop()!;
    for (const block of blocks) {
      let type = "message";
      let data = "";
      for (const line of block.split("\n")) {
        const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
        if (field === "event") type = value!;
        else if (field === "data") data += value!;
        else if (field === "id") this.lastEventId = value!;
        else if (field === "retry") this.retryMs = Number(value);
        else throw new Error(`No event: ${JSON.stringify(block)}`);
      }
      if (data !== "") this.events.push({ type, data: JSON.parse(data) });
    }
    this.#wake();
  }
}

/** Lets promises and streams come to rest; no time passes. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}
