import assert from "node:assert/strict";
import {
  compileLayout,
  type RowSink,
  type ScanState,
  SLACK_BYTES,
} from "../../../../analyzer/decode/scan/compile_layout.ts";
import { learnLayout } from "../../../../analyzer/decode/scan/layout.ts";

const LINE =
  '{"timestamp":"2025-05-30T18:52:47.123456Z","ip":"1.2.3.4","method":"GET","url":"/a","status":200,"n":1,"w":true}';
const TIME_MS = Date.UTC(2025, 4, 30, 18, 52, 47, 123);

/** Reads lines by the layout of the first one; tells how many, and what came out. */
function scan(lines: readonly string[], change: Partial<ScanState> = {}) {
  const text = lines.map((line) => `${line}\n`).join("");
  const bytes = new Uint8Array(text.length + SLACK_BYTES);
  const { written: end } = new TextEncoder().encodeInto(text, bytes);
  const state: ScanState = {
    windowStartMs: -Infinity,
    windowEndMs: Infinity,
    windowIndex: 7,
    rowCount: 0,
    eventTimeMaxMs: -Infinity,
    thresholdMs: Infinity,
    lineCount: 0,
    isStopped: false,
    minStatus: 400,
    lineBytesMax: 1000,
    ...change,
  };
  const events: string[] = [];
  const decoder = new TextDecoder();
  const piecesOf = (at: readonly number[]) =>
    Array.from(
      { length: at.length / 2 },
      (_, i) => decoder.decode(bytes.subarray(at[2 * i], at[2 * i + 1])),
    );
  const rows: RowSink = {
    place(eventTimeMs) {
      events.push(`place ${eventTimeMs - TIME_MS}`);
      return 3;
    },
    addError(_view, windowIndex, status, ...at) {
      events.push([windowIndex, status, ...piecesOf(at)].join("|"));
    },
    addEscapedError(_view, windowIndex, status, ...at) {
      events.push(["escaped", windowIndex, status, ...piecesOf(at)].join("|"));
    },
    addJsonLine(_view, ...at) {
      events.push(...piecesOf(at));
    },
    addCsvLine(_view, status, ...at) {
      events.push([status, ...piecesOf(at)].join("|"));
    },
  };
  const layout = learnLayout(lines[0]!, undefined) ?? assert.fail("no layout");
  const next = compileLayout(layout)(bytes, new DataView(bytes.buffer), 0, end, state, rows);
  return { state, events, isAll: next === end };
}

Deno.test("compileLayout() reads lines of its layout, and stops before the first of another", () => {
  const other = LINE.replace('"n":1', '"n":-0.5e+2').replace("true", "null").replace(
    "47.1",
    "48.9",
  );
  assert.equal(scan([LINE, other]).state.lineCount, 2);
  const { state, isAll } = scan([LINE, LINE, LINE.replace('"ip":', '"ip": '), LINE]);
  assert.deepEqual([state.lineCount, state.rowCount, isAll], [2, 2, false]);
});

Deno.test("compileLayout() finds the highest event time, whatever the order of rows", () => {
  const lines = [LINE, LINE.replace("47.123", "59.000"), LINE.replace("47.123", "47.124")];
  assert.equal(scan(lines).state.eventTimeMaxMs, Date.UTC(2025, 4, 30, 18, 52, 59));
});

Deno.test("compileLayout() hands over rows outside of the window, and at the threshold", () => {
  const lines = ["47.122", "47.123", "47.124", "47.125"].map((time) =>
    LINE.replace("47.123", time)
  );
  const window = { windowStartMs: TIME_MS, windowEndMs: TIME_MS + 2 };
  assert.deepEqual(scan(lines, window).events, ["place -1", "place 2"]);
  assert.deepEqual(scan(lines, { thresholdMs: TIME_MS + 2 }).events, ["place 2"]);
});

Deno.test("compileLayout() stops behind the row after which the batch has to end", () => {
  const { state, isAll } = scan([LINE, LINE], { windowEndMs: -Infinity, isStopped: true });
  assert.deepEqual([state.lineCount, isAll], [1, false]);
});

Deno.test("compileLayout() hands over error rows with the places of their fields", () => {
  const line = LINE.replace("200", "404");
  const events = ["7|404|1.2.3.4|/a", line];
  assert.deepEqual(scan([line, `${line}\r`]).events, [...events, ...events]);
  assert.deepEqual(scan([line], { windowEndMs: -Infinity }).events.at(-2)![0], "3");
  assert.deepEqual(scan([LINE.replace("200", "399"), LINE.replace("200", "400")]).events.length, 2);
  for (const csv of ["%,::1,,/a?b,500", '"%","::1","","/a?b","500"', '%,"::1",,"/a?b",500']) {
    assert.deepEqual(scan([csv.replace("%", "2025-05-30T18:52:47.123Z")]).events, [
      "7|500|::1|/a?b",
      "500|2025-05-30T18:52:47.123Z|::1||/a?b",
    ]);
  }
});

Deno.test("compileLayout() reads escapes and characters beyond ASCII without the parser", () => {
  const changes: [string, string, string][] = [
    ['"/a"', '"\\/\\u0061"', "escaped|7|404|1.2.3.4|\\/\\u0061"],
    ['"/a"', '"/\u00e9\u{1f600}"', "7|404|1.2.3.4|/\u00e9\u{1f600}"],
    ["GET", "\\n\u20ac", "7|404|1.2.3.4|/a"],
    ["1.2.3.4", "\u00e9", "7|404|\u00e9|/a"],
  ];
  for (const [from, to, event] of changes) {
    const line = LINE.replace("200", "404").replace(from, to);
    assert.deepEqual(scan([LINE, line]).events, [event, line]);
  }
  const csv = "2025-05-30T18:52:47.123Z,1.2.3.4,GET,/\u00e9,500";
  assert.equal(scan([csv]).events[0], "7|500|1.2.3.4|/\u00e9");
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
    assert.equal(scan([LINE, LINE.replace(from, to)]).state.lineCount, 1, to);
  }
  assert.equal(scan([LINE, LINE.replace("1.2.3.4", "x".repeat(64))]).state.lineCount, 2);
});

Deno.test("compileLayout() reads a line of the longest length, and no longer one", () => {
  assert.equal(scan([LINE], { lineBytesMax: LINE.length }).state.lineCount, 1);
  assert.equal(scan([LINE], { lineBytesMax: LINE.length - 1 }).state.lineCount, 0);
});
