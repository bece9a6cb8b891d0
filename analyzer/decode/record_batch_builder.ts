import { copyPadded, PADDING_BYTES } from "../padded_bytes.ts";
import { takeMemory } from "./column_memory.ts";
import { hashBytes } from "../sketch/hash.ts";
import type { IpMask } from "./ip_mask.ts";
import { type LineSample, SAMPLE_BYTES_MAX, type SampleKind, sampleText } from "./line_sample.ts";
import { MALFORMED_REASONS, type MalformedReason } from "./malformed_reason.ts";
import type { PackedErrors } from "./scan/error_packer.ts";
import {
  type ErrorColumns,
  FUTURE_WINDOW,
  type InputPosition,
  type RecordBatch,
} from "./record_batch.ts";

/**
 * Collects lines into the columns of a {@linkcode RecordBatch}. One builder serves an input for
 * its whole life. Every batch owns its columns until whoever reads it last gives their memory back:
 * they are taken with its first error, as large as those before, and grow where that was too small.
 * Between batches it holds none: there may be hundreds of inputs, most of them quiet.
 */
export class RecordBatchBuilder {
  readonly #windowLengthMs: number;
  readonly #ipMask: IpMask | undefined;

  #bytes = 0;
  #lines = 0;
  #valid = 0;
  #future = 0;
  #malformed = new Uint32Array(MALFORMED_REASONS.length);
  #oversized = 0;
  #empty = 0;
  #header = 0;
  #partial = 0;
  /** One of each kind: that is enough to show, and costs little in a flood. */
  readonly #samples = new Map<SampleKind, LineSample>();

  #windowCount = 0;
  readonly #windowStartsMs = new Float64Array(BATCH_WINDOWS_MAX);
  readonly #windowRowCounts = new Uint32Array(BATCH_WINDOWS_MAX);
  #windowSamples: Uint8Array[] = [];
  /** The window of the row before: rows come in order so often that one comparison finds it. */
  #lastWindow = 0;
  #eventTimeMaxMs = -Infinity;

  #errorCount = 0;
  #columns = new Columns(0);
  /** Rows that the next columns have room for at first. */
  #rowsExpected = ROWS_MIN;
  #urlBytes = new GrowingBytes();
  #lineBytes = new GrowingBytes();
  readonly #hash = new Uint32Array(2);

  /** @param options `ipMask` hashes addresses where they are not to be found out from a hash */
  constructor(
    options: { readonly windowLengthMs: number; readonly ipMask?: IpMask | undefined },
  ) {
    this.#windowLengthMs = options.windowLengthMs;
    this.#ipMask = options.ipMask;
  }

  /** True where no line was added since the last batch. */
  get isEmpty(): boolean {
    return this.#lines === 0;
  }

  /** True where the next row might not find room for its window. */
  get isFull(): boolean {
    return this.#windowCount === BATCH_WINDOWS_MAX;
  }

  /** Counts the bytes of a line and its end; called once for each line, whatever it is. */
  addLine(bytes: number): void {
    this.#lines++;
    this.#bytes += bytes;
  }

  addEmpty(): void {
    this.#empty++;
  }

  addHeader(): void {
    this.#header++;
  }

  addMalformed(reason: MalformedReason): void {
    this.#malformed[MALFORMED_REASONS.indexOf(reason)]!++;
  }

  addOversized(): void {
    this.#oversized++;
  }

  addPartial(): void {
    this.#partial++;
  }

