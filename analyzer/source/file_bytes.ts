/**
 * The bytes of an open file from a place on, as a byte stream that is read into the reader's own
 * buffer. It ends where a read gives nothing, and leaves the file open.
 */
export class FileBytes {
  readonly readable: ReadableStream<Uint8Array>;
  #endBytes: number;
  #reading: Promise<number> = Promise.resolve(0);

  /** @param read fills a buffer from a place on, and says with how many bytes */
  constructor(
    read: (buffer: Uint8Array, atBytes: number) => Promise<number>,
    fromBytes: number,
  ) {
    this.#endBytes = fromBytes;
    this.readable = new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        // Never null: nothing is read before somebody has brought a buffer.
        const request = controller.byobRequest!;
        this.#reading = read(request.view as Uint8Array, this.#endBytes);
        const bytes = await this.#reading;
        if (bytes === 0) controller.close();
        this.#endBytes += bytes;
        request.respond(bytes);
      },
    }) as ReadableStream<Uint8Array>;
  }

  /** How far the file was read. */
  get endBytes(): number {
    return this.#endBytes;
  }

  /** Resolves once no read is on its way, however the last one ended; a cancelled stream may have one. */
  async settled(): Promise<void> {
    await this.#reading.catch(() => {});
  }
}
