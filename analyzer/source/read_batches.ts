import type { Clock } from "../clock.ts";
import { messageOf } from "../exceptions.ts";
import type { LineDecoder } from "../decode/line_decoder.ts";
import type { RecordBatch } from "../decode/record_batch.ts";

/** What reading needs besides the bytes. */
export interface ReadOptions {
  readonly clock: Clock;
  /** Ends the reading: what was read until then is still decoded. */
  readonly signal: AbortSignal;
  /** Rows after this time are in the future; asked before each chunk, ms since the epoch. */
  readonly futureLimitMs: () => number;
  /** How long reading may go on without giving the event loop a real turn, in ms, for now. */
  readonly turnIntervalMs: () => number;
  /** Largest buffer to read into; default {@linkcode READ_BYTES_MAX}. */
  readonly readBytesMax?: number;
  /**
   * Whether the next read goes on while one is decoded, into a second buffer: files are read on
   * another thread. A socket is not, and two buffers would only take more of the caches. Default:
   * no.
   */
  readonly readsAhead?: boolean;
}

/**
 * Reads a byte stream to its end, or until the signal is aborted, and decodes it on the way: the
 * one buffer that everything is read into never leaves this stage. It takes what is ready and
 * never waits to fill the buffer: quiet traffic gives small batches at once, heavy traffic large
 * ones.
 *
 * @throws {ReadException} where the stream breaks, by a connection reset for example
 */
export async function* readBatches(
  bytes: ReadableStream<Uint8Array>,
  decoder: LineDecoder,
  options: ReadOptions,
): AsyncGenerator<RecordBatch, void, void> {
  const { clock, signal, turnIntervalMs, readsAhead = false } = options;
  const { readBytesMax = READ_BYTES_MAX } = options;
  const reader = bytes.getReader({ mode: "byob" });
  // A cancelled stream resolves the read that is waiting. What cancelling itself may throw is of
  // no more use to anyone: the stream is given up.
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  const batches: RecordBatch[] = [];
  const read = (buffer: Uint8Array<ArrayBuffer>) => {
    const reading = reader.read(buffer).catch(throwReadException);
    // Whoever awaits it is told; nobody does where the reader of this generator has gone away.
    reading.catch(() => {});
    return reading;
  };
  let reading = read(new Uint8Array(READ_BYTES_MIN));
  let spare = new Uint8Array(readsAhead ? READ_BYTES_MIN : 0);
  let turnedAtMs = clock.monotonicMs();
  try {
    for (;;) {
      const askedAtMs = clock.monotonicMs();
      const { done, value } = await reading;
      if (done) return;
      if (readsAhead) {
        reading = read(spare);
        // The stream begins with it in a moment, and not before what called us is done.
        await null;
      }
      const receivedAtMs = clock.monotonicMs();
      // What took so long has waited for the system, and that was a turn.
      if (receivedAtMs - askedAtMs >= WAIT_MS) turnedAtMs = receivedAtMs;
      const times = { receivedAtMs, futureLimitMs: options.futureLimitMs() };
      decoder.push(value, times, (batch) => batches.push(batch));
      yield* batches;
      batches.length = 0;
      const { byteLength } = value.buffer;
      const buffer = value.length === byteLength && byteLength < readBytesMax
        ? new Uint8Array(2 * byteLength)
        : new Uint8Array(value.buffer);
      if (clock.monotonicMs() - turnedAtMs >= turnIntervalMs()) {
        await clock.turn();
        turnedAtMs = clock.monotonicMs();
      }
      if (readsAhead) spare = buffer;
      else reading = read(buffer);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

/** A stream that broke: the message says how. What a decoder throws is none. */
export class ReadException extends Error {
  override readonly name = "ReadException";
}

/** Says that a stream broke, by something that was thrown. */
export function throwReadException(cause: unknown): never {
  throw new ReadException(messageOf(cause), { cause });
}

/** Longer than batches before are dealt with while a read is awaited that is ready at once. */
const WAIT_MS = 50;

/** The buffer at first; it is doubled when a read has filled it. */
export const READ_BYTES_MIN = 64 * 1024;

/** Larger reads pay up to here: one read, and one batch, costs about as much whatever it brings. */
export const READ_BYTES_MAX = 2 * 1024 * 1024;
