import { escapeText } from "../../command_line/escape_text.ts";
import { messageOf } from "../exceptions.ts";
import { limitLabel } from "../limit_options.ts";
import type { InputElement, SourceChanged } from "../stream/elements.ts";
import { FairMerge } from "../stream/fair_merge.ts";
import { ConnectionPlaces, type Overdue, type Place } from "./connection_places.ts";
import { type IpNetwork, isInNetwork, parseIpAddress } from "./ip_network.ts";
import type { IncomingConnection, Listener } from "./listener.ts";
import { readLiveInput } from "./live_connection.ts";
import { OWN_BUFFER, SharedMemory } from "./read_batches.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf, type RefusalReason } from "./source_state.ts";
import type { Connection } from "./tcp_source.ts";

/** How a {@linkcode TcpListenSource} listens. */
export interface TcpListenSourceOptions {
  /** @throws {StartException} where the port is in use */
  readonly listen: () => Listener;
  /** Who may connect; `undefined` for everybody who reaches the socket. */
  readonly allow?: readonly IpNetwork[] | undefined;
  /** Ends once there has been a connection and none is open any more. */
  readonly once: boolean;
  readonly nowMs: () => number;
}

/**
 * Accepts connections that send log lines; each is an input of its own. Who is not allowed, and who
 * has many connections already, is closed at once. Beyond `limits.connections` at a time, further
 * ones wait until one is closed or has to go.
 */
export class TcpListenSource implements Source {
  readonly name: string;
  readonly isLive = true;
  readonly isReplayable = false;
  readonly #options: TcpListenSourceOptions;
  #listener: Listener | undefined;

  constructor(name: string, options: TcpListenSourceOptions) {
    this.name = name;
    this.#options = options;
  }

  /**
   * Begins to listen, so that a port in use is known before anything is consumed. Called again, it
   * goes on listening.
   */
  // deno-lint-ignore require-await -- what listening throws has to become a rejection
  async prepare(saved: SavedSource | undefined): Promise<SavedSource> {
    this.#listener ??= this.#options.listen();
    return saved ?? {
      name: this.name,
      firstStartedAtMs: this.#options.nowMs(),
      file: undefined,
    };
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    const listener = this.#listener;
    if (listener === undefined) throw new Error("Cannot open a source that was not prepared");
    yield* new Listening(this.name, listener, this.#options, context).elements();
  }
}

/** One run of a listening source. */
class Listening {
  readonly #name: string;
  readonly #listener: Listener;
  readonly #options: TcpListenSourceOptions;
  readonly #context: SourceContext;
  readonly #inputs = new FairMerge<InputElement>();
  readonly #places: ConnectionPlaces;
  readonly #bufferMemory = new SharedMemory(BUFFERS_BYTES);
  /** When each kind of notice was last due; monotonic, in ms. */
  readonly #toldAtMs = new Map<string, number>();
  /** Connections that were opened since the start. */
  #connectionCount = 0;
  /** Connections that are open, as far as the elements tell that were passed on. */
  #toldOpenCount = 0;
  #hasWaiting = false;
  /** Connections that have to go and are still read. */
  readonly #evicted = new Map<Place, Overdue>();
  #isOver = false;
  #onReleased = () => {};

  constructor(
    name: string,
    listener: Listener,
    options: TcpListenSourceOptions,
    context: SourceContext,
  ) {
    this.#name = name;
    this.#listener = listener;
    this.#options = options;
    this.#context = context;
    this.#places = new ConnectionPlaces(context.limits);
  }

