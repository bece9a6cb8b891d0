import { STATUS_MAX } from "../../log_format/log_record.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import { padBytes, PADDING_BYTES } from "../padded_bytes.ts";
import { type IpMask, MASKED_IP_BYTES } from "./ip_mask.ts";
import type { ParsedRecord } from "./parse_line.ts";
import type { RecordBatchBuilder } from "./record_batch_builder.ts";
import { Byte } from "./scan/byte.ts";
import { packedErrors, packErrors } from "./scan/error_packer.ts";
import type { Layout } from "./scan/layout.ts";
import type { RowSink } from "./scan/line_scanner.ts";
import {
  ERROR_BYTES,
  ErrorField,
  Exit,
  memoryBytes,
  memoryView,
  memoryWords,
  Place,
} from "./scan/scan_memory.ts";
import { unescapeJson } from "./unescape_json.ts";

/** What decides where a row belongs. */
export interface RowOptions {
  /** Rows with this status or a higher one are errors. */
  readonly minStatus: number;
  /** Longest line in bytes, newline not counted, and longest URL that is counted whole. */
  readonly limits: Pick<Limits, "lineBytes" | "urlBytes">;
  readonly limitCounter: LimitCounter;
  readonly windowLengthMs: number;
  /** Whether the lines of error rows are kept, for the error files. */
  readonly saves: boolean;
  /** Takes the place of addresses in all that is kept; `undefined` where they may be kept. */
  readonly ipMask?: IpMask | undefined;
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
  readonly #builder: RecordBatchBuilder;
  readonly #options: RowOptions;
  /** Room for a URL without its escapes, padded. */
  #unescaped = new Uint8Array(512);
  #unescapedView = new DataView(this.#unescaped.buffer);
  #futureLimitMs = Infinity;
  /** The window end that the input's own watermark reached last, in window lengths. */
  #watermarkWindow = -Infinity;
  /** Rows from here on are in the future, or move the watermark. */
  #thresholdMs = -Infinity;
  /** The window of the row before, `NaN` where the batch has none yet. */
  #windowStartMs = NaN;
  /** Its index in the batch. */
  #windowIndex = 0;
  #isStopped = false;

  constructor(builder: RecordBatchBuilder, options: RowOptions) {
    this.#builder = builder;
    this.#options = options;
  }

  /** True where no further row may go into this batch. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Rows with a later event time are in the future; ms since the epoch, may be `Infinity`. */
  set futureLimitMs(timeMs: number) {
    this.#futureLimitMs = timeMs;
    this.#setThreshold();
  }

