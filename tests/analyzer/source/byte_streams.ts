import type { SourceContext } from "../../../analyzer/source/source.ts";
import type { Connection } from "../../../analyzer/source/tcp_source.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { testLimits } from "../../support/limits.ts";

/** A byte stream in memory that sends its chunks one a read, and what became of it. */
export class ByteStream implements Connection {
  readonly readable: ReadableStream<Uint8Array>;
  /** Size of the buffer of each read. */
  readonly readBytes: number[] = [];
  isCancelled = false;
  isClosed = false;

  /**
   * @param options.end what comes after the last chunk: nothing more, for ever, or an exception
   * @param options.onRead called before each read is answered
   */
  constructor(
    chunks: readonly (string | Uint8Array)[],
    options: { readonly end?: "close" | "open" | Error; readonly onRead?: () => void } = {},
  ) {
    const { end = "close", onRead } = options;
    const encoder = new TextEncoder();
    const rest = chunks.map((chunk) =>
      typeof chunk === "string" ? encoder.encode(chunk) : chunk.slice()
    );
    this.readable = new ReadableStream({
      type: "bytes",
      pull: (controller) => {
        const request = controller.byobRequest;
        if (request !== null) this.readBytes.push(request.view!.byteLength);
        onRead?.();
        const chunk = rest.shift();
        if (chunk !== undefined) {
          controller.enqueue(chunk);
        } else if (end === "close") {
          controller.close();
          request?.respond(0);
        } else if (end !== "open") {
          controller.error(end);
        }
      },
      cancel: () => {
        this.isCancelled = true;
      },
    }) as ReadableStream<Uint8Array>;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A connection that a test sends over, bit by bit, and that a close breaks. */
export class LiveStream implements Connection {
  readonly readable: ReadableStream<Uint8Array>;
  isClosed = false;
  #controller!: ReadableByteStreamController;
  #isAsked = Promise.withResolvers<void>();

  constructor() {
    this.readable = new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#isAsked.resolve(),
    }) as ReadableStream<Uint8Array>;
  }

  /** Sends text, and waits until whoever reads has dealt with it and asks for more. */
  async send(text: string): Promise<void> {
    await this.#isAsked.promise;
    this.#isAsked = Promise.withResolvers();
    this.#controller.enqueue(new TextEncoder().encode(text));
    await this.#isAsked.promise;
  }

  /** The other side closes it. */
  end(): void {
    this.#controller.close();
    this.#controller.byobRequest?.respond(0);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#controller.error(new Error("operation canceled"));
  }
}

/** What a source is given in a test: a clock that stands still, and a signal to stop it with. */
export function sourceContext(): {
  readonly clock: ManualClock;
  readonly controller: AbortController;
  readonly context: SourceContext;
} {
  const clock = new ManualClock();
  const controller = new AbortController();
  const context = {
    clock,
    signal: controller.signal,
    ...testLimits(),
    decoder: {
      format: "auto",
      minStatus: 400,
      ...testLimits({ lineBytes: 1000 }),
      saves: true,
      windowLengthMs: 30_000,
      latenessMs: 5000,
    },
    maxFutureMs: 300_000,
    turnIntervalMs: () => 20,
    saved: { name: "source", firstStartedAtMs: 0, file: undefined },
    position: undefined,
  } as const;
  return { clock, controller, context };
}
