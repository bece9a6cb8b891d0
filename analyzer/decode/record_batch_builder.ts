import { hashBytes } from "../sketch/hash.ts";
import { MALFORMED_REASONS, type MalformedReason } from "./malformed_reason.ts";
import {
  FUTURE_WINDOW,
  type InputPosition,
  type LineSample,
  type RecordBatch,
  type SampleKind,
} from "./record_batch.ts";

/**
 * Collects lines into the columns of a {@linkcode RecordBatch}. One builder serves an input for
 * its whole life: its buffers grow to the size of the largest batch and are copied out of, so that
 * every batch owns arrays of just its own size.
 */
export class RecordBatchBuilder {
  readonly #windowLengthMs: number;

  #bytes = 0;
  #lines = 0;
  #valid = 0;
  #future = 0;
  #malformed = new Uint32Array(MALFORMED_REASONS.length);
  #oversized = 0;
  #empty = 0;
  #header = 0;
  #partial = 0;
  #samples: LineSample[] = [];

  #windowCount = 0;
  readonly #windowStartsMs = new Float64Array(BATCH_WINDOWS_MAX);
  readonly #windowRowCounts = new Uint32Array(BATCH_WINDOWS_MAX);
  /** The window of the row before: rows come in order so often that one comparison finds it. */
  #lastWindow = 0;
  #eventTimeMaxMs = -Infinity;

  #errorCount = 0;
  #windowIndexes = new Uint16Array(64);
  #statuses = new Uint16Array(64);
  #ipHashes = new Uint32Array(128);
  #urlHashes = new Uint32Array(128);
  #urlOffsets = new Uint32Array(65);
  #lineOffsets = new Uint32Array(65);
  #urlBytes = new Uint8Array(1024);
  #lineBytes = new Uint8Array(8192);
  readonly #hash = new Uint32Array(2);

  constructor(options: { readonly windowLengthMs: number }) {
    this.#windowLengthMs = options.windowLengthMs;
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

  addSample(kind: SampleKind, text: string): void {
    this.#samples.push({ kind, text });
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
   * Adds an error row up to its line; {@linkcode addLineOfError} adds that.
   *
   * @param ip the bytes that hold the address from `ipStart` to `ipEnd`; `url` likewise
   */
  addError(
    windowIndex: number,
    status: number,
    ip: Uint8Array,
    ipStart: number,
    ipEnd: number,
    url: Uint8Array,
    urlStart: number,
    urlEnd: number,
  ): void {
    const i = this.#errorCount;
    if (i === this.#statuses.length) this.#growColumns();
    this.#windowIndexes[i] = windowIndex;
    this.#statuses[i] = status;
    const hash = this.#hash;
    hashBytes(ip, ipStart, ipEnd, hash);
    this.#ipHashes[2 * i] = hash[0]!;
    this.#ipHashes[2 * i + 1] = hash[1]!;
    hashBytes(url, urlStart, urlEnd, hash);
    this.#urlHashes[2 * i] = hash[0]!;
    this.#urlHashes[2 * i + 1] = hash[1]!;
    const start = this.#urlOffsets[i]!;
    const end = start + urlEnd - urlStart;
    this.#urlBytes = withRoom(this.#urlBytes, end);
    copyBytes(url, urlStart, urlEnd, this.#urlBytes, start);
    this.#urlOffsets[i + 1] = end;
    this.#lineOffsets[i + 1] = this.#lineOffsets[i]!;
    this.#errorCount = i + 1;
  }

  /** Adds bytes, those from `start` to `end`, to the line of the error row that was added last. */
  addLineOfError(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#lineOffsets[this.#errorCount]!;
    const lineEnd = at + end - start;
    this.#lineBytes = withRoom(this.#lineBytes, lineEnd);
    copyBytes(bytes, start, end, this.#lineBytes, at);
    this.#lineOffsets[this.#errorCount] = lineEnd;
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
      eventTimeMaxMs: this.#eventTimeMaxMs,
      errors: {
        count,
        windowIndexes: this.#windowIndexes.slice(0, count),
        statuses: this.#statuses.slice(0, count),
        ipHashes: this.#ipHashes.slice(0, 2 * count),
        urlHashes: this.#urlHashes.slice(0, 2 * count),
        urlOffsets: this.#urlOffsets.slice(0, count + 1),
        urlBytes: this.#urlBytes.slice(0, this.#urlOffsets[count]),
        lineOffsets: this.#lineOffsets.slice(0, count + 1),
        lineBytes: this.#lineBytes.slice(0, this.#lineOffsets[count]),
      },
      samples: this.#samples,
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
    this.#samples = [];
    this.#windowCount = 0;
    this.#lastWindow = 0;
    this.#eventTimeMaxMs = -Infinity;
    this.#errorCount = 0;
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

  #growColumns(): void {
    const rows = this.#statuses.length * 2;
    this.#windowIndexes = grown(this.#windowIndexes, new Uint16Array(rows));
    this.#statuses = grown(this.#statuses, new Uint16Array(rows));
    this.#ipHashes = grown(this.#ipHashes, new Uint32Array(2 * rows));
    this.#urlHashes = grown(this.#urlHashes, new Uint32Array(2 * rows));
    this.#urlOffsets = grown(this.#urlOffsets, new Uint32Array(rows + 1));
    this.#lineOffsets = grown(this.#lineOffsets, new Uint32Array(rows + 1));
  }
}

/**
 * Most windows that the rows of one batch may fall into. Honest traffic needs one or two; the
 * bound keeps the search short where somebody sends times at random.
 */
export const BATCH_WINDOWS_MAX = 64;

function grown<A extends { set(from: A): void }>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** Copies the bytes from `start` to `end`; a few of them by a loop, which then costs less. */
function copyBytes(
  from: Uint8Array,
  start: number,
  end: number,
  to: Uint8Array,
  at: number,
): void {
  if (end - start > 64) to.set(from.subarray(start, end), at);
  else while (start < end) to[at++] = from[start++]!;
}

function withRoom(
  buffer: Uint8Array<ArrayBuffer>,
  bytes: number,
): Uint8Array<ArrayBuffer> {
  return bytes <= buffer.length
    ? buffer
    : grown(buffer, new Uint8Array(Math.max(bytes, 2 * buffer.length)));
}
