import { closeQuietly, send, type TemporaryDirectory } from "../end_to_end/support.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import type { Transport, Workload } from "./workload.ts";

/** What a campaign's analyzers read. */
export interface Feed extends AsyncDisposable {
  /** Options of the analyzer that name the sources. */
  readonly options: readonly string[];
  /** Says how many lines the checkpoint holds from which the next analyzer goes on. */
  resumeAt(lineCount: number): void;
}

/** Puts the lines of a workload where an analyzer can read them. */
export function openFeed(
  transport: Transport,
  workload: Workload,
  places: { readonly directory: TemporaryDirectory; readonly seed: number },
): Feed {
  return transport === "file"
    ? new FileFeed(workload, places.directory)
    : new TcpFeed(workload.inputs[0]!, places.seed);
}

/** Files; the analyzer knows by itself how far it has read them. */
class FileFeed implements Feed {
  readonly options: readonly string[];

  constructor({ inputs }: Workload, directory: TemporaryDirectory) {
    this.options = inputs.flatMap((input, i) => [
      "--source",
      `file:${directory.write(`input-${i}.log`, input)}`,
    ]);
  }

  resumeAt(): void {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/**
 * A sender that wants certainty: to each analyzer that connects it sends what follows the last line
 * that the checkpoint holds, to the end, and closes the connection. The silence of a slow machine
 * must not close windows, hence the idle time.
 */
class TcpFeed implements Feed {
  readonly options: readonly string[];
  readonly #bytes: Uint8Array;
  readonly #random: Mulberry32;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  #start = { lines: 0, bytes: 0 };

  constructor(bytes: Uint8Array, seed: number) {
    this.#bytes = bytes;
    this.#random = new Mulberry32(seed);
    const source = `tcp://127.0.0.1:${this.#listener.addr.port}`;
    this.options = ["--source", source, "--idle-timeout", "1h"];
    this.#accepting = this.#accept();
  }

  resumeAt(lineCount: number): void {
    let { lines, bytes } = lineCount < this.#start.lines ? { lines: 0, bytes: 0 } : this.#start;
    for (; lines < lineCount; lines++) bytes = this.#bytes.indexOf(NEWLINE, bytes) + 1;
    this.#start = { lines, bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) closeQuietly(connection);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of this.#listener) serving.push(this.#serve(connection));
    await Promise.all(serving);
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    this.#connections.add(connection);
    const rest = this.#bytes.subarray(this.#start.bytes);
    // Now as fast as the analyzer takes it, now in pieces that end anywhere and never fill it.
    const pieceBytesMax = this.#random.pick([Infinity, 2 ** 20, 2 ** 17]);
    try {
      for (let sent = 0; sent < rest.length;) {
        const pieceBytes = pieceBytesMax === Infinity
          ? rest.length
          : 1 + this.#random.below(pieceBytesMax);
        await send(connection, rest.subarray(sent, sent + pieceBytes));
        sent += pieceBytes;
        await new Promise((resolve) => setTimeout(resolve));
      }
    } catch {
      // The analyzer was killed: what it did not take is sent to the next one.
    }
    closeQuietly(connection);
    this.#connections.delete(connection);
  }
}

const NEWLINE = 0x0a;