  /** Adds a record that was parsed from `line`; that is counted already. */
  addRecord(record: ParsedRecord, line: Uint8Array): void {
    const { status, eventTimeMs } = record;
    const windowIndex = this.place(eventTimeMs);
    this.#builder.addRowSample(windowIndex, line, 0, line.length);
    if (status < this.#options.minStatus) return;
    const ip = encoder.encode(record.ip);
    const url = this.#boundedUrl(encoder.encode(record.url));
    this.#addErrorWithUrl(padBytes(ip), windowIndex, status, 0, ip.length, url);
    if (!this.#options.saves) return;
    const { ipMask } = this.#options;
    const json = ipMask === undefined ? record.toJson() : record.toJson(textOfMask(ipMask));
    const saved = encoder.encode(json + "\n");
    this.#builder.addLineOfError(padBytes(saved), 0, saved.length);
  }

  /** Counts a row in its window, wherever that is. Returns the window's index in the batch. */
  place(eventTimeMs: number): number {
    if (eventTimeMs > this.#futureLimitMs) return this.#builder.addFutureRow();
    const { windowLengthMs, latenessMs } = this.#options;
    this.#windowIndex = this.#builder.addRow(eventTimeMs);
    this.#windowStartMs = Math.floor(eventTimeMs / windowLengthMs) * windowLengthMs;
    const watermarkWindow = Math.floor((eventTimeMs - latenessMs) / windowLengthMs);
    if (watermarkWindow > this.#watermarkWindow) {
      this.#watermarkWindow = watermarkWindow;
      this.#setThreshold();
      this.#isStopped = true;
    }
    this.#isStopped ||= this.#builder.isFull;
    return this.#windowIndex;
  }

  prepare(secondMs: number): void {
    const { windowLengthMs, minStatus, limits } = this.#options;
    const endMs = Math.min(this.#windowStartMs + windowLengthMs, this.#thresholdMs);
    // Of no second and no window, nothing is.
    const fromMs = Math.min(Math.max(0, this.#windowStartMs - secondMs), 1000) || 0;
    const toMs = Math.min(Math.max(fromMs, endMs - secondMs), 1000) || 0;
    memoryWords[Place.fromMs / 4] = fromMs;
    memoryWords[Place.spanMs / 4] = toMs - fromMs;
    memoryWords[Place.minStatus / 4] = minStatus;
    memoryWords[Place.lineBytesMax / 4] = limits.lineBytes;
  }

  take(format: Layout["format"], secondMs: number, bytes: number): void {
    if (bytes === 0) return;
    const rowCount = memoryWords[Place.rowCount / 4]!;
    const hasRowToPlace = memoryWords[Place.exit / 4] === Exit.place;
    this.#builder.addLines(rowCount + (hasRowToPlace ? 1 : 0), bytes);
    if (rowCount > 0) {
      const eventTimeMaxMs = secondMs + memoryWords[Place.fractionMaxMs / 4]!;
      this.#builder.addRows(this.#windowIndex, rowCount, eventTimeMaxMs);
    }
    const errorsEnd = Place.errors + ERROR_BYTES * memoryWords[Place.errorCount / 4]!;
    this.#addScannedErrors(format, errorsEnd);
    if (hasRowToPlace) {
      const windowIndex = this.place(secondMs + memoryWords[Place.fractionMs / 4]!);
      const at = errorsEnd / 4;
      const lineStart = memoryWords[at + ErrorField.lineStart]!;
      const lineEnd = memoryWords[at + ErrorField.lineEnd]!;
      this.#builder.addRowSample(windowIndex, memoryBytes, lineStart, lineEnd);
      if (memoryWords[at + ErrorField.status]! >= this.#options.minStatus) {
        this.#addScannedError(format, at, windowIndex);
      }
    }
  }

  /** Says that the batch was built: the next row begins another one. */
  startBatch(): void {
    this.#windowStartMs = NaN;
    this.#isStopped = false;
  }

  /** Adds the error rows that stand in the memory up to `end`, all of the window at hand. */
  #addScannedErrors(format: Layout["format"], end: number): void {
    const { saves, ipMask, limits } = this.#options;
    const windowIndex = this.#windowIndex;
    let mayBePacked = ipMask === undefined && (!saves || format === "json");
    for (let place: number = Place.errors; place < end; place += ERROR_BYTES) {
      if (mayBePacked && end - place >= PACKED_ROWS_MIN * ERROR_BYTES) {
        const packedEnd = packErrors(place, end, { urlBytesMax: limits.urlBytes, hasLines: saves });
        const count = (packedEnd - place) / ERROR_BYTES;
        // Where none can be packed, few of those behind it can.
        mayBePacked = count > 0;
        if (mayBePacked) this.#builder.addErrors(windowIndex, packedErrors, count);
        if (packedEnd === end) return;
        place = packedEnd;
      }
      this.#addScannedError(format, place / 4, windowIndex);
    }
  }

  /** @param at where the error row stands among the words of the memory */
  #addScannedError(format: Layout["format"], at: number, windowIndex: number): void {
    const words = memoryWords;
    const status = words[at + ErrorField.status]!;
    const ipStart = words[at + ErrorField.ipStart]!;
    const ipEnd = words[at + ErrorField.ipEnd]!;
    const urlStart = words[at + ErrorField.urlStart]!;
    const urlEnd = words[at + ErrorField.urlEnd]!;
    if (words[at + ErrorField.hasEscapedUrl] === 1) {
      const url = this.#unescape(urlStart, urlEnd);
      this.#addError(windowIndex, status, ipStart, ipEnd, this.#unescapedView, 0, url);
    } else {
      this.#addError(windowIndex, status, ipStart, ipEnd, memoryView, urlStart, urlEnd);
    }
    const { saves, ipMask } = this.#options;
    if (!saves) return;
    if (format === "json" && ipMask === undefined) {
      return this.#addLine(words[at + ErrorField.lineStart]!, words[at + ErrorField.lineEnd]!);
    }
    // What JSON.stringify() makes of the five fields, byte for byte.
    this.#addText(BEFORE_TIMESTAMP);
    this.#addPiece(at + ErrorField.timestampStart);
    this.#addText(BEFORE_IP);
    if (ipMask === undefined) this.#addPiece(at + ErrorField.ipStart);
    else this.#addMaskedIp(ipMask);
    this.#addText(BEFORE_METHOD);
    // Of CSV, nothing with a backslash is read without being parsed.
    const mayHaveEscapes = format === "json";
    if (mayHaveEscapes && this.#hasBackslash(at + ErrorField.methodStart)) {
      this.#addEscaped(at + ErrorField.methodStart);
    } else {
      this.#addPiece(at + ErrorField.methodStart);
    }
    this.#addText(BEFORE_URL);
    if (words[at + ErrorField.hasEscapedUrl] === 1) this.#addEscaped(at + ErrorField.urlStart);
    else this.#addPiece(at + ErrorField.urlStart);
    this.#addText(LINE_ENDS[status]!);
  }

  /** Adds a line of the memory, as it is, to the error row. */
  #addLine(start: number, end: number): void {
    // Behind most lines stands the newline that they need; those that end with CR get another one.
    const hasNewline = memoryBytes[end] === Byte.newline;
    this.#builder.addLineOfError(memoryView, start, hasNewline ? end + 1 : end);
    if (!hasNewline) this.#addText(NEWLINE);
  }

  /** Adds a piece of the memory to the line of an error row; its start and end stand at `at`. */
  #addPiece(at: number): void {
    this.#builder.addLineOfError(memoryView, memoryWords[at]!, memoryWords[at + 1]!);
  }

  /** Adds the address that was masked last. */
  #addMaskedIp({ text, textStart }: IpMask): void {
    this.#builder.addLineOfError(text, textStart, textStart + MASKED_IP_BYTES);
  }

  #hasBackslash(at: number): boolean {
    const end = memoryWords[at + 1]!;
    for (let i = memoryWords[at]!; i < end; i++) if (memoryBytes[i] === Byte.backslash) return true;
    return false;
  }

