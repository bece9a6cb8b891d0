import type { Connection } from "../../analyzer/source/tcp_source.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";
import type { Life } from "./life.ts";

/**
 * The other end of a socket: it has lines to send, and sends each of their bytes once, whether
 * anybody counts them or not. What it has sent waits in the system until it is read.
 */
export class SimulatedSender {
  readonly #random: Mulberry32;
  readonly #bytes: Uint8Array;
  #sent = 0;
  #open: OpenConnection | undefined;
  /** Nobody answers for now. */
  isDown = false;
  /** Bytes that the programs have read, in all their lives. */
  readBytes = 0;

  constructor(random: Mulberry32, bytes: Uint8Array) {
    this.#random = random;
    this.#bytes = bytes;
  }

  get isDone(): boolean {
    return this.#sent === this.#bytes.length;
  }

  /** Whether all that was sent over the open connection has been read. */
  get isDrained(): boolean {
    return (this.#open?.waiting.length ?? 0) === 0;
  }

  /** Sends the next bytes, where somebody is connected. */
  send(count: number): void {
    if (this.#open === undefined) return;
    const bytes = this.#bytes.subarray(this.#sent, this.#sent + count);
    this.#sent += bytes.length;
    for (const byte of bytes) this.#open.waiting.push(byte);
    this.#open.wake();
  }

  /** Cuts the connection: what was not read yet is lost, or it is at its end. */
  reset(isClean: boolean): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    if (!isClean) open.waiting.length = 0;
    open.end = isClean ? "closed" : "reset";
    open.wake();
  }

  /** Opens a connection for a source; there is one at a time. */
  async connect(life: Life): Promise<Connection> {
    await life.whileAlive();
    if (this.isDown) throw new Error("nothing is listening there");
    this.reset(false);
    const open: OpenConnection = { waiting: [], end: undefined, wake: () => {} };
    this.#open = open;
    const pull = async (controller: ReadableByteStreamController) => {
      while (open.waiting.length === 0 && open.end === undefined) {
        await new Promise<void>((resolve) => open.wake = resolve);
      }
      await life.whileAlive();
      if (open.end === "reset") throw new Error("Connection reset by peer");
      const view = controller.byobRequest!.view as Uint8Array<ArrayBuffer>;
      if (open.waiting.length === 0) {
        controller.close();
        controller.byobRequest!.respond(0);
        return;
      }
      // A read brings what the system likes, one byte at least.
      const most = Math.min(view.length, open.waiting.length);
      const count = this.#random.next() < 0.2 ? 1 + this.#random.below(most) : most;
      view.set(open.waiting.splice(0, count));
      this.readBytes += count;
      controller.byobRequest!.respond(count);
    };
    const readable = new ReadableStream({
      type: "bytes",
      pull,
      cancel: () => this.#close(open),
    });
    return { readable: readable as ReadableStream<Uint8Array>, close: () => this.#close(open) };
  }

  #close(open: OpenConnection): void {
    open.waiting.length = 0;
    if (this.#open === open) this.#open = undefined;
  }
}

interface OpenConnection {
  readonly waiting: number[];
  end: "closed" | "reset" | undefined;
  wake: () => void;
}
