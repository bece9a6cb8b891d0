import assert from "node:assert/strict";
import { FUTURE_WINDOW } from "../../../analyzer/decode/record_batch.ts";
import { RecordBatchBuilder } from "../../../analyzer/decode/record_batch_builder.ts";
import { RowCollector } from "../../../analyzer/decode/row_collector.ts";
import { LIMITS } from "../../../analyzer/limits.ts";
import { padBytes } from "../../../analyzer/padded_bytes.ts";

const OPTIONS = {
  format: "auto",
  minStatus: 400,
  lineBytesMax: 1000,
  saves: true,
  windowLengthMs: 10_000,
  latenessMs: 2000,
} as const;

const ORIGIN = {
  inputId: "input",
  receivedAtMs: 0,
  position: { offsetBytes: 0, csvLayout: undefined },
};

function setUp() {
  const builder = new RecordBatchBuilder(OPTIONS);
  const rows = new RowCollector(builder, OPTIONS);
  const place = (timeMs: number) => rows.place(timeMs, rows.state);
  const build = () => {
    rows.settle(0);
    const batch = builder.build(ORIGIN);
    rows.startBatch();
    return batch;
  };
  return { rows, place, build };
}

// S-23
Deno.test("RowCollector ends the batch at the row that lifts the watermark to a window's end", () => {
  const { rows, place, build } = setUp();
  place(5000);
  assert.equal(rows.isStopped, true, "the first row sets the watermark");
  build();
  for (const timeMs of [9000, 11_999, 3000]) {
    place(timeMs);
    assert.equal(rows.isStopped, false, String(timeMs));
  }
  place(12_000);
  assert.equal(rows.isStopped, true);
  assert.deepEqual([...build().windowRowCounts], [2, 2]);
  // Once reached, it is reached.
  place(12_000);
  assert.equal(rows.isStopped, false);
});

// S-26
Deno.test("RowCollector gives rows beyond the limit no window, and those at it one", () => {
  const { rows, place, build } = setUp();
  rows.futureLimitMs = 50_000;
  assert.equal(place(50_001), FUTURE_WINDOW);
  assert.equal(place(50_000), 0);
  const { counts, eventTimeMaxMs } = build();
  assert.deepEqual([counts.valid, counts.future, eventTimeMaxMs], [2, 1, 50_000]);
});

Deno.test("RowCollector adds what a scanner has counted to the window that it was counted in", () => {
  const { rows, place, build } = setUp();
  place(5000);
  build();
  place(5000);
  const { state } = rows;
  // As a scanner does with rows of the same window that come before the threshold.
  assert.deepEqual(
    [state.windowStartMs, state.windowEndMs, state.thresholdMs],
    [0, 10_000, 12_000],
  );
  state.rowCount = 4;
  state.eventTimeMaxMs = 9000;
  state.lineCount = 5;
  place(11_000);
  rows.settle(99);
  const batch = build();
  assert.deepEqual([...batch.windowStartsMs], [0, 10_000]);
  assert.deepEqual([...batch.windowRowCounts], [5, 1]);
  const { lines, valid, bytes } = batch.counts;
  assert.deepEqual([lines, valid, bytes, batch.eventTimeMaxMs], [5, 6, 99, 11_000]);
});

// S-32
Deno.test("RowCollector writes an error row of CSV as JSON.stringify() writes the five fields", () => {
  const { rows, place, build } = setUp();
  const cells = ["2025-05-30T18:52:47Z", "::1", "", "/a?b=c&d", "500"];
  const bytes = new TextEncoder().encode(cells.join(","));
  const at: number[] = [];
  for (let i = 0, start = 0; i < 4; start += cells[i++]!.length + 1) {
    at.push(start, start + cells[i]!.length);
  }
  const [a, b, c, d, e, f, g, h] = at as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const view = padBytes(bytes);
  rows.addError(view, place(5000), 500, c, d, g, h);
  rows.addCsvLine(view, 500, a, b, c, d, e, f, g, h);
  const { lineBytes } = build().errors;
  const [timestamp, ip, method, url] = cells;
  assert.equal(
    new TextDecoder().decode(lineBytes),
    JSON.stringify({ timestamp, ip, method, url, status: 500 }) + "\n",
  );
});

// S-16
Deno.test("RowCollector cuts URLs that are too long, however they were read", () => {
  const url = "/" + "é".repeat(LIMITS.urlBytesMax);
  const record = { eventTimeMs: 5000, ip: "::1", url, status: 404, toJson: () => "{}" };
  const { rows, place, build } = setUp();
  rows.addRecord(record);
  const bytes = new TextEncoder().encode(url);
  const view = padBytes(bytes);
  rows.addError(view, place(5000), 404, 0, 1, 0, bytes.length);
  rows.addJsonLine(view, 0, bytes.length);
  const { urlBytes, urlOffsets, lineOffsets } = build().errors;
  const [first, second] = [0, 1].map((i) =>
    new TextDecoder().decode(urlBytes.subarray(urlOffsets[i], urlOffsets[i + 1]))
  );
  assert.equal(first, second);
  assert.match(first!, /^\/é+…$/);
  assert.ok(urlOffsets[1]! <= LIMITS.urlBytesMax && urlOffsets[1]! > LIMITS.urlBytesMax - 4);
  assert.equal(lineOffsets[2]! - lineOffsets[1]!, bytes.length + 1, "the line is kept whole");
});

Deno.test("RowCollector counts an escaped URL as what it stands for, and keeps its line", () => {
  const urls = ["/a", "/\u20ac", "/" + "\u00e9".repeat(LIMITS.urlBytesMax)];
  for (const url of urls) {
    const { rows, place, build } = setUp();
    const escaped = JSON.stringify(url).slice(1, -1).replace("/", "\\/").replace(
      "\u20ac",
      "\\u20ac",
    );
    const bytes = new TextEncoder().encode(escaped);
    const view = padBytes(bytes);
    rows.addEscapedError(view, place(5000), 404, 0, 1, 0, bytes.length);
    rows.addJsonLine(view, 0, bytes.length);
    const record = { eventTimeMs: 5000, ip: "\\", url, status: 404, toJson: () => "{}" };
    rows.addRecord(record);
    const { urlHashes, urlBytes, urlOffsets, lineBytes, lineOffsets } = build().errors;
    const [first, second] = [0, 1].map((i) => urlBytes.subarray(urlOffsets[i], urlOffsets[i + 1]));
    assert.deepEqual(first, second);
    assert.deepEqual(urlHashes.subarray(0, 2), urlHashes.subarray(2, 4));
    assert.equal(new TextDecoder().decode(lineBytes.subarray(0, lineOffsets[1])), `${escaped}\n`);
  }
});
