import assert from "node:assert/strict";
import { giveBackColumns, giveBackLines } from "../../../analyzer/decode/column_memory.ts";
import { SAMPLE_BYTES_MAX, sampleText } from "../../../analyzer/decode/line_sample.ts";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import { FUTURE_WINDOW } from "../../../analyzer/decode/record_batch.ts";
import {
  BATCH_WINDOWS_MAX,
  RecordBatchBuilder,
} from "../../../analyzer/decode/record_batch_builder.ts";
import type { PackedErrors } from "../../../analyzer/decode/scan/error_packer.ts";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { hashBytes } from "../../../analyzer/sketch/hash.ts";

const WINDOW_MS = 30_000;
const ORIGIN = {
  inputId: "input",
  receivedAtMs: 7,
  position: { offsetBytes: 99, csvLayout: undefined },
};
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const TEXT = encoder.encode("text");

function errorRow(windowIndex: number, i: number) {
  return {
    windowIndex,
    status: 400 + i % 200,
    ip: encoder.encode(`192.0.2.${i}`),
    url: encoder.encode(`/resource/${i}`),
    line: encoder.encode(`{"i":${i}}\n`),
  };
}

function addError(builder: RecordBatchBuilder, row: ReturnType<typeof errorRow>): void {
  const { windowIndex, status, ip, url, line } = row;
  builder.addError(windowIndex, status, padBytes(ip), 0, ip.length, padBytes(url), 0, url.length);
  // In two pieces, as a row that is put together from its fields.
  builder.addLineOfError(padBytes(line), 0, 3);
  builder.addLineOfError(padBytes(line), 3, line.length);
}

/** The same rows as the scanners pack them; every other line stands by itself in the text. */
function packedOf(rows: readonly ReturnType<typeof errorRow>[]): PackedErrors {
  const hashesOf = (name: "ip" | "url") => {
    const words = new Uint32Array(2 * rows.length);
    rows.forEach((row, i) =>
      hashBytes(padBytes(row[name]), 0, row[name].length, words.subarray(2 * i))
    );
    return new Int32Array(words.buffer);
  };
  const joined = (pieces: readonly Uint8Array[]) => {
    const ends: number[] = [];
    let end = 0;
    for (const piece of pieces) ends.push(end += piece.length);
    const bytes = new Uint8Array(end);
    pieces.forEach((piece, i) => bytes.set(piece, ends[i]! - piece.length));
    return { view: padBytes(bytes), ends: Uint32Array.from(ends) };
  };
  const urls = joined(rows.map(({ url }) => url));
  const lines = joined(rows.map(({ line }) => line));
  const text = joined(rows.flatMap(({ line }, i) => i % 2 === 0 ? [TEXT, line] : [line]));
  // Pairs of lines that follow each other are one run.
  const runs: number[] = [];
  let end = 0;
  rows.forEach(({ line }, i) => {
    if (i % 2 === 0) runs.push(end += TEXT.length, 0);
    runs[runs.length - 1] = end += line.length;
  });
  return {
    statuses: Uint16Array.from(rows, ({ status }) => status),
    ipHashes: hashesOf("ip"),
    urlHashes: hashesOf("url"),
    urlEnds: urls.ends,
    urls: urls.view,
    lineEnds: lines.ends,
    lineRuns: Uint32Array.from(runs),
    lineRunCount: runs.length / 2,
    text: text.view,
  };
}

Deno.test("RecordBatchBuilder.build() makes an empty batch of nothing", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  assert.equal(builder.isEmpty, true);
  const batch = builder.build(ORIGIN);
  assert.equal(batch.inputId, "input");
  assert.equal(batch.receivedAtMs, 7);
  assert.deepEqual(batch.position, ORIGIN.position);
  assert.equal(batch.counts.lines, 0);
  assert.equal(batch.eventTimeMaxMs, -Infinity);
  assert.deepEqual(batch.errors.urlOffsets, new Uint32Array(1));
  assert.deepEqual(batch.errors.lineOffsets, new Uint32Array(1));
  assert.equal(batch.windowStartsMs.length, 0);
});

