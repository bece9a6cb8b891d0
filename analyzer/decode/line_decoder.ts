import { type LineFormat, parseLine } from "./parse_line.ts";
import type { CsvLayout, InputPosition, RecordBatch } from "./record_batch.ts";
import { RecordBatchBuilder } from "./record_batch_builder.ts";
import { RowCollector, type RowOptions } from "./row_collector.ts";
import { LayoutScanner } from "./scan/layout_scanner.ts";
import { memoryBytes, Place, TEXT_BYTES_MAX } from "./scan/scan_memory.ts";

/** What the decoder has to know of the run. */
export interface DecoderOptions extends RowOptions {
  readonly format: LineFormat;
}

/** The two times that a chunk is read under. */
export interface ChunkTimes {
  /** Monotonic time of the read, in ms. */
  readonly receivedAtMs: number;
  /** Rows with a later event time are in the future; ms since the epoch, may be `Infinity`. */
  readonly futureLimitMs: number;
}

/** What reads lines without parsing them; one that reads none leaves all of them to the parser. */
export type LineReader = Pick<LayoutScanner, "scan" | "learn" | "forgetCsv">;

/**
 * Turns the bytes of one input into batches of rows. Synchronous; a chunk may be reused by its
 * owner as soon as {@linkcode push} returns.
 *
 * The result does not depend on how the bytes were cut into chunks: the unfinished line at the end
 * of a chunk is carried over (`lineBytes` of it at most), and a batch ends at every row
 * that can move the watermark past the end of a window.
 */
export class LineDecoder {
  readonly #options: DecoderOptions;
  readonly #inputId: string;
  readonly #builder: RecordBatchBuilder;
  readonly #rows: RowCollector;
  readonly #scanner: LineReader;

  /** Beginning of a line whose newline has not come yet. */
  #carry = new Uint8Array(CARRY_BYTES_MIN);
  #carryBytes = 0;
  /** Bytes of the unfinished line that were not kept because it is too long already. */
  #skippedBytes = 0;
  /** When the first byte of the unfinished line came, if there is one; monotonic, in ms. */
  #carriedAtMs = 0;

  #offsetBytes: number;
  #csvLayout: CsvLayout | undefined;

  /**
   * @param position where to go on, if the input was read before
   * @param scanner reads lines that need not be parsed
   */
  constructor(
    inputId: string,
    options: DecoderOptions,
    position?: InputPosition,
    scanner: LineReader = new LayoutScanner(),
  ) {
    this.#inputId = inputId;
    this.#options = options;
    this.#builder = new RecordBatchBuilder(options);
    this.#rows = new RowCollector(this.#builder, options);
    this.#scanner = scanner;
    this.#offsetBytes = position?.offsetBytes ?? 0;
    this.#csvLayout = position?.csvLayout;
  }

  /** Since when a line is unfinished, in monotonic ms; `undefined` where none is. */
  get unfinishedSinceMs(): number | undefined {
    return this.#carryBytes + this.#skippedBytes > 0 ? this.#carriedAtMs : undefined;
  }

  /** Decodes the next bytes. Calls `emit` before it returns, once for each batch. */
  push(chunk: Uint8Array, times: ChunkTimes, emit: (batch: RecordBatch) => void): void {
    this.#rows.futureLimitMs = times.futureLimitMs;
    let start = 0;
    if (this.#carryBytes + this.#skippedBytes > 0) {
      const newline = chunk.indexOf(NEWLINE);
      if (newline < 0) return this.#keep(chunk);
      this.#keep(chunk.subarray(0, newline));
      this.#finishCarriedLine(1, times, emit);
      start = newline + 1;
    }
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    while (start < end) {
      start = this.#pushLines(chunk, start, end, times, emit);
    }
    this.#flush(times, emit);
    this.#carriedAtMs = times.receivedAtMs;
    this.#keep(chunk.subarray(start));
  }

  /**
   * Takes the end of the input. What stands after the last newline is an ordinary line, or, where
   * the connection was lost (`isCut`), a part of one: that is counted and never parsed, since a
   * CSV line that was cut can look valid.
   */
  end(times: ChunkTimes, options: { readonly isCut: boolean }, emit: (batch: RecordBatch) => void) {
    this.#rows.futureLimitMs = times.futureLimitMs;
    if (this.#carryBytes + this.#skippedBytes === 0) return;
    if (options.isCut && this.#skippedBytes === 0) {
      this.#builder.addLine(this.#carryBytes);
      this.#builder.addPartial();
      this.#builder.addSample("partial", this.#carry.subarray(0, this.#carryBytes));
      this.#offsetBytes += this.#carryBytes;
      this.#carryBytes = 0;
    } else {
      this.#finishCarriedLine(0, times, emit);
    }
    this.#flush(times, emit);
  }

  /** A batch of no lines, which tells where the input stands. */
  mark(receivedAtMs: number): RecordBatch {
    return this.#build(receivedAtMs);
  }

  /** Takes as many lines as a scanner can; returns where the rest begins. */
  #pushLines(
    chunk: Uint8Array,
    start: number,
    chunkEnd: number,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): number {
    const end = chunkEnd - start <= TEXT_BYTES_MAX
      ? chunkEnd
      : chunk.lastIndexOf(NEWLINE, start + TEXT_BYTES_MAX - 1) + 1;
    // A line that does not even fit alone is for the parser.
    if (end <= start) return this.#addNextLine(chunk, start, times, emit);
    memoryBytes.set(chunk.subarray(start, end), Place.text);
    const toMemory = Place.text - start;
    while (start < end) {
      start = this.#scan(start + toMemory, end + toMemory) - toMemory;
      if (this.#rows.isStopped) this.#flush(times, emit);
      else if (start < end) start = this.#addNextLine(chunk, start, times, emit);
    }
    return start;
  }

  /** Parses the line that begins at `start`; returns where the next one does. */
  #addNextLine(
    chunk: Uint8Array,
    start: number,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): number {
    const newline = chunk.indexOf(NEWLINE, start);
    this.#addLine(chunk.subarray(start, newline), 1, times, emit);
    return newline + 1;
  }

