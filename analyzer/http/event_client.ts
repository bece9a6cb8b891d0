/** What a client of the event stream tells whoever feeds it. */
export interface EventClientOptions {
  /** Most bytes that wait for it, but that one piece is always taken. */
  readonly queueBytesMax: number;
  /** It has gone away, and takes nothing any more. */
  readonly onGone: () => void;
  /** It has taken something, and there is room again. */
  readonly onRoom: () => void;
}

/**
 * One client of the event stream: a queue of bytes with a bound, read by the server as fast as the
 * connection takes it. Who fills it never waits; a client that does not read is dropped.
 */
export class EventClient {
  /** The body of the answer. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #queueBytesMax: number;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor({ queueBytesMax, onGone, onRoom }: EventClientOptions) {
    this.#queueBytesMax = queueBytesMax;
    this.body = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: onRoom,
        cancel: onGone,
      },
      { highWaterMark: queueBytesMax, size: ({ length }) => length },
    );
  }

  /** Bytes that wait for it. */
  get queuedBytes(): number {
    return this.#queueBytesMax - this.#controller.desiredSize!;
  }

  /**
   * Has bytes sent, which may be shared with other clients. Returns false where there is no room,
   * since too much waits already.
   */
  push(bytes: Uint8Array<ArrayBuffer>): boolean {
    const { queuedBytes } = this;
    if (queuedBytes > 0 && queuedBytes + bytes.length > this.#queueBytesMax) return false;
    this.#controller.enqueue(bytes);
    return true;
  }

  /** Ends the stream behind all that waits. */
  end(): void {
    this.#controller.close();
  }

  /** Cuts the connection; what waits is not sent. */
  drop(why: string): void {
    this.#controller.error(new Error(why));
  }
}
