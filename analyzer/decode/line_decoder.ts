import { LIMITS } from "../limits.ts";
import { type LineFormat, type ParsedRecord, parseLine } from "./parse_line.ts";
import type { CsvLayout, InputPosition, RecordBatch, SampleKind } from "./record_batch.ts";
import { RecordBatchBuilder } from "./record_batch_builder.ts";

/** What the decoder has to know of the run. */
export interface DecoderOptions {
  readonly format: LineFormat;
  /** Rows with this status or a higher one are errors. */
  readonly minStatus: number;
  /** Longest line in bytes, newline not counted; a longer one is counted and skipped. */
  readonly lineBytesMax: number;
  readonly windowLengthMs: number;
  /** Allowed lateness; with the window length it tells where a row may close a window. */
  readonly latenessMs: number;
}

/** The two times that a chunk is read under. */
export interface ChunkTimes {
  /** Monotonic time of the read, in ms. */
  readonly receivedAtMs: number;
  /** Rows with a later event time are in the future; ms since the epoch, may be `Infinity`. */
  readonly futureLimitMs: number;
}

/**
 * Turns the bytes of one input into batches of rows. Synchronous; a chunk may be reused by its
 * owner as soon as {@linkcode push} returns.
 *
 * The result does not depend on how the bytes were cut into chunks: the unfinished line at the end
 * of a chunk is carried over (`lineBytesMax` bytes of it at most), and a batch ends at every row
 * that can move the watermark past the end of a window.
 */
export class LineDecoder {
  readonly #options: DecoderOptions;
  readonly #inputId: string;
  readonly #builder: RecordBatchBuilder;

  /** Beginning of a line whose newline has not come yet. */
  #carry = new Uint8Array(512);
  #carryBytes = 0;
  /** Bytes of the unfinished line that were not kept because it is too long already. */
  #skippedBytes = 0;

  #offsetBytes: number;
  #csvLayout: CsvLayout | undefined;
  #eventTimeMaxMs = -Infinity;
  /** The window end that the input's own watermark reached last, in window lengths. */
  #watermarkWindow = -Infinity;
  readonly #sampled = new Set<SampleKind>();

  /** @param position where to go on, if the input was read before */
  constructor(inputId: string, options: DecoderOptions, position?: InputPosition) {
    this.#inputId = inputId;
    this.#options = options;
    this.#builder = new RecordBatchBuilder(options);
    this.#offsetBytes = position?.offsetBytes ?? 0;
    this.#csvLayout = position?.csvLayout;
  }

  /** Decodes the next bytes. Calls `emit` before it returns, once for each batch. */
  push(chunk: Uint8Array, times: ChunkTimes, emit: (batch: RecordBatch) => void): void {
    let start = 0;
    if (this.#carryBytes + this.#skippedBytes > 0) {
      const newline = chunk.indexOf(NEWLINE);
      if (newline < 0) return this.#keep(chunk);
      this.#keep(chunk.subarray(0, newline));
      this.#finishCarriedLine(1, times, emit);
      start = newline + 1;
    }
    for (;;) {
      const newline = chunk.indexOf(NEWLINE, start);
      if (newline < 0) break;
      this.#addLine(chunk.subarray(start, newline), 1, times, emit);
      start = newline + 1;
    }
    this.#flush(times, emit);
    this.#keep(chunk.subarray(start));
  }

