import assert from "node:assert/strict";
import type { CsvLayout } from "../../../../analyzer/decode/record_batch.ts";
import { learnLayout } from "../../../../analyzer/decode/scan/layout.ts";
import { LineScanner, type RowSink } from "../../../../analyzer/decode/scan/line_scanner.ts";
import {
  ERROR_BYTES,
  ErrorField,
  ERRORS_MAX,
  Exit,
  memoryBytes,
  memoryWords,
  Place,
} from "../../../../analyzer/decode/scan/scan_memory.ts";

const LINE =
  '{"timestamp":"2025-05-30T18:52:47.123456Z","ip":"1.2.3.4","method":"GET","url":"/a","status":200,"n":1,"w":true}';
const TIME_MS = Date.UTC(2025, 4, 30, 18, 52, 47, 123);

/** Which rows are counted without further ado, and how the others end. */
interface ScanOptions {
  readonly windowStartMs?: number;
  readonly windowEndMs?: number;
  /** Whether the scan ends behind the first row that has to be placed. */
  readonly isStopped?: boolean;
  readonly lineBytesMax?: number;
}

/** Reads lines by the layout of the first one; tells how many, and what came out. */
function scan(lines: readonly string[], options: ScanOptions = {}, csv?: CsvLayout) {
  const { windowStartMs = -Infinity, windowEndMs = Infinity, lineBytesMax = 1000 } = options;
  // Behind the lines stands what is left of others.
  memoryBytes.fill(0x22, Place.text, Place.text + 4096);
  const { written } = new TextEncoder().encodeInto(
    lines.map((line) => `${line}\n`).join(""),
    memoryBytes.subarray(Place.text),
  );
  const events: string[] = [];
  const counts = { lines: 0, rows: 0, bytes: 0, eventTimeMaxMs: -Infinity };
  let isStopped = false;
  const decoder = new TextDecoder();
  const pieceOf = (at: number) =>
    decoder.decode(memoryBytes.subarray(memoryWords[at], memoryWords[at + 1]));
  const tell = (place: number, format: string) => {
    const at = place / 4;
    if (memoryWords[at + ErrorField.status]! < 400) return;
    const names = format === "json"
      ? ["ip", "url", "line"] as const
      : ["timestamp", "ip", "method", "url"] as const;
    events.push([
      memoryWords[at + ErrorField.status],
      ...names.map((name) => pieceOf(at + ErrorField[`${name}Start`])),
      ...memoryWords[at + ErrorField.hasEscapedUrl] === 1 ? ["escaped"] : [],
    ].join("|"));
  };
  const rows: RowSink = {
    get isStopped() {
      return isStopped;
    },
    prepare(secondMs) {
      const fromMs = Math.min(Math.max(0, windowStartMs - secondMs), 1000) || 0;
      memoryWords[Place.fromMs / 4] = fromMs;
      memoryWords[Place.spanMs / 4] =
        (Math.min(Math.max(fromMs, windowEndMs - secondMs), 1000) || 0) - fromMs;
      memoryWords[Place.minStatus / 4] = 400;
      memoryWords[Place.lineBytesMax / 4] = lineBytesMax;
    },
    take(format, secondMs, bytes) {
      counts.bytes += bytes;
      const rowCount = memoryWords[Place.rowCount / 4]!;
      counts.rows += rowCount;
      counts.lines += rowCount;
      if (rowCount > 0) {
        counts.eventTimeMaxMs = Math.max(
          counts.eventTimeMaxMs,
          secondMs + memoryWords[Place.fractionMaxMs / 4]!,
        );
      }
      const errorsEnd = Place.errors + ERROR_BYTES * memoryWords[Place.errorCount / 4]!;
      for (let at = Place.errors; at < errorsEnd; at += ERROR_BYTES) tell(at, format);
      if (memoryWords[Place.exit / 4] !== Exit.place) return;
      counts.lines++;
      events.push(`place ${secondMs + memoryWords[Place.fractionMs / 4]! - TIME_MS}`);
      tell(errorsEnd, format);
      isStopped = options.isStopped ?? false;
    },
  };
  const layout = learnLayout(lines[0]!, csv) ?? assert.fail("no layout");
  const next = new LineScanner(layout).scan(Place.text, Place.text + written, rows);
  assert.equal(next - Place.text, counts.bytes);
  return { ...counts, events, isAll: counts.bytes === written };
}