Deno.test("RecordBatchBuilder.build() makes the same of memory that was given back, whatever is left in it", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const build = () => {
    const window = builder.addRow(0);
    for (let i = 0; i < 2000; i++) addError(builder, errorRow(window, i));
    return builder.build(ORIGIN).errors;
  };
  // The first one has grown; those after it are made as large as it was at once.
  build();
  const errors = build();
  const expected = structuredClone(errors);
  const memory = errors.lineBytes.buffer;
  for (const { buffer } of [errors.lineBytes, errors.urlBytes, errors.ipHashes]) {
    new Uint8Array(buffer).fill(0xaa);
  }
  giveBackColumns(errors);
  giveBackLines(errors);
  const again = build();
  assert.equal(again.lineBytes.buffer, memory);
  assert.deepEqual(structuredClone(again), expected);
});

// S-12
Deno.test("RecordBatchBuilder.addRow() counts rows by the window that they fall into", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const indexes = [59_999, 30_000, 60_000, -1, 30_001, 60_001].map((timeMs) => {
    builder.addLine(10);
    return builder.addRow(timeMs);
  });
  assert.deepEqual(indexes, [0, 0, 1, 2, 0, 1]);
  const batch = builder.build(ORIGIN);
  assert.deepEqual([...batch.windowStartsMs], [30_000, 60_000, -30_000]);
  assert.deepEqual([...batch.windowRowCounts], [3, 2, 1]);
  assert.equal(batch.eventTimeMaxMs, 60_001);
  assert.deepEqual([batch.counts.lines, batch.counts.valid, batch.counts.bytes], [6, 6, 60]);
});

Deno.test("RecordBatchBuilder.addFutureRow() counts a row in no window and no event time", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  builder.addLine(10);
  assert.equal(builder.addFutureRow(), FUTURE_WINDOW);
  const { counts, windowStartsMs, eventTimeMaxMs } = builder.build(ORIGIN);
  assert.deepEqual([counts.valid, counts.future], [1, 1]);
  assert.equal(windowStartsMs.length, 0);
  assert.equal(eventTimeMaxMs, -Infinity);
});

Deno.test("RecordBatchBuilder.addError() keeps every column, however many rows come", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  // More than its first buffers hold, by rows and by bytes.
  const count = 1000;
  for (let i = 0; i < count; i++) {
    builder.addLine(1);
    addError(builder, errorRow(builder.addRow(i), i));
  }
  const { errors } = builder.build(ORIGIN);
  assert.equal(errors.count, count);
  assert.equal(errors.urlOffsets.length, count + 1);
  const hash = new Uint32Array(2);
  for (let i = 0; i < count; i++) {
    const { status, ip, url, line } = errorRow(0, i);
    assert.equal(errors.statuses[i], status);
    const urlBytes = errors.urlBytes.subarray(errors.urlOffsets[i], errors.urlOffsets[i + 1]);
    assert.equal(decoder.decode(urlBytes), decoder.decode(url));
    const lineBytes = errors.lineBytes.subarray(errors.lineOffsets[i], errors.lineOffsets[i + 1]);
    assert.equal(decoder.decode(lineBytes), decoder.decode(line));
    hashBytes(padBytes(ip), 0, ip.length, hash);
    assert.deepEqual(new Uint32Array(errors.ipHashes.slice(2 * i, 2 * i + 2)), hash);
    hashBytes(padBytes(url), 0, url.length, hash);
    assert.deepEqual(new Uint32Array(errors.urlHashes.slice(2 * i, 2 * i + 2)), hash);
  }
});