  async *elements(): AsyncGenerator<InputElement, void, void> {
    const { signal } = this.#context;
    const inputs = this.#inputs;
    const stop = () => this.#listener.close();
    inputs.add(this.#accept());
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    try {
      yield this.#withPhase(this.#changed());
      while (inputs.size > 0) {
        const element = inputs.take();
        if (element === undefined) await inputs.changed();
        else yield element.kind === "source-changed" ? this.#withPhase(element) : element;
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async *#accept(): AsyncGenerator<InputElement, void, void> {
    const { clock, signal } = this.#context;
    const places = this.#places;
    for await (const incoming of this.#listener.connections) {
      if (incoming instanceof Error) {
        const reason = `cannot accept a connection: ${incoming.message}`;
        yield this.#changed({ reason, notice: this.#notice(reason, "trying again until it can") });
        continue;
      }
      const refused = this.#refusalOf(incoming);
      if (refused !== undefined) {
        incoming.close();
        yield refused;
        continue;
      }
      if (places.isFull) {
        this.#hasWaiting = true;
        yield* this.#waitForPlace();
        this.#hasWaiting = false;
      }
      if (signal.aborted) return incoming.close();
      const place = places.take(incoming.address, clock.monotonicMs(), () => incoming.close());
      this.#inputs.add(this.#read(incoming, place));
    }
  }

  #refusalOf({ address }: IncomingConnection): SourceChanged | undefined {
    const { allow } = this.#options;
    const { limits, limitCounter } = this.#context;
    if (allow !== undefined) {
      const bytes = parseIpAddress(address);
      if (bytes === undefined || !allow.some((network) => isInNetwork(bytes, network))) {
        return this.#refused("address", address, "no --allow names it");
      }
    }
    if (!this.#places.isCrowded(address)) return undefined;
    limitCounter.reach("connectionsPerAddress");
    const limit = limits.connectionsPerAddress;
    const why = `it has ${limit} already (--limit ${limitLabel("connectionsPerAddress")})`;
    return this.#refused("limit", address, why);
  }

  /**
   * Waits until a place is free. A connection has to go for it only if it was overdue twice, with
   * time in between to read what has come: after a stall of the program all of them seem overdue.
   */
  async *#waitForPlace(): AsyncGenerator<InputElement, void, void> {
    const { clock, signal, limitCounter } = this.#context;
    limitCounter.reach("connections");
    const reason = `${this.#places.size} connections are open`;
    yield this.#changed({ reason, notice: this.#notice(reason, "more have to wait") });
    let suspect: Place | undefined;
    let isMakingRoom = false;
    while (this.#places.isFull && !signal.aborted) {
      // One is enough for one that waits, however long its end takes to be written.
      const overdue = isMakingRoom ? undefined : this.#places.overdue(clock.monotonicMs());
      if (overdue !== undefined && overdue.place === suspect) {
        isMakingRoom = true;
        limitCounter.reach(overdue.limit);
        this.#evicted.set(overdue.place, overdue);
        overdue.place.close();
        continue;
      }
      suspect = overdue?.place;
      await this.#releasedOrAfter(OVERDUE_CHECK_MS);
    }
  }

  #releasedOrAfter(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.clock.schedule(resolve, delayMs);
      this.#onReleased = () => {
        cancel();
        resolve();
      };
    });
  }

  async *#read(
    incoming: IncomingConnection,
    place: Place,
  ): AsyncGenerator<InputElement, void, void> {
    const { signal } = this.#context;
    const { once } = this.#options;
    let connection: Connection | undefined;
    let reason = "";
    try {
      try {
        connection = await this.#opened(incoming);
      } catch (exception) {
        reason = messageOf(exception);
      }
      if (connection !== undefined) {
        yield this.#changed({ connectionsDelta: 1 });
        const inputId = inputIdOf(this.#name, ++this.#connectionCount);
        ({ reason } = yield* readLiveInput(connection.readable, inputId, this.#context, {
          endIsLoss: !once,
          buffer: { ...BUFFER, shared: this.#bufferMemory },
          activity: place.activity,
        }));
      }
    } finally {
      (connection ?? incoming).close();
      this.#places.release(place);
      this.#onReleased();
    }
    const isLast = this.#places.size === 0 && !this.#hasWaiting;
    if (once && isLast && this.#connectionCount > 0) {
      this.#isOver = true;
      this.#listener.close();
    }
    const evicted = this.#evicted.get(place);
    this.#evicted.delete(place);
    if (evicted !== undefined) yield this.#makesRoom(evicted);
    else if (connection !== undefined) yield this.#changed({ connectionsDelta: -1, reason });
    else if (!signal.aborted) {
      yield this.#refused("tls", incoming.address, `its TLS handshake failed: ${reason}`);
    }
  }

  async #opened(incoming: IncomingConnection): Promise<Connection> {
    const { signal } = this.#context;
    const close = () => incoming.close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      return await incoming.open();
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  #refused(refusal: RefusalReason, address: string, why: string): SourceChanged {
    const reason = `refused ${escapeText(address)}: ${escapeText(why)}`;
    return this.#changed({
      refusal,
      reason,
      notice: this.#notice(reason, "others are counted", `refused ${refusal}`),
    });
  }

  /** The end of a connection that was read and had to go. */
  #makesRoom({ place, limit, forMs }: Overdue): SourceChanged {
    const what = limit === "partialLineTime" ? "a line was unfinished" : "it had brought no row";
    const reason = `closed a connection of ${escapeText(place.address)}, since another waits: ` +
      `${what} for ${Math.floor(forMs / 1000)} s`;
    return this.#changed({
      connectionsDelta: -1,
      reason,
      notice: this.#notice(reason, "others are counted", `evicted ${limit}`),
    });
  }

  /** A line for people, or none where the same kind of thing was told a moment ago. */
  #notice(reason: string, outlook: string, kind = outlook): string {
    const nowMs = this.#context.clock.monotonicMs();
    const toldAtMs = this.#toldAtMs.get(kind) ?? -Infinity;
    this.#toldAtMs.set(kind, nowMs);
    return nowMs - toldAtMs <= OUTAGE_GAP_MS ? "" : `${this.#name}: ${reason}; ${outlook}`;
  }

  #changed(change: Partial<SourceChanged> = {}): SourceChanged {
    return {
      kind: "source-changed",
      source: this.#name,
      // Set when the element is passed on: not always in the order of their making.
      phase: "waiting",
      connectionsDelta: 0,
      reason: "",
      notice: "",
      ...change,
    };
  }

  #withPhase(element: SourceChanged): SourceChanged {
    this.#toldOpenCount += element.connectionsDelta;
    const isEnded = this.#context.signal.aborted || this.#isOver;
    const phase = this.#toldOpenCount > 0 ? "connected" : isEnded ? "ended" : "waiting";
    return { ...element, phase };
  }
}

/** Events of a kind that are closer together are one outage, told in one line. */
const OUTAGE_GAP_MS = 10_000;

/** How often it is seen who is overdue, while a connection waits. */
const OVERDUE_CHECK_MS = 250;

/** Where hundreds of connections are read, most are quiet: each waits with a small buffer. */
const BUFFER = { bytesMin: 16 * 1024, bytesMax: OWN_BUFFER.bytesMax, shrinks: true };

/** What all connections of a source may have beyond that: a few may be as fast as can be. */
const BUFFERS_BYTES = 32 * 1024 * 1024;