  /** Keeps the beginning of a line, if it is the first one of its kind. */
  addSample(kind: SampleKind, line: Uint8Array): void {
    if (!this.#samples.has(kind)) this.#samples.set(kind, { kind, text: sampleText(line) });
  }

  /** Keeps that of a row, which `bytes` holds from `start` to `end`, if it is the first one there. */
  addRowSample(windowIndex: number, bytes: Uint8Array, start: number, end: number): void {
    if (windowIndex === FUTURE_WINDOW) {
      this.addSample("future", bytes.subarray(start, end));
    } else if (windowIndex === this.#windowSamples.length) {
      this.#windowSamples.push(bytes.slice(start, Math.min(end, start + SAMPLE_BYTES_MAX)));
    }
  }

  /** Counts a row in its window. Returns the window's index, for {@linkcode addError}. */
  addRow(eventTimeMs: number): number {
    this.#valid++;
    if (eventTimeMs > this.#eventTimeMaxMs) this.#eventTimeMaxMs = eventTimeMs;
    const startMs = Math.floor(eventTimeMs / this.#windowLengthMs) * this.#windowLengthMs;
    const index = this.#windowIndex(startMs);
    this.#windowRowCounts[index]!++;
    return index;
  }

  /** Counts a row that is too far in the future for any window. */
  addFutureRow(): number {
    this.#valid++;
    this.#future++;
    return FUTURE_WINDOW;
  }

  /**
   * Counts rows in a window of this batch, whose index {@linkcode addRow} has given.
   *
   * @param eventTimeMaxMs the highest event time among them
   */
  addRows(windowIndex: number, count: number, eventTimeMaxMs: number): void {
    this.#valid += count;
    this.#windowRowCounts[windowIndex]! += count;
    if (eventTimeMaxMs > this.#eventTimeMaxMs) this.#eventTimeMaxMs = eventTimeMaxMs;
  }

  /** Counts many lines at once, as {@linkcode addLine} does one. */
  addLines(count: number, bytes: number): void {
    this.#lines += count;
    this.#bytes += bytes;
  }

  /**
   * Adds an error row up to its line; {@linkcode addLineOfError} adds that. Where addresses are
   * masked, the mask holds this one afterwards.
   *
   * @param ip holds the address from `ipStart` to `ipEnd`, padded; `url` likewise
   */
  addError(
    windowIndex: number,
    status: number,
    ip: DataView,
    ipStart: number,
    ipEnd: number,
    url: DataView,
    urlStart: number,
    urlEnd: number,
  ): void {
    const i = this.#errorCount;
    if (i === this.#columns.rowsMax) this.#columns = this.#columns.grown(this.#rowsExpected);
    const { windowIndexes, statuses, ipHashes, urlHashes, urlOffsets, lineOffsets } = this.#columns;
    windowIndexes[i] = windowIndex;
    statuses[i] = status;
    const hash = this.#hash;
    const ipMask = this.#ipMask;
    let ipHash = hash;
    if (ipMask === undefined) {
      hashBytes(ip, ipStart, ipEnd, hash);
    } else {
      ipMask.mask(ip, ipStart, ipEnd);
      ipHash = ipMask.hash;
    }
    ipHashes[2 * i] = ipHash[0]!;
    ipHashes[2 * i + 1] = ipHash[1]!;
    hashBytes(url, urlStart, urlEnd, hash);
    urlHashes[2 * i] = hash[0]!;
    urlHashes[2 * i + 1] = hash[1]!;
    urlOffsets[i + 1] = this.#urlBytes.add(url, urlStart, urlEnd);
    lineOffsets[i + 1] = lineOffsets[i]!;
    this.#errorCount = i + 1;
  }

  /** Adds the bytes from `start` to `end`, padded, to the line of the error row added last. */
  addLineOfError(bytes: DataView, start: number, end: number): void {
    this.#columns.lineOffsets[this.#errorCount] = this.#lineBytes.add(bytes, start, end);
  }

  /** Adds error rows of one window that are columns already: `count` of them. */
  addErrors(windowIndex: number, rows: PackedErrors, count: number): void {
    const start = this.#errorCount;
    const end = start + count;
    if (end > this.#columns.rowsMax) {
      this.#columns = this.#columns.grown(Math.max(end, this.#rowsExpected));
    }
    const { windowIndexes, statuses, ipHashes, urlHashes, urlOffsets, lineOffsets } = this.#columns;
    windowIndexes.fill(windowIndex, start, end);
    statuses.set(rows.statuses.subarray(0, count), start);
    ipHashes.set(rows.ipHashes.subarray(0, 2 * count), 2 * start);
    urlHashes.set(rows.urlHashes.subarray(0, 2 * count), 2 * start);
    const { urlEnds, lineEnds, lineRuns, lineRunCount } = rows;
    const [urlsStart, linesStart] = [urlOffsets[start]!, lineOffsets[start]!];
    for (let i = 0; i < count; i++) {
      urlOffsets[start + i + 1] = urlsStart + urlEnds[i]!;
      lineOffsets[start + i + 1] = linesStart + lineEnds[i]!;
    }
    this.#urlBytes.add(rows.urls, 0, urlEnds[count - 1]!);
    for (let run = 0; run < 2 * lineRunCount; run += 2) {
      this.#lineBytes.add(rows.text, lineRuns[run]!, lineRuns[run + 1]!);
    }
    this.#errorCount = end;
  }

  /** Makes a batch of everything added since the last one, and starts anew. */
  build(
    origin: {
      readonly inputId: string;
      readonly receivedAtMs: number;
      readonly position: InputPosition;
    },
  ): RecordBatch {
    const count = this.#errorCount;
    const batch: RecordBatch = {
      kind: "batch",
      inputId: origin.inputId,
      receivedAtMs: origin.receivedAtMs,
      position: origin.position,
      counts: {
        bytes: this.#bytes,
        lines: this.#lines,
        valid: this.#valid,
        future: this.#future,
        malformed: this.#malformed,
        oversized: this.#oversized,
        empty: this.#empty,
        header: this.#header,
        partial: this.#partial,
      },
      windowStartsMs: this.#windowStartsMs.slice(0, this.#windowCount),
      windowRowCounts: this.#windowRowCounts.slice(0, this.#windowCount),
      windowSamples: this.#windowSamples,
      eventTimeMaxMs: this.#eventTimeMaxMs,
      errors: {
        ...this.#columns.take(count),
        urlBytes: this.#urlBytes.take(),
        lineBytes: this.#lineBytes.take(),
      },
      samples: [...this.#samples.values()],
    };
    this.#bytes = 0;
    this.#lines = 0;
    this.#valid = 0;
    this.#future = 0;
    this.#malformed = new Uint32Array(MALFORMED_REASONS.length);
    this.#oversized = 0;
    this.#empty = 0;
    this.#header = 0;
    this.#partial = 0;
    this.#samples.clear();
    this.#windowCount = 0;
    this.#windowSamples = [];
    this.#lastWindow = 0;
    this.#eventTimeMaxMs = -Infinity;
    this.#errorCount = 0;
    if (count > 0) this.#rowsExpected = rowsExpectedAfter(count, this.#columns.rowsMax);
    // Not one for all: who is given a batch may transfer its memory to another thread.
    this.#columns = new Columns(0);
    return batch;
  }

  #windowIndex(startMs: number): number {
    const starts = this.#windowStartsMs;
    if (this.#lastWindow < this.#windowCount && starts[this.#lastWindow] === startMs) {
      return this.#lastWindow;
    }
    let index = 0;
    while (index < this.#windowCount && starts[index] !== startMs) index++;
    if (index === this.#windowCount) {
      if (index === BATCH_WINDOWS_MAX) {
        throw new RangeError(`Cannot add a row: the batch holds ${index} windows already`);
      }
      starts[index] = startMs;
      this.#windowRowCounts[index] = 0;
      this.#windowCount++;
    }
    return this.#lastWindow = index;
  }
}

/**
 * Most windows that the rows of one batch may fall into. Honest traffic needs one or two; the
 * bound keeps the search short where somebody sends times at random.
 */
export const BATCH_WINDOWS_MAX = 64;

/** The columns of error rows that are as wide for each of them. */
class Columns {
  readonly rowsMax: number;
  readonly ipHashes: Int32Array;
  readonly urlHashes: Int32Array;
  readonly urlOffsets: Uint32Array;
  readonly lineOffsets: Uint32Array;
  readonly windowIndexes: Uint16Array;
  readonly statuses: Uint16Array;

  constructor(rowsMax: number) {
    this.rowsMax = rowsMax;
    // One buffer for all: making six of them would cost as much as reading a hundred lines.
    const buffer = takeMemory(28 * rowsMax + 8);
    this.ipHashes = new Int32Array(buffer, 0, 2 * rowsMax);
    this.urlHashes = new Int32Array(buffer, 8 * rowsMax, 2 * rowsMax);
    this.urlOffsets = new Uint32Array(buffer, 16 * rowsMax, rowsMax + 1);
    this.lineOffsets = new Uint32Array(buffer, 20 * rowsMax + 4, rowsMax + 1);
    this.windowIndexes = new Uint16Array(buffer, 24 * rowsMax + 8, rowsMax);
    this.statuses = new Uint16Array(buffer, 26 * rowsMax + 8, rowsMax);
    // Whatever was there before.
    this.urlOffsets[0] = 0;
    this.lineOffsets[0] = 0;
  }

  /** The same rows, with room for twice as many, and `rowsMin` at least. */
  grown(rowsMin: number): Columns {
    const columns = new Columns(Math.max(rowsMin, 2 * this.rowsMax));
    columns.ipHashes.set(this.ipHashes);
    columns.urlHashes.set(this.urlHashes);
    columns.urlOffsets.set(this.urlOffsets);
    columns.lineOffsets.set(this.lineOffsets);
    columns.windowIndexes.set(this.windowIndexes);
    columns.statuses.set(this.statuses);
    return columns;
  }

  /** The first `count` rows. */
  take(count: number): Omit<ErrorColumns, "urlBytes" | "lineBytes"> {
    return {
      count,
      windowIndexes: this.windowIndexes.subarray(0, count),
      statuses: this.statuses.subarray(0, count),
      ipHashes: this.ipHashes.subarray(0, 2 * count),
      urlHashes: this.urlHashes.subarray(0, 2 * count),
      urlOffsets: this.urlOffsets.subarray(0, count + 1),
      lineOffsets: this.lineOffsets.subarray(0, count + 1),
    };
  }
}

const ROWS_MIN = 16;

/** As many as there was room for; half of that where a quarter was used. */
function rowsExpectedAfter(count: number, rowsMax: number): number {
  return Math.max(ROWS_MIN, 4 * count < rowsMax ? rowsMax >> 1 : rowsMax);
}

/** Longer pieces are copied faster by `set()`: as fast as that at 200 bytes, a third of it at 2,000. */
const SHORT_BYTES = 200;

/** Pieces one after another, in a buffer that grows. */
class GrowingBytes {
  #bytes = NO_BYTES;
  #view = new DataView(NO_BYTES.buffer);
  #end = 0;
  /** How large the next buffer is at first. */
  #bytesExpected = 0;

  /** Adds the bytes from `start` to `end`, padded; returns the new end of all. */
  add(from: DataView, start: number, end: number): number {
    const at = this.#end;
    this.#end = at + end - start;
    if (this.#end + PADDING_BYTES > this.#bytes.length) this.#grow(at);
    if (end - start <= SHORT_BYTES) copyPadded(from, start, end, this.#view, at);
    else this.#bytes.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at);
    return this.#end;
  }

  /** Hands over the bytes; the next ones begin with a little more room than these needed. */
  take(): Uint8Array {
    if (this.#end === 0) return new Uint8Array(0);
    const taken = this.#bytes.subarray(0, this.#end);
    this.#bytesExpected = this.#end + (this.#end >> 3) + PADDING_BYTES;
    this.#replace(NO_BYTES);
    this.#end = 0;
    return taken;
  }

  #grow(end: number): void {
    const bytesMin = this.#end + PADDING_BYTES;
    const bytes = new Uint8Array(
      takeMemory(this.#bytes === NO_BYTES ? Math.max(bytesMin, this.#bytesExpected) : 2 * bytesMin),
    );
    bytes.set(this.#bytes.subarray(0, end));
    this.#replace(bytes);
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Nothing is ever written to it. */
const NO_BYTES = new Uint8Array(0);
