import { sleep } from "../clock.ts";
import { messageOf } from "../exceptions.ts";
import type { InputElement, SourceChanged } from "../stream/elements.ts";
import { backoffMs } from "./backoff.ts";
import { type ConnectionEnd, readLiveInput } from "./live_connection.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf } from "./source_state.ts";

/** An open connection, as much of it as a source needs. */
export interface Connection {
  /** What the other side sends; a byte stream that can be read into a buffer of one's own. */
  readonly readable: ReadableStream<Uint8Array>;
  close(): void;
}

/** How a {@linkcode TcpSource} connects. */
export interface TcpSourceOptions {
  /** Opens a connection; rejects with a message that says why it cannot, or when aborted. */
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
  /** Ends at the first close; until the first success a failed attempt is repeated all the same. */
  readonly once: boolean;
  readonly nowMs: () => number;
  /** Uniform in [0, 1), for the waiting times. */
  readonly random: () => number;
}

/**
 * Connects to a server that sends log lines, as netcat does, and connects again whenever the
 * connection is lost, for ever. Each connection is an input of its own.
 */
export class TcpSource implements Source {
  readonly name: string;
  readonly isLive = true;
  readonly isReplayable = false;
  readonly #options: TcpSourceOptions;

  constructor(name: string, options: TcpSourceOptions) {
    this.name = name;
    this.#options = options;
  }

  prepare(saved: SavedSource | undefined): Promise<SavedSource> {
    return Promise.resolve(
      saved ?? { name: this.name, firstStartedAtMs: this.#options.nowMs(), file: undefined },
    );
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    const { connect, once, random } = this.#options;
    const { clock, signal } = context;
    let connections = 0;
    let failures = 0;
    // One line an outage, however many attempts it takes, and one when it is over.
    let isOutageKnown = false;
    let isFlapping = false;
    while (!signal.aborted) {
      let connection: Connection;
      try {
        connection = await connect(signal);
      } catch (exception) {
        if (signal.aborted) return;
        failures++;
        const reason = messageOf(exception);
        const notice = isOutageKnown
          ? ""
          : `${this.name}: ${reason}; trying again until it answers`;
        isOutageKnown = true;
        yield this.#changed({ phase: "waiting", reason, notice });
        await sleep(clock, backoffMs(failures, random()), signal);
        continue;
      }
      yield this.#changed({
        phase: "connected",
        connectionsDelta: 1,
        notice: isOutageKnown && !isFlapping ? `${this.name}: connected` : "",
      });
      const openedAtMs = clock.monotonicMs();
      let end: ConnectionEnd;
      try {
        end = yield* readLiveInput(
          connection.readable,
          inputIdOf(this.name, ++connections),
          context,
          { endIsLoss: !once },
        );
      } finally {
        connection.close();
      }
      if (signal.aborted) {
        yield this.#changed({ phase: "ended", connectionsDelta: -1 });
        return;
      }
      const reason = end.reason === "" ? "closed by the other side" : end.reason;
      if (once) {
        const notice = `${this.name}: ${reason}`;
        yield this.#changed({ phase: "ended", connectionsDelta: -1, reason, notice });
        return;
      }
      // A server that accepts and hangs up at once, again and again, is an outage like any other.
      const wasUseful = end.bytes > 0 || clock.monotonicMs() - openedAtMs > USEFUL_MS;
      isFlapping = !wasUseful;
      if (wasUseful) failures = 0;
      failures++;
      const notice = wasUseful || !isOutageKnown
        ? `${this.name}: ${reason}; connecting again until it answers`
        : "";
      isOutageKnown = true;
      yield this.#changed({ phase: "waiting", connectionsDelta: -1, reason, notice });
      await sleep(clock, backoffMs(failures, random()), signal);
    }
  }

  #changed(
    change: Pick<SourceChanged, "phase"> & Partial<SourceChanged>,
  ): SourceChanged {
    return {
      kind: "source-changed",
      source: this.name,
      connectionsDelta: 0,
      reason: "",
      notice: "",
      ...change,
    };
  }
}

/** A connection that lasted for so long was a real one, even if it brought nothing. */
const USEFUL_MS = 5000;