  /**
   * Reads lines in the memory of the scanners by the layouts known so far; returns where the first
   * one begins that has none.
   */
  #scan(start: number, end: number): number {
    const next = this.#scanner.scan(start, end, this.#rows);
    this.#offsetBytes += next - start;
    return next;
  }

  #keep(bytes: Uint8Array): void {
    const lineBytesMax = this.#options.limits.lineBytes;
    const room = lineBytesMax - this.#carryBytes;
    const kept = bytes.length <= room ? bytes : bytes.subarray(0, room);
    const carryBytes = this.#carryBytes + kept.length;
    if (carryBytes > this.#carry.length) {
      const larger = new Uint8Array(Math.min(lineBytesMax, 2 * carryBytes));
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
    const lineBytes = this.#carryBytes;
    const skippedBytes = this.#skippedBytes;
    this.#carryBytes = 0;
    this.#skippedBytes = 0;
    if (skippedBytes > 0) {
      const line = this.#carry.subarray(0, lineBytes);
      this.#addOversized(line, lineBytes + skippedBytes + newlineBytes);
    } else if (newlineBytes === 0 || !this.#scanCarriedLine(lineBytes)) {
      this.#addLine(this.#carry.subarray(0, lineBytes), newlineBytes, times, emit);
    }
    // An input that had a long line once need not hold the room for it for ever.
    if (this.#carry.length > CARRY_BYTES_KEPT) this.#carry = new Uint8Array(CARRY_BYTES_MIN);
    if (this.#rows.isStopped) this.#flush(times, emit);
  }

  /** One line of each chunk is cut: parsing those would cost as much as scanning a hundred. */
  #scanCarriedLine(lineBytes: number): boolean {
    if (lineBytes >= TEXT_BYTES_MAX) return false;
    memoryBytes.set(this.#carry.subarray(0, lineBytes), Place.text);
    memoryBytes[Place.text + lineBytes] = NEWLINE;
    return this.#scan(Place.text, Place.text + lineBytes + 1) > Place.text;
  }

  /** Takes one line without its newline. */
  #addLine(
    line: Uint8Array,
    newlineBytes: number,
    times: ChunkTimes,
    emit: (batch: RecordBatch) => void,
  ): void {
    const bytes = line.length + newlineBytes;
    if (line.length > this.#options.limits.lineBytes) return this.#addOversized(line, bytes);
    this.#builder.addLine(bytes);
    this.#offsetBytes += bytes;
    const parsed = parseLine(line, this.#options.format, this.#csvLayout);
    if (parsed.kind === "record") {
      this.#rows.addRecord(parsed.record, line);
      this.#scanner.learn(() => lineText(line), this.#csvLayout);
      if (this.#rows.isStopped) this.#flush(times, emit);
    } else if (parsed.kind === "malformed") {
      this.#builder.addMalformed(parsed.reason);
      if (parsed.reason === "bad_status") this.#options.limitCounter.reach("statuses");
      this.#builder.addSample(parsed.reason, line);
    } else if (parsed.kind === "header") {
      this.#builder.addHeader();
      this.#csvLayout = parsed.layout;
      this.#scanner.forgetCsv();
    } else {
      this.#builder.addEmpty();
    }
  }

  #addOversized(line: Uint8Array, bytes: number): void {
    this.#builder.addLine(bytes);
    this.#builder.addOversized();
    this.#options.limitCounter.reach("lineBytes");
    this.#offsetBytes += bytes;
    // As much as a line that came in pieces would have left.
    this.#builder.addSample("oversized", line.subarray(0, this.#options.limits.lineBytes));
  }

  #flush(times: ChunkTimes, emit: (batch: RecordBatch) => void): void {
    if (this.#builder.isEmpty) return;
    emit(this.#build(times.receivedAtMs));
    this.#rows.startBatch();
  }

  #build(receivedAtMs: number): RecordBatch {
    return this.#builder.build({
      inputId: this.#inputId,
      receivedAtMs,
      position: { offsetBytes: this.#offsetBytes, csvLayout: this.#csvLayout },
    });
  }
}

function lineText(line: Uint8Array): string {
  const text = lossyUtf8.decode(line);
  return text.endsWith("\r") ? text.slice(0, -1) : text;
}

const CARRY_BYTES_MIN = 512;
const CARRY_BYTES_KEPT = 4 * 1024;

const NEWLINE = 0x0a;
const lossyUtf8 = new TextDecoder();