Deno.test("compileLayout() reads lines of its layout, and stops before the first of another", () => {
  const other = LINE.replace('"n":1', '"n":-0.5e+2').replace("true", "null").replace(
    "47.1",
    "48.9",
  );
  assert.equal(scan([LINE, other]).lines, 2);
  const { lines, rows, isAll } = scan([LINE, LINE, LINE.replace('"ip":', '"ip": '), LINE]);
  assert.deepEqual([lines, rows, isAll], [2, 2, false]);
});

Deno.test("compileLayout() finds the highest event time, whatever the order of rows", () => {
  const lines = [LINE, LINE.replace("47.123", "59.000"), LINE.replace("47.123", "47.124")];
  assert.equal(scan(lines).eventTimeMaxMs, Date.UTC(2025, 4, 30, 18, 52, 59));
});

Deno.test("compileLayout() hands over rows outside of the window", () => {
  const lines = ["47.122", "47.123", "47.124", "47.125"].map((time) =>
    LINE.replace("47.123", time)
  );
  const window = { windowStartMs: TIME_MS, windowEndMs: TIME_MS + 2 };
  assert.deepEqual(scan(lines, window).events, ["place -1", "place 2"]);
  const { lines: lineCount, rows } = scan(lines, window);
  assert.deepEqual([lineCount, rows], [4, 2]);
});

Deno.test("compileLayout() stops behind the row after which the batch has to end", () => {
  const { lines, isAll } = scan([LINE, LINE], { windowEndMs: -Infinity, isStopped: true });
  assert.deepEqual([lines, isAll], [1, false]);
});

Deno.test("compileLayout() hands over error rows with the places of their fields", () => {
  const line = LINE.replace("200", "404");
  const event = `404|1.2.3.4|/a|${line}`;
  assert.deepEqual(scan([line, `${line}\r`]).events, [event, event]);
  assert.deepEqual(scan([line], { windowEndMs: -Infinity }).events, ["place 0", event]);
  assert.deepEqual(scan([LINE.replace("200", "399"), LINE.replace("200", "400")]).events.length, 1);
  for (const csv of ["%,::1,,/a?b,500", '"%","::1","","/a?b","500"', '%,"::1",,"/a?b",500']) {
    assert.deepEqual(scan([csv.replace("%", "2025-05-30T18:52:47.123Z")]).events, [
      "500|2025-05-30T18:52:47.123Z|::1||/a?b",
    ]);
  }
});

Deno.test("compileLayout() goes on where there are more error rows than the table holds", () => {
  const line = LINE.replace("200", "404");
  const count = ERRORS_MAX + 1;
  assert.ok(count * (line.length + 1) < memoryBytes.length - Place.text);
  const { events, lines } = scan(Array(count).fill(line));
  assert.deepEqual([events.length, lines], [count, count]);
});

Deno.test("compileLayout() reads escapes and characters beyond ASCII without the parser", () => {
  const changes: [string, string, string][] = [
    ['"/a"', '"\\/\\u0061"', "404|1.2.3.4|\\/\\u0061|%|escaped"],
    ['"/a"', '"/\u00e9\u{1f600}"', "404|1.2.3.4|/\u00e9\u{1f600}|%"],
    ["GET", "\\n\u20ac", "404|1.2.3.4|/a|%"],
    ["1.2.3.4", "\u00e9", "404|\u00e9|/a|%"],
  ];
  for (const [from, to, event] of changes) {
    const line = LINE.replace("200", "404").replace(from, to);
    assert.deepEqual(scan([LINE, line]).events, [event.replace("%", line)]);
  }
  const csv = "2025-05-30T18:52:47.123Z,1.2.3.4,GET,/\u00e9,500";
  assert.equal(scan([csv]).events[0], "500|2025-05-30T18:52:47.123Z|1.2.3.4|GET|/\u00e9");
});