  /**
   * Takes the end of the input. What stands after the last newline is an ordinary line, or, where
   * the connection was lost (`isCut`), a part of one: that is counted and never parsed, since a
   * CSV line that was cut can look valid.
   */
  end(times: ChunkTimes, options: { readonly isCut: boolean }, emit: (batch: RecordBatch) => void) {
    if (this.#carryBytes + this.#skippedBytes === 0) return;
    if (options.isCut && this.#skippedBytes === 0) {
      this.#builder.addLine(this.#carryBytes);
      this.#builder.addPartial();
      this.#sample("partial", this.#carry.subarray(0, this.#carryBytes));
      this.#offsetBytes += this.#carryBytes;
      this.#carryBytes = 0;
    } else {
      this.#finishCarriedLine(0, times, emit);
    }
    this.#flush(times, emit);
  }

  #keep(bytes: Uint8Array): void {
    const room = this.#options.lineBytesMax - this.#carryBytes;
    const kept = bytes.length <= room ? bytes : bytes.subarray(0, room);
    const carryBytes = this.#carryBytes + kept.length;
    if (carryBytes > this.#carry.length) {
      const larger = new Uint8Array(
        Math.min(this.#options.lineBytesMax, Math.max(carryBytes, 2 * this.#carry.length)),
      );
      larger.set(this.#carry.subarray(0, this.#carryBytes));
      this.#carry = larger;
    }
    this.#carry.set(kept, this.#carryBytes);
    this.#carryBytes = carryBytes;
    this.#skippedBytes += bytes.length - kept.length;
  }

  #finishCarriedLine(
    newlineBytes: number,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): void {
    const line = this.#carry.subarray(0, this.#carryBytes);
    const skippedBytes = this.#skippedBytes;
    this.#carryBytes = 0;
    this.#skippedBytes = 0;
    if (skippedBytes > 0) this.#addOversized(line, line.length + skippedBytes + newlineBytes);
    else this.#addLine(line, newlineBytes, times, emit);
  }

  /** Takes one line without its newline. */
  #addLine(
    line: Uint8Array,
    newlineBytes: number,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): void {
    const bytes = line.length + newlineBytes;
    if (line.length > this.#options.lineBytesMax) return this.#addOversized(line, bytes);
    this.#builder.addLine(bytes);
    this.#offsetBytes += bytes;
    const parsed = parseLine(line, this.#options.format, this.#csvLayout);
    if (parsed.kind === "record") {
      this.#addRecord(parsed.record, times, emit);
    } else if (parsed.kind === "malformed") {
      this.#builder.addMalformed(parsed.reason);
      this.#sample(parsed.reason, line);
    } else if (parsed.kind === "header") {
      this.#builder.addHeader();
      this.#csvLayout = parsed.layout;
    } else {
      this.#builder.addEmpty();
    }
  }

  #addRecord(
    record: ParsedRecord,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): void {
    const { eventTimeMs, status } = record;
    const isFuture = eventTimeMs > times.futureLimitMs;
    const windowIndex = isFuture ? this.#builder.addFutureRow() : this.#builder.addRow(eventTimeMs);
    if (status >= this.#options.minStatus) {
      this.#builder.addError({
        windowIndex,
        status,
        ip: encoder.encode(record.ip),
        url: boundedUrl(record.url),
        line: encoder.encode(record.toJson() + "\n"),
      });
    }
    if (isFuture) return;
    if (this.#movesWatermarkPastWindow(eventTimeMs) || this.#builder.isFull) {
      this.#flush(times, emit);
    }
  }

  /**
   * True where this row is the first that lifts its input's watermark to the end of some window.
   * The watermark of the whole stream can pass that end with this row and with no other row of
   * this input, so cutting batches here is enough, whatever other inputs do.
   */
  #movesWatermarkPastWindow(eventTimeMs: number): boolean {
    if (eventTimeMs <= this.#eventTimeMaxMs) return false;
    this.#eventTimeMaxMs = eventTimeMs;
    const { latenessMs, windowLengthMs } = this.#options;
    const watermarkWindow = Math.floor((eventTimeMs - latenessMs) / windowLengthMs);
    if (watermarkWindow === this.#watermarkWindow) return false;
    this.#watermarkWindow = watermarkWindow;
    return true;
  }

  #addOversized(line: Uint8Array, bytes: number): void {
    this.#builder.addLine(bytes);
    this.#builder.addOversized();
    this.#offsetBytes += bytes;
    // As much as a line that came in pieces would have left.
    this.#sample("oversized", line.subarray(0, this.#options.lineBytesMax));
  }

  #sample(kind: SampleKind, line: Uint8Array): void {
    if (this.#sampled.has(kind)) return;
    this.#sampled.add(kind);
    this.#builder.addSample(kind, lossyUtf8.decode(line.subarray(0, SAMPLE_BYTES_MAX)));
  }

  #flush(times: ChunkTimes, emit: (batch: RecordBatch) => void): void {
    if (this.#builder.isEmpty) return;
    emit(this.#builder.build({
      inputId: this.#inputId,
      receivedAtMs: times.receivedAtMs,
      position: { offsetBytes: this.#offsetBytes, csvLayout: this.#csvLayout },
    }));
  }
}

/**
 * A URL as it is counted: one of more than `LIMITS.urlBytesMax` bytes is cut and ends with `…`, so
 * that strangers cannot fill the tables of URLs with megabytes. Its line is kept whole.
 */
function boundedUrl(url: string): Uint8Array {
  const bytes = encoder.encode(url);
  if (bytes.length <= LIMITS.urlBytesMax) return bytes;
  let end = LIMITS.urlBytesMax - ELLIPSIS.length;
  // Never between the bytes of one character.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  const cut = new Uint8Array(end + ELLIPSIS.length);
  cut.set(bytes.subarray(0, end));
  cut.set(ELLIPSIS, end);
  return cut;
}

/** Bytes of a line that are kept to show what it looked like. */
export const SAMPLE_BYTES_MAX = 200;

const NEWLINE = 0x0a;
const encoder = new TextEncoder();
const ELLIPSIS = encoder.encode("…");
const lossyUtf8 = new TextDecoder();
