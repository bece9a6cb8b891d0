import { STATUS_MAX } from "../../log_format/log_record.ts";
import { LIMITS } from "../limits.ts";
import { padBytes, PADDING_BYTES } from "../padded_bytes.ts";
import type { ParsedRecord } from "./parse_line.ts";
import type { RecordBatchBuilder } from "./record_batch_builder.ts";
import type { RowSink, ScanState } from "./scan/compile_layout.ts";
import { unescapeJson } from "./unescape_json.ts";

/** What decides where a row belongs. */
export interface RowOptions {
  /** Rows with this status or a higher one are errors. */
  readonly minStatus: number;
  /** Longest line in bytes, newline not counted; a longer one is counted and skipped. */
  readonly lineBytesMax: number;
  readonly windowLengthMs: number;
  /** Whether the lines of error rows are kept, for the error files. */
  readonly saves: boolean;
  /** Allowed lateness; with the window length it tells where a row may close a window. */
  readonly latenessMs: number;
}

/**
 * Puts rows into the batch, whichever way they were read: decides which window a row belongs to,
 * whether it is in the future, and whether the batch has to end with it.
 *
 * A batch ends at the first row that lifts its input's watermark to the end of some window. The
 * watermark of the whole stream can pass that end with this row and with no other row of this
 * input, so cutting batches here is enough, whatever other inputs do.
 */
export class RowCollector implements RowSink {
  /** What scanners work on; {@linkcode settle} has to follow each of them. */
  readonly state: ScanState;
  readonly #builder: RecordBatchBuilder;
  readonly #windowLengthMs: number;
  readonly #latenessMs: number;
  readonly #saves: boolean;
  /** Room for a URL without its escapes, padded. */
  #unescaped = new DataView(new ArrayBuffer(512));
  #futureLimitMs = Infinity;
  /** The window end that the input's own watermark reached last, in window lengths. */
  #watermarkWindow = -Infinity;

  constructor(builder: RecordBatchBuilder, options: RowOptions) {
    this.#builder = builder;
    this.#windowLengthMs = options.windowLengthMs;
    this.#latenessMs = options.latenessMs;
    this.#saves = options.saves;
    this.state = {
      windowStartMs: NaN,
      windowEndMs: NaN,
      windowIndex: 0,
      rowCount: 0,
      eventTimeMaxMs: -Infinity,
      thresholdMs: -Infinity,
      lineCount: 0,
      isStopped: false,
      minStatus: options.minStatus,
      lineBytesMax: options.lineBytesMax,
    };
  }

  /** True where no further row may go into this batch. */
  get isStopped(): boolean {
    return this.state.isStopped;
  }

  /** Rows with a later event time are in the future; ms since the epoch, may be `Infinity`. */
  set futureLimitMs(timeMs: number) {
    this.#futureLimitMs = timeMs;
    this.#setThreshold();
  }