Deno.test("compileLayout() leaves to the parser what it is not sure of", () => {
  const changes: [string, string][] = [
    ['"/a"', '"/\\x61"'],
    ['"/a"', '"/\\u006"'],
    ["1.2.3.4", "\\u0061"],
    ['"/a"', '"/\u0001"'],
    ["1.2.3.4", ""],
    ["1.2.3.4", "x".repeat(65)],
    ["200", "099"],
    ["200", "600"],
    ["200", "2000"],
    ['"n":1', '"n":01'],
    ['"n":1', '"n":1.'],
    ['"n":1', '"n":-'],
    ['"n":1', '"n":1e'],
    ['"n":1', '"n":"1"'],
    ["true", "tru"],
    ["123456", "12345a"],
    ["05-30", "02-30"],
    ["18:52:47", "24:00:00"],
    ["18:52:47", "18:52.12"],
    ["}", "} "],
    ["}", ""],
  ];
  for (const [from, to] of changes) {
    assert.equal(scan([LINE, LINE.replace(from, to)]).lines, 1, to);
  }
  assert.equal(scan([LINE, LINE.replace("1.2.3.4", "x".repeat(64))]).lines, 2);
});

Deno.test("compileLayout() reads a line of the longest length, and no longer one", () => {
  assert.equal(scan([LINE], { lineBytesMax: LINE.length }).lines, 1);
  assert.equal(scan([LINE], { lineBytesMax: LINE.length - 1 }).lines, 0);
});

Deno.test("compileLayout() reads cells of CSV up to the line's end, in any order of columns", () => {
  const csv = { fieldCount: 5, columns: [1, 2, 3, 4, 0] };
  const row = "500,2025-05-30T18:52:47.123Z,1.2.3.4,GET,/a";
  for (const end of ["", "\r"]) {
    const { events, lines } = scan([row, `${row}${"b".repeat(40)}${end}`], {}, csv);
    assert.equal(lines, 2);
    assert.match(events[1]!, /\|\/ab{40}$/);
  }
  for (const other of [`${row} `, `${row},`, `${row}"`, `${row}\t`, ` ${row}`]) {
    assert.equal(scan([row, other], {}, csv).lines, 1, other);
  }
  const first = { fieldCount: 5, columns: [1, 2, 3, 0, 4] };
  const url = "/a,2025-05-30T18:52:47.123Z,1.2.3.4,GET,200";
  for (const start of [" ", "{", "\ufeff"]) {
    assert.equal(scan([url, start + url], {}, first).lines, 1, start);
  }
  assert.equal(scan([url, `\u00e9${url}`], {}, first).lines, 2);
});

Deno.test("compileLayout() compares the longest texts that a layout may have", () => {
  const line = LINE.replace('"n"', `"${"k".repeat(3900)}"`);
  assert.equal(scan([line, line], { lineBytesMax: 5000 }).lines, 2);
  for (const at of [0, 100, 1000, 3000, 3899]) {
    const other = line.replace("k".repeat(3900), `${"k".repeat(at)}j${"k".repeat(3899 - at)}`);
    assert.equal(scan([line, other], { lineBytesMax: 5000 }).lines, 1, String(at));
  }
});

Deno.test("compileLayout() reads on where the next line is not where it was guessed to begin", () => {
  const long = LINE.replace("/a", `/${"a".repeat(300)}`);
  for (const lines of [[LINE, long, LINE], [long, LINE, long], [long, LINE]]) {
    assert.equal(scan(lines).lines, lines.length);
  }
});