Deno.test("RecordBatchBuilder.addErrors() adds rows behind those that are there, however many", () => {
  const oneByOne = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const together = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  let first = 0;
  for (const count of [3, 500, 1, 996]) {
    oneByOne.addRow(WINDOW_MS * count);
    const windowIndex = together.addRow(WINDOW_MS * count);
    const rows = Array.from({ length: count }, (_, i) => errorRow(windowIndex, first + i));
    first += count;
    for (const row of rows) addError(oneByOne, row);
    if (count === 1) addError(together, rows[0]!);
    else together.addErrors(windowIndex, packedOf(rows), count);
  }
  assert.deepEqual(together.build(ORIGIN).errors, oneByOne.build(ORIGIN).errors);
});

Deno.test("RecordBatchBuilder.addRowSample() keeps the first line of each window, cut, and one of the future", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const lines = new TextEncoder().encode("ab".padEnd(2 * SAMPLE_BYTES_MAX, "z"));
  builder.addLine(1);
  builder.addRowSample(builder.addFutureRow(), lines, 0, 1);
  builder.addRowSample(builder.addRow(WINDOW_MS), lines, 1, 3);
  builder.addRowSample(builder.addRow(WINDOW_MS), lines, 3, 4);
  builder.addRowSample(builder.addRow(0), lines, 2, lines.length);
  builder.addRowSample(builder.addFutureRow(), lines, 1, 2);
  // Whoever gave the line takes another one in its place.
  lines.fill(0);
  const { windowSamples, samples } = builder.build(ORIGIN);
  assert.deepEqual(windowSamples.map(sampleText), ["bz", "z".repeat(SAMPLE_BYTES_MAX)]);
  assert.deepEqual(samples, [{ kind: "future", text: "a" }]);
});

Deno.test("RecordBatchBuilder.build() starts anew and leaves earlier batches as they were", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const addAll = () => {
    for (const reason of MALFORMED_REASONS) {
      builder.addLine(1);
      builder.addMalformed(reason);
    }
    builder.addOversized();
    builder.addEmpty();
    builder.addHeader();
    builder.addPartial();
    builder.addSample("oversized", TEXT);
    builder.addRowSample(builder.addFutureRow(), TEXT, 0, 1);
    const windowIndex = builder.addRow(60_000);
    builder.addRowSample(windowIndex, TEXT, 0, 2);
    addError(builder, errorRow(windowIndex, 1));
    return builder.build(ORIGIN);
  };
  const first = addAll();
  const copy = structuredClone(first);
  assert.deepEqual(addAll(), copy);
  assert.deepEqual(first, copy);
  assert.equal(builder.isEmpty, true);
  builder.addRow(30_000);
  assert.equal(builder.build(ORIGIN).eventTimeMaxMs, 30_000);
  assert.deepEqual([...first.counts.malformed], MALFORMED_REASONS.map(() => 1));
});

Deno.test("RecordBatchBuilder is full at its last window, and refuses one more", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  for (let i = 0; i < BATCH_WINDOWS_MAX; i++) {
    assert.equal(builder.isFull, false);
    builder.addRow(i * WINDOW_MS);
  }
  assert.equal(builder.isFull, true);
  assert.equal(builder.addRow(5 * WINDOW_MS + 1), 5);
  assert.throws(() => builder.addRow(-1), RangeError);
});

Deno.test("RecordBatchBuilder makes columns as large as those before, and smaller ones again", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: WINDOW_MS });
  const bytesOf = (errorCount: number) => {
    builder.addLine(1);
    for (let i = 0; i < errorCount; i++) addError(builder, errorRow(builder.addRow(0), i));
    const { errors } = builder.build(ORIGIN);
    assert.equal(errors.count, errorCount);
    return errors.ipHashes.buffer.byteLength;
  };
  const large = bytesOf(1000);
  assert.deepEqual([bytesOf(1000), bytesOf(300)], [large, large]);
  // Nothing is made where there are no errors, and nothing is forgotten by it.
  assert.ok(bytesOf(0) < 100);
  assert.equal(bytesOf(1), large);
  const sizes = Array.from({ length: 10 }, () => bytesOf(1));
  assert.ok(sizes[0]! < large && sizes.at(-1)! < 1000, `${large}: ${sizes}`);
});
