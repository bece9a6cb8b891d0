import { messageOf } from "../exceptions.ts";
import type { InputElement } from "../stream/elements.ts";
import { FairMerge } from "../stream/fair_merge.ts";
import { type ConnectionEnd, readLiveInput } from "./live_connection.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf } from "./source_state.ts";
import type { Connection } from "./tcp_source.ts";

/** A socket that accepts connections. */
export interface Listener {
  /** Connections as they come; ends when the listener is closed. */
  readonly connections: AsyncIterable<Connection>;
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

/** Accepts any number of connections that send log lines; each is an input of its own. */
export class TcpListenSource implements Source {
  readonly name: string;
  readonly isLive = true;
  readonly #options: TcpListenSourceOptions;
  #listener: Listener | undefined;

  constructor(name: string, options: TcpListenSourceOptions) {
    this.name = name;
    this.#options = options;
  }

  /** Begins to listen, so that a port in use is known before anything is consumed. */
  // deno-lint-ignore require-await -- what listening throws has to become a rejection
  async prepare(saved: SavedSource | undefined): Promise<SavedSource> {
    this.#listener = this.#options.listen();
    return saved ?? {
      name: this.name,
      firstStartedAtMs: this.#options.nowMs(),
      file: undefined,
    };
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    const { signal } = context;
    const { once } = this.#options;
    const listener = this.#listener;
    if (listener === undefined) throw new Error("Cannot open a source that was not prepared");
    const inputs = new FairMerge<InputElement>();
    let open = 0;
    let isOver = false;
    const changed = (connectionsDelta: -1 | 0 | 1, reason = ""): InputElement => {
      open += connectionsDelta;
      return {
        kind: "source-changed",
        source: this.name,
        phase: open > 0 ? "connected" : signal.aborted || isOver ? "ended" : "waiting",
        connectionsDelta,
        reason,
        notice: "",
      };
    };
    const stop = () => {
      listener.close();
      inputs.wake();
    };
    const read = async function* (
      connection: Connection,
      inputId: string,
    ): AsyncGenerator<InputElement, void, void> {
      let end: ConnectionEnd;
      try {
        yield changed(1);
        end = yield* readLiveInput(connection.readable, inputId, context, !once);
      } finally {
        connection.close();
      }
      isOver = once && open === 1;
      if (isOver) stop();
      yield changed(-1, end.reason);
    };
    let exception: { readonly cause: unknown } | undefined;
    const accepting = (async () => {
      let connections = 0;
      for await (const connection of listener.connections) {
        inputs.add(read(connection, inputIdOf(this.name, ++connections)));
        inputs.wake();
      }
    })().catch((cause) => {
      exception = { cause };
    }).finally(() => inputs.wake());
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    try {
      yield changed(0);
      for (;;) {
        const element = inputs.take();
        if (element !== undefined) yield element;
        else if ((signal.aborted || isOver) && inputs.size === 0) break;
        else if (exception !== undefined) {
          throw new Error(`${this.name}: cannot accept: ${messageOf(exception.cause)}`, exception);
        } else await inputs.changed();
      }
      await accepting;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }
}
