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
  /** How large the buffer is that is read into; default {@linkcode OWN_BUFFER}. */
  readonly buffer?: BufferBounds;
  /** Told what the reading does; default: nobody asks. */
  readonly activity?: ReadActivity;
  /**
   * Whether the next read goes on while one is decoded, into a second buffer: files are read on
   * another thread. A socket is not, and two buffers would only take more of the caches. Default:
   * no.
   */
  readonly readsAhead?: boolean;
}

/** How large a buffer to read into may be: it begins small, and is as large as its reads need. */
export interface BufferBounds {
  readonly bytesMin: number;
  readonly bytesMax: number;
  /**
   * Whether it becomes smaller again where little comes. Making buffers anew makes garbage, so that
   * is for those of which many wait for most of the time. Default: no.
   */
  readonly shrinks?: boolean;
  /** What everything beyond `bytesMin` is taken from, where many readers share it. */
  readonly shared?: SharedMemory;
}

/**
 * Memory for several readers; what it refuses, nobody gets. Nobody takes more at once than a
 * sixteenth of what is left: a few may have much, and there is still some for those who come later.
 */
export class SharedMemory {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** Takes memory, if there is enough left. */
  take(bytes: number): boolean {
    if (16 * bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#freeBytes += bytes;
  }
}

/** What a reader does at this moment, for somebody who looks at it from outside. */
export interface ReadActivity {
  /** Whether it waits for bytes that have not come; else what has come is still dealt with. */
  isWaiting: boolean;
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
  const { buffer: bounds = OWN_BUFFER, activity = { isWaiting: false } } = options;
  const { bytesMin, shared } = bounds;
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
  let sharedBytes = 0;
  /** How many reads in a row have used less than a quarter of the buffer, and the most of them. */
  let smallReads = 0;
  let smallBytesMax = 0;
  /** The same buffer, or another one where it was too small or is much too large. */
  const bufferAfter = (value: Uint8Array<ArrayBuffer>) => {
    const { byteLength } = value.buffer;
    const isSmall = 4 * value.length < byteLength;
    smallReads = isSmall ? smallReads + 1 : 0;
    smallBytesMax = isSmall ? Math.max(smallBytesMax, value.length) : 0;
    if (isSmall && smallReads < SMALL_READS) return new Uint8Array(value.buffer);
    const bytes = nextBufferBytes(isSmall ? smallBytesMax : value.length, byteLength, bounds);
    smallReads = 0;
    smallBytesMax = 0;
    const moreBytes = bytes - byteLength;
    if (moreBytes === 0 || (moreBytes > 0 && shared?.take(moreBytes) === false)) {
      return new Uint8Array(value.buffer);
    }
    if (moreBytes < 0) shared?.give(-moreBytes);
    sharedBytes += moreBytes;
    // The memory of the old one is free at once, and not only when garbage is collected.
    return new Uint8Array(value.buffer.transfer(bytes));
  };
  let reading = read(new Uint8Array(bytesMin));
  let spare = new Uint8Array(readsAhead ? bytesMin : 0);
  let turnedAtMs = clock.monotonicMs();
  try {
    for (;;) {
      const askedAtMs = clock.monotonicMs();
      activity.isWaiting = true;
      const { done, value } = await reading;
      activity.isWaiting = false;
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
      const buffer = bufferAfter(value);
      if (clock.monotonicMs() - turnedAtMs >= turnIntervalMs()) {
        await clock.turn();
        turnedAtMs = clock.monotonicMs();
      }
      if (readsAhead) spare = buffer;
      else reading = read(buffer);
    }
  } finally {
    activity.isWaiting = false;
    signal.removeEventListener("abort", cancel);
    cancel();
    shared?.give(sharedBytes);
  }
}

/**
 * The size of the next buffer: twice as large where a read has filled the last one; where it brought
 * less than a quarter, and that is wanted, twice what it brought, rounded up to a power of two.
 */
export function nextBufferBytes(
  readBytes: number,
  bufferBytes: number,
  { bytesMin, bytesMax, shrinks = false }: BufferBounds,
): number {
  if (readBytes === bufferBytes) return Math.min(2 * bufferBytes, bytesMax);
  if (!shrinks || 4 * readBytes >= bufferBytes) return bufferBytes;
  return Math.max(bytesMin, 2 ** Math.ceil(Math.log2(2 * readBytes)));
}

/** A stream that broke: the message says how. What a decoder throws is none. */
export class ReadException extends Error {
  override readonly name = "ReadException";
}

/** Says that a stream broke, by something that was thrown. */
export function throwReadException(cause: unknown): never {
  throw new ReadException(messageOf(cause), { cause });
}

/**
 * A buffer is made smaller after so many small reads: reads of a fast connection vary, and buffers
 * made anew with each of them would be garbage of many megabytes.
 */
const SMALL_READS = 16;

/** Longer than batches before are dealt with while a read is awaited that is ready at once. */
const WAIT_MS = 50;

/**
 * The buffer of an input that is one of a few. Larger reads pay up to 2 MiB: one read, and one
 * batch, costs about as much whatever it brings.
 */
export const OWN_BUFFER: BufferBounds = { bytesMin: 64 * 1024, bytesMax: 2 * 1024 * 1024 };
