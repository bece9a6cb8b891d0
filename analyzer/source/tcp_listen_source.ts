import type { InputElement, SourceChanged } from "../stream/elements.ts";
import { FairMerge } from "../stream/fair_merge.ts";
import { type ConnectionEnd, readLiveInput } from "./live_connection.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf } from "./source_state.ts";
import type { Connection } from "./tcp_source.ts";

/** A socket that accepts connections. */
export interface Listener {
  /**
   * Connections as they come, and in the place of one that could not be accepted, why: then it is
   * tried again, slowly. Ends when the listener is closed.
   */
  readonly connections: AsyncIterable<Connection | Error>;
  /** May be called again. */
  close(): void;
}

/** How a {@linkcode TcpListenSource} listens. */
export interface TcpListenSourceOptions {
  /** @throws {StartException} where the port is in use */
  readonly listen: () => Listener;
  /** Ends once there has been a connection and none is open any more. */
  readonly once: boolean;
  readonly nowMs: () => number;
}

/**
 * Accepts connections that send log lines; each is an input of its own. Beyond
 * a number of them at a time, further ones wait until one is closed.
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
    const { clock, signal, limits, limitCounter } = context;
    const { name } = this;
    const { once } = this.#options;
    const listener = this.#listener;
    if (listener === undefined) throw new Error("Cannot open a source that was not prepared");
    const inputs = new FairMerge<InputElement>();
    let open = 0;
    let isOver = false;
    const changed = (connectionsDelta: -1 | 0 | 1, reason = "", notice = ""): SourceChanged => {
      open += connectionsDelta;
      // The phase is set when the element is passed on: not always in the order of their making.
      const phase = "waiting";
      return { kind: "source-changed", source: name, phase, connectionsDelta, reason, notice };
    };
    const stop = () => listener.close();
    let isBoundKnown = false;
    let closed = Promise.withResolvers<void>();
    const accept = async function* (): AsyncGenerator<InputElement, void, void> {
      let connections = 0;
      let failedAtMs = -Infinity;
      for await (const connection of listener.connections) {
        if (!(connection instanceof Error)) {
          inputs.add(read(connection, inputIdOf(name, ++connections)));
          if (open >= limits.connections) limitCounter.reach("connections");
          if (open >= limits.connections && !isBoundKnown) {
            isBoundKnown = true;
            const reason = `${open} connections are open`;
            yield changed(0, reason, `${name}: ${reason}, more have to wait`);
          }
          while (open >= limits.connections) await closed.promise;
          continue;
        }
        const reason = `cannot accept a connection: ${connection.message}`;
        const nowMs = clock.monotonicMs();
        const isKnown = nowMs - failedAtMs <= OUTAGE_GAP_MS;
        failedAtMs = nowMs;
        yield changed(0, reason, isKnown ? "" : `${name}: ${reason}; trying again until it can`);
      }
    };
    const read = async function* (
      connection: Connection,
      inputId: string,
    ): AsyncGenerator<InputElement, void, void> {
      let end: ConnectionEnd;
      try {
        yield changed(1);
        end = yield* readLiveInput(connection.readable, inputId, context, {
          endIsLoss: !once,
          readBytesMax: SHARED_READ_BYTES_MAX,
        });
      } finally {
        connection.close();
        closed.resolve();
        closed = Promise.withResolvers();
      }
      isOver = once && open === 1;
      if (isOver) stop();
      yield changed(-1, end.reason);
    };
    inputs.add(accept());
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    try {
      let openSoFar = 0;
      const withPhase = (element: SourceChanged): SourceChanged => {
        openSoFar += element.connectionsDelta;
        const isEnded = signal.aborted || isOver;
        return { ...element, phase: openSoFar > 0 ? "connected" : isEnded ? "ended" : "waiting" };
      };
      yield withPhase(changed(0));
      while (inputs.size > 0) {
        const element = inputs.take();
        if (element === undefined) await inputs.changed();
        else yield element.kind === "source-changed" ? withPhase(element) : element;
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}

/** Failures closer together are one outage: where room is scarce, every other attempt succeeds. */
const OUTAGE_GAP_MS = 10_000;

/** Where hundreds of connections are read, none of them gets as large a buffer as it could use. */
const SHARED_READ_BYTES_MAX = 256 * 1024;
