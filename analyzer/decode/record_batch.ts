import type { Delivery } from "../delivery/delivery.ts";
import type { FileIdentity, PassedFile } from "../source/file_identity.ts";
import type { LineSample } from "./line_sample.ts";

/**
 * Complete lines of one input, decoded: all rows as counts, error rows as columns. One read from a
 * source becomes one batch, or several where a row may close a window: such a row is always the
 * last of its batch, so that every row of a batch meets the same watermark.
 *
 * A batch owns all its arrays and is never changed after it was emitted.
 */
export interface RecordBatch {
  readonly kind: "batch";
  /** Which input the lines came from; the watermark is kept by input. */
  readonly inputId: string;
  /** The delivery that the lines came with; `undefined` where nobody waits for an answer. */
  readonly delivery?: Delivery;
  /** Monotonic time at which the bytes were read, in ms. */
  readonly receivedAtMs: number;
  /** Where to go on reading after this batch. */
  readonly position: InputPosition;
  readonly counts: LineCounts;
  /** Starts of the windows that the rows fall into, ms since the epoch, in no particular order. */
  readonly windowStartsMs: Float64Array;
  /** `[windows]`, rows in each of them, errors included. */
  readonly windowRowCounts: Uint32Array;
  /**
   * `[windows]`, the beginning of the first line of each of them: whether that is late nobody knows
   * before it comes to its window.
   */
  readonly windowSamples: readonly Uint8Array[];
  /** Highest event time of a row that is not in the future; `-Infinity` where there is none. */
  readonly eventTimeMaxMs: number;
  readonly errors: ErrorColumns;
  /**
   * What the first line of each kind looks like that is no record, or in the future, cut to a safe
   * length.
   */
  readonly samples: readonly LineSample[];
}

/** A place between two lines of an input, from which decoding can be taken up again. */
export interface InputPosition {
  /** Bytes from the start of the input; of a file, from its start. */
  readonly offsetBytes: number;
  /** The file that the offset is in; one input may go on over several files, one after another. */
  readonly file?: FileIdentity;
  /** Files of a log that is followed which came before that one, oldest first. */
  readonly passed?: readonly PassedFile[];
  /** The CSV header in force at that place. */
  readonly csvLayout: CsvLayout | undefined;
}

/** Where the five fields stand in a CSV row, as its header told. */
export interface CsvLayout {
  readonly fieldCount: number;
  /** `[5]`, the column of each of `FIELD_NAMES`. */
  readonly columns: readonly number[];
}

/** What became of the lines of a batch: `lines` is the sum of all that follow it. */
export interface LineCounts {
  readonly bytes: number;
  readonly lines: number;
  /** Rows that are records, future ones included. */
  readonly valid: number;
  /** Valid rows whose event time is too far ahead of the wall clock. */
  readonly future: number;
  /** `[MALFORMED_REASONS.length]` */
  readonly malformed: Uint32Array;
  readonly oversized: number;
  readonly empty: number;
  readonly header: number;
  readonly partial: number;
}

/** Error rows as columns. */
export interface ErrorColumns {
  readonly count: number;
  /** `[count]`, index into `windowStartsMs`, or {@linkcode FUTURE_WINDOW}. */
  readonly windowIndexes: Uint16Array;
  /** `[count]` */
  readonly statuses: Uint16Array;
  /**
   * `[2 × count]`, 64-bit hashes of the client addresses, high word first. Signed, since V8 makes an
   * object of an integer that 32 bits do not hold with its sign.
   */
  readonly ipHashes: Int32Array;
  /** `[2 × count]`, those of the URLs likewise. */
  readonly urlHashes: Int32Array;
  /** `[count + 1]`, URL `i` is `urlBytes[urlOffsets[i] … urlOffsets[i + 1])`. */
  readonly urlOffsets: Uint32Array;
  readonly urlBytes: Uint8Array;
  /** `[count + 1]`, line `i`, newline included, likewise in `lineBytes`. */
  readonly lineOffsets: Uint32Array;
  /**
   * The rows as they go into the error files: one JSON object a line, each with its newline; empty
   * where nothing is saved.
   */
  readonly lineBytes: Uint8Array;
}

/** The window index of an error row that is in the future and so belongs to no window. */
export const FUTURE_WINDOW = 0xffff;

/** Behind the last of the rows from `start` on that are of the same window. */
export function windowRunEnd({ count, windowIndexes }: ErrorColumns, start: number): number {
  const index = windowIndexes[start];
  let end = start + 1;
  while (end < count && windowIndexes[end] === index) end++;
  return end;
}
