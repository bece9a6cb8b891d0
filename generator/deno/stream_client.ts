import { formatHostPort } from "../../command_line/options.ts";
import { type Clock, systemClock } from "../clock.ts";

/**
 * One connection of a served stream: a queue of bytes and the loop that writes it out. What the
 * client sends is read and thrown away, since unread bytes would turn the end of the connection
 * into a reset, which takes lines with it that the client has not read yet.
 */
export class StreamClient {
  /** Where the client is, such as `127.0.0.1:54321`. */
  readonly address: string;

  readonly #connection: Deno.TcpConn;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  readonly #loops: Promise<void>[];
  #pending: Uint8Array[] = [];
  #isWriting = false;
  #behindBytes = 0;
  #writtenBytes = 0;
  #drained = Promise.withResolvers<void>();

  constructor(connection: Deno.TcpConn, clock: Clock = systemClock) {
    this.#connection = connection;
    connection.setNoDelay(true); // a line is worth a packet when it is due
    this.#clock = clock;
    const { hostname, port } = connection.remoteAddr;
    this.address = formatHostPort({ hostname, port });
    this.#loops = [this.#readAndForget()];
  }

  /** How many bytes were sent to it and are not written yet. */
  get behindBytes(): number {
    return this.#behindBytes;
  }

  /** Whether the connection is closed, from either side. */
  get isGone(): boolean {
    return this.#gone.signal.aborted;
  }

  /** Queues bytes, which must not change from then on; never blocks. Ignored when it is gone. */
  send(bytes: Uint8Array): void {
    if (this.isGone || bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#behindBytes += bytes.length;
    if (!this.#isWriting) this.#loops[1] = this.#writeOut();
  }

  /**
   * Resolves when all is written, or nothing of a client that is gone runs any more: at once, whoever
   * calls it again and again would leave no turn in which it could come to its end.
   */
  async drained(): Promise<void> {
    while (this.#behindBytes > 0 && !this.isGone) await this.#drained.promise;
    if (this.isGone) await this.closed();
  }

  /** As `drained`, but drops a client that takes nothing for {@linkcode STALL_MS}. */
  async drainedOrStalled(): Promise<void> {
    const over = new AbortController();
    const watch = async () => {
      while (true) {
        const writtenBefore = this.#writtenBytes;
        await this.#clock.sleep(STALL_MS, over.signal);
        if (over.signal.aborted) return;
        if (this.#writtenBytes === writtenBefore) return this.drop();
      }
    };
    const watching = watch();
    await this.drained();
    over.abort();
    await watching;
  }

  /** Writes what is queued and ends the connection after it; drops a client that stalls. */
  async finish(): Promise<void> {
    await this.drainedOrStalled();
    // It may be reset in just this moment; then there is nothing left to end.
    if (!this.isGone) await this.#connection.closeWrite().catch(() => {});
    this.drop();
    await this.closed();
  }

  /** Closes the connection at once; what is queued is lost. */
  drop(): void {
    if (this.isGone) return;
    this.#gone.abort();
    this.#pending = [];
    this.#connection.close();
    this.#drained.resolve();
  }

  /** Resolves when it is gone and nothing of it runs any more. */
  async closed(): Promise<void> {
    if (!this.isGone) {
      await new Promise((resolve) => this.#gone.signal.addEventListener("abort", resolve));
    }
    await Promise.all(this.#loops);
  }

  async #writeOut(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#pending.length > 0) {
        const batch = this.#pending;
        this.#pending = [];
        for (const bytes of batch) {
          for (let offset = 0; offset < bytes.length;) {
            const written = await this.#connection.write(bytes.subarray(offset));
            offset += written;
            this.#behindBytes -= written;
            this.#writtenBytes += written;
          }
        }
      }
      this.#drained.resolve();
      this.#drained = Promise.withResolvers();
    } catch {
      // Reset by the client, or closed by `drop`: it is gone either way.
      this.drop();
    }
    this.#isWriting = false;
  }

  async #readAndForget(): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      // A client that has ended its side may still read: only a failing write shows it is gone.
      while (await this.#connection.read(buffer) !== null);
    } catch {
      this.drop();
    }
  }
}

/** A client that is waited for and takes no byte for so long is dropped. */
export const STALL_MS = 10_000;
