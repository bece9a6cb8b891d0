import { formatHostPort } from "../../command_line/options.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { GeneratorConfig } from "../config.ts";
import { GeneratorStream } from "../generator_stream.ts";
import { headerLine } from "../line_templates.ts";
import { StreamClient } from "./stream_client.ts";

/** Where and how to serve a stream. */
export interface StreamServerOptions {
  readonly hostname: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Is told what a user should know, in one line: clients that are disconnected. */
  readonly notice: (line: string) => void;
  /** Default: that of the machine. */
  readonly clock?: Clock;
}

/**
 * Starts to serve the lines of a run to any number of TCP clients; see {@linkcode StreamServer}.
 *
 * @throws {Error} if it cannot listen there
 * @throws {Deno.errors.NotCapable} if the permission is missing
 */
export function serveStream(config: GeneratorConfig, options: StreamServerOptions): StreamServer {
  const { hostname, port } = options;
  try {
    return new StreamServer(config, options, Deno.listen({ hostname, port }));
  } catch (exception) {
    if (!(exception instanceof Error) || exception instanceof Deno.errors.NotCapable) {
      throw exception;
    }
    const reason = exception instanceof Deno.errors.AddrInUse
      ? "the port is in use, choose another one"
      : exception.message;
    throw new Error(`Cannot listen on ${formatHostPort(options)}: ${reason}`, { cause: exception });
  }
}

/**
 * A served stream. Each client gets whole lines from the present on, after the header line if there
 * is one. At a fixed rate nobody waits for a slow client: one that is more than
 * {@linkcode BEHIND_BYTES_MAX} behind is disconnected. At the highest rate the slowest client sets
 * the pace, and without clients nothing is made.
 *
 * With a count, a backfill or the highest rate the clock starts at the first client. The backfill
 * goes to that client alone, as fast as it reads, and so do the live records that came due in the
 * meantime. Should it go away during that, the rest of the backfill is skipped.
 */
export class StreamServer {
  /** The port it listens on. */
  readonly port: number;
  /** Where it listens, as `HOST:PORT`. */
  readonly address: string;
  /**
   * Resolves when the stream has ended and every client has been closed after its last line, or
   * when `close` is done.
   */
  readonly finished: Promise<void>;

  readonly #config: GeneratorConfig;
  readonly #options: StreamServerOptions;
  readonly #clock: Clock;
  readonly #listener: Deno.TcpListener;
  readonly #stream: GeneratorStream;
  readonly #clients = new Set<StreamClient>();
  readonly #closing = new AbortController();
  #clientJoined = Promise.withResolvers<void>();

  /** Use {@linkcode serveStream}. */
  constructor(config: GeneratorConfig, options: StreamServerOptions, listener: Deno.TcpListener) {
    this.#config = config;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#listener = listener;
    this.#stream = new GeneratorStream(config, this.#clock);
    this.port = listener.addr.port;
    this.address = formatHostPort({ hostname: options.hostname, port: this.port });
    this.finished = this.#serve();
  }

  /** How many lines have been made. */
  get linesCount(): number {
    return this.#stream.linesCount;
  }

  /** How many clients are connected. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Stops at once: clients are disconnected, what they have not been sent is lost. */
  close(): Promise<void> {
    this.#stopListening();
    this.#clientJoined.resolve();
    for (const client of this.#clients) client.drop();
    return this.finished;
  }

  async #serve(): Promise<void> {
    const accepting = this.#accept();
    try {
      await this.#sendStream();
    } finally {
      this.#stopListening();
      await accepting;
      await Promise.all(Array.from(this.#clients, (client) => client.finish()));
    }
  }

  async #accept(): Promise<void> {
    const header = this.#config.header ? headerLine(this.#config.format) : new Uint8Array();
    while (!this.#closing.signal.aborted) {
      try {
        const client = new StreamClient(await this.#listener.accept(), this.#clock);
        client.send(header);
        this.#clients.add(client);
        client.closed().then(() => this.#clients.delete(client));
        this.#clientJoined.resolve();
        this.#clientJoined = Promise.withResolvers();
      } catch (exception) {
        if (this.#closing.signal.aborted) return;
        // Such as too many open files: that may pass, and the clients that are there go on.
        this.#options.notice(`Cannot accept a client: ${(exception as Error).message}`);
        await this.#clock.sleep(ACCEPT_RETRY_MS, this.#closing.signal);
      }
    }
  }

  async #sendStream(): Promise<void> {
    const { recordCountMax, recordsPerSecond, backfillMs } = this.#config;
    const isAtMax = recordsPerSecond === Infinity;
    if (recordCountMax < Infinity || backfillMs > 0 || isAtMax) await this.#someClient();
    const live = this.#stream.live.getReader();
    const cancel = () => live.cancel();
    this.#closing.signal.addEventListener("abort", cancel);
    try {
      if (backfillMs > 0) await this.#sendBackfill(live);
      while (!this.#closing.signal.aborted) {
        if (isAtMax) await this.#allDrained();
        const chunk = (await live.read()).value;
        if (chunk === undefined) return;
        for (const client of this.#clients) this.#send(client, chunk);
        // Chunks that are all due at once would pile up before any socket got its turn.
        if (this.#stream.backlogCount > 0) await new Promise((resolve) => setTimeout(resolve));
      }
    } finally {
      this.#closing.signal.removeEventListener("abort", cancel);
      await live.cancel();
    }
  }

  /** Sends the history, and the live records that came due meanwhile, to the first client alone. */
  async #sendBackfill(live: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const [first] = this.#clients;
    if (first === undefined) return;
    const history = this.#stream.history.getReader();
    for (let chunk; !first.isGone && (chunk = (await history.read()).value) !== undefined;) {
      first.send(chunk);
      await first.drainedOrStalled();
    }
    await history.cancel();
    if (this.#config.recordsPerSecond === Infinity) return;

    let backlogMax = Infinity;
    do {
      const chunk = (await live.read()).value;
      if (chunk === undefined) return;
      first.send(chunk);
      await first.drainedOrStalled();
      // A client that is slower than the rate would never get there, and keep all others waiting.
      const behindCountMax = BEHIND_BYTES_MAX / this.#stream.lineBytesMax;
      backlogMax = Math.min(backlogMax, this.#stream.backlogCount + behindCountMax);
      if (this.#stream.backlogCount > backlogMax) this.#disconnectSlow(first);
    } while (this.#stream.backlogCount > 0 && !first.isGone);
  }

  #send(client: StreamClient, chunk: Uint8Array): void {
    client.send(chunk);
    if (client.behindBytes > BEHIND_BYTES_MAX) this.#disconnectSlow(client);
  }

  #disconnectSlow(client: StreamClient): void {
    client.drop();
    this.#options.notice(`Disconnected ${client.address}: it was more than 8 MiB behind`);
  }

  async #allDrained(): Promise<void> {
    do {
      await this.#someClient();
      await Promise.all(Array.from(this.#clients, (client) => client.drained()));
    } while (this.#clients.size === 0 && !this.#closing.signal.aborted);
  }

  async #someClient(): Promise<void> {
    while (this.#clients.size === 0 && !this.#closing.signal.aborted) {
      await this.#clientJoined.promise;
    }
  }

  #stopListening(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#listener.close();
  }
}

/** A client that is further behind than this is disconnected. */
export const BEHIND_BYTES_MAX = 8 * 1024 * 1024;

const ACCEPT_RETRY_MS = 100;