  /** Adds a record that was parsed; its line is counted already. */
  addRecord(record: ParsedRecord): void {
    const { status, eventTimeMs } = record;
    const windowIndex = this.place(eventTimeMs, this.state);
    if (status < this.state.minStatus) return;
    const ip = encoder.encode(record.ip);
    const url = boundedUrl(encoder.encode(record.url));
    this.#addErrorWithUrl(padBytes(ip), windowIndex, status, 0, ip.length, url);
    if (!this.#saves) return;
    const line = encoder.encode(record.toJson() + "\n");
    this.#builder.addLineOfError(padBytes(line), 0, line.length);
  }

  place(eventTimeMs: number, state: ScanState): number {
    this.#settleRows();
    if (eventTimeMs > this.#futureLimitMs) return this.#builder.addFutureRow();
    const windowIndex = this.#builder.addRow(eventTimeMs);
    state.windowStartMs = Math.floor(eventTimeMs / this.#windowLengthMs) * this.#windowLengthMs;
    state.windowEndMs = state.windowStartMs + this.#windowLengthMs;
    state.windowIndex = windowIndex;
    const watermarkWindow = Math.floor((eventTimeMs - this.#latenessMs) / this.#windowLengthMs);
    if (watermarkWindow > this.#watermarkWindow) {
      this.#watermarkWindow = watermarkWindow;
      this.#setThreshold();
      state.isStopped = true;
    }
    state.isStopped ||= this.#builder.isFull;
    return windowIndex;
  }

  addError(
    bytes: DataView,
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void {
    if (urlEnd - urlStart <= LIMITS.urlBytesMax) {
      this.#builder.addError(windowIndex, status, bytes, ipStart, ipEnd, bytes, urlStart, urlEnd);
    } else {
      const url = boundedUrl(pieceOf(bytes, urlStart, urlEnd));
      this.#addErrorWithUrl(bytes, windowIndex, status, ipStart, ipEnd, url);
    }
  }

  addEscapedError(
    bytes: DataView,
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void {
    const needed = urlEnd - urlStart + PADDING_BYTES;
    if (needed > this.#unescaped.byteLength) {
      this.#unescaped = new DataView(new ArrayBuffer(needed));
    }
    const unescaped = this.#unescaped;
    const end = unescapeJson(bytes, urlStart, urlEnd, new Uint8Array(unescaped.buffer));
    if (end <= LIMITS.urlBytesMax) {
      this.#builder.addError(windowIndex, status, bytes, ipStart, ipEnd, unescaped, 0, end);
    } else {
      const url = boundedUrl(pieceOf(unescaped, 0, end));
      this.#addErrorWithUrl(bytes, windowIndex, status, ipStart, ipEnd, url);
    }
  }

  addJsonLine(bytes: DataView, start: number, end: number): void {
    if (!this.#saves) return;
    this.#builder.addLineOfError(bytes, start, end);
    this.#addText(NEWLINE);
  }

  addCsvLine(
    bytes: DataView,
    status: number,
    timestampStart: number,
    timestampEnd: number,
    ipStart: number,
    ipEnd: number,
    methodStart: number,
    methodEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void {
    if (!this.#saves) return;
    // What JSON.stringify() makes of the five fields, byte for byte.
    const builder = this.#builder;
    this.#addText(BEFORE_TIMESTAMP);
    builder.addLineOfError(bytes, timestampStart, timestampEnd);
    this.#addText(BEFORE_IP);
    builder.addLineOfError(bytes, ipStart, ipEnd);
    this.#addText(BEFORE_METHOD);
    builder.addLineOfError(bytes, methodStart, methodEnd);
    this.#addText(BEFORE_URL);
    builder.addLineOfError(bytes, urlStart, urlEnd);
    this.#addText(LINE_ENDS[status]!);
  }

  /**
   * Puts what a scanner has counted into the batch.
   *
   * @param bytes size of the lines that it has read
   */
  settle(bytes: number): void {
    this.#settleRows();
    this.#builder.addLines(this.state.lineCount, bytes);
    this.state.lineCount = 0;
  }

  /** Says that the batch was built: the next row begins another one. */
  startBatch(): void {
    this.state.windowStartMs = NaN;
    this.state.windowEndMs = NaN;
    this.state.isStopped = false;
  }

  #addErrorWithUrl(
    bytes: DataView,
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    url: Uint8Array,
  ): void {
    const view = padBytes(url);
    this.#builder.addError(windowIndex, status, bytes, ipStart, ipEnd, view, 0, url.length);
  }

  #addText({ view, bytes }: Text): void {
    this.#builder.addLineOfError(view, 0, bytes);
  }

  #settleRows(): void {
    const { state } = this;
    if (state.rowCount > 0) {
      this.#builder.addRows(state.windowIndex, state.rowCount, state.eventTimeMaxMs);
    }
    state.rowCount = 0;
    state.eventTimeMaxMs = -Infinity;
  }

  #setThreshold(): void {
    const nextWatermarkMs = (this.#watermarkWindow + 1) * this.#windowLengthMs + this.#latenessMs;
    this.state.thresholdMs = Math.min(nextWatermarkMs, this.#futureLimitMs + 1);
  }
}

/**
 * A URL as it is counted: one of more than `LIMITS.urlBytesMax` bytes is cut and ends with `…`, so
 * that strangers cannot fill the tables of URLs with megabytes. Its line is kept whole.
 */
function boundedUrl(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= LIMITS.urlBytesMax) return bytes;
  let end = LIMITS.urlBytesMax - ELLIPSIS.length;
  // Never between the bytes of one character.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  const cut = new Uint8Array(end + ELLIPSIS.length);
  cut.set(bytes.subarray(0, end));
  cut.set(ELLIPSIS, end);
  return cut;
}

function pieceOf(bytes: DataView, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Text that stands in many lines, padded. */
interface Text {
  readonly view: DataView;
  readonly bytes: number;
}

function textOf(text: string): Text {
  const encoded = encoder.encode(text);
  return { view: padBytes(encoded), bytes: encoded.length };
}

const encoder = new TextEncoder();
const ELLIPSIS = encoder.encode("…");
const NEWLINE = textOf("\n");
const BEFORE_TIMESTAMP = textOf('{"timestamp":"');
const BEFORE_IP = textOf('","ip":"');
const BEFORE_METHOD = textOf('","method":"');
const BEFORE_URL = textOf('","url":"');
/** By status. */
const LINE_ENDS = Array.from(
  { length: STATUS_MAX + 1 },
  (_, status) => textOf(`","status":${status}}\n`),
);