  /** Adds a piece likewise, with the escapes of JSON.stringify(), whatever those of its line are. */
  #addEscaped(at: number): void {
    const piece = decoder.decode(memoryBytes.subarray(memoryWords[at]!, memoryWords[at + 1]!));
    const bytes = encoder.encode(JSON.stringify(JSON.parse(`"${piece}"`)).slice(1, -1));
    this.#builder.addLineOfError(padBytes(bytes), 0, bytes.length);
  }

  /** Writes what a piece of the memory stands for into the room for it; returns its size. */
  #unescape(start: number, end: number): number {
    const needed = end - start + PADDING_BYTES;
    if (needed > this.#unescaped.length) {
      this.#unescaped = new Uint8Array(needed);
      this.#unescapedView = new DataView(this.#unescaped.buffer);
    }
    return unescapeJson(memoryView, start, end, this.#unescaped);
  }

  /** The address is in the memory, the URL wherever it is said to be. */
  #addError(
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    url: DataView,
    urlStart: number,
    urlEnd: number,
  ): void {
    const ip = memoryView;
    if (urlEnd - urlStart <= this.#options.limits.urlBytes) {
      this.#builder.addError(windowIndex, status, ip, ipStart, ipEnd, url, urlStart, urlEnd);
    } else {
      const whole = new Uint8Array(url.buffer, url.byteOffset + urlStart, urlEnd - urlStart);
      this.#addErrorWithUrl(ip, windowIndex, status, ipStart, ipEnd, this.#boundedUrl(whole));
    }
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

  /**
   * A URL as it is counted: one of too many bytes is cut and ends with `…`, so that strangers cannot
   * fill the tables of URLs with megabytes. Its line is kept whole.
   */
  #boundedUrl(bytes: Uint8Array): Uint8Array {
    const { limits, limitCounter } = this.#options;
    if (bytes.length <= limits.urlBytes) return bytes;
    limitCounter.reach("urlBytes");
    let end = limits.urlBytes - ELLIPSIS.length;
    // Never between the bytes of one character.
    while ((bytes[end]! & 0xc0) === 0x80) end--;
    const cut = new Uint8Array(end + ELLIPSIS.length);
    cut.set(bytes.subarray(0, end));
    cut.set(ELLIPSIS, end);
    return cut;
  }

  #addText({ view, bytes }: Text): void {
    this.#builder.addLineOfError(view, 0, bytes);
  }

  #setThreshold(): void {
    const { windowLengthMs, latenessMs } = this.#options;
    const nextWatermarkMs = (this.#watermarkWindow + 1) * windowLengthMs + latenessMs;
    this.#thresholdMs = Math.min(nextWatermarkMs, this.#futureLimitMs + 1);
  }
}

/** Fewer rows cost more together than one by one: two layouts in turn bring one at a time. */
const PACKED_ROWS_MIN = 8;

function textOfMask({ text, textStart }: IpMask): string {
  return decoder.decode(new Uint8Array(text.buffer, textStart, MASKED_IP_BYTES));
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
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
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
