import assert from "node:assert/strict";
import { concatBytes, jsonLine, toBytes } from "../support/log_lines.ts";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  LineServer,
  linesOf,
  send,
  TemporaryDirectory,
} from "./support.ts";

const encoder = new TextEncoder();

/** Lines of every kind, each as often as nothing else is. */
const LINES: readonly (string | Uint8Array)[] = [
  // Good ones, in different clothes.
  `\uFEFF${jsonLine({ status: 404 })}`,
  `${jsonLine({ status: 500, ip: "2001:db8::1" })}\r`,
  `  ${jsonLine({ status: 200 })}\t`,
  `{"status":"503","x":{"y":[1]},"url":"","method":"","ip":"a","timestamp":1748631151}`,
  `2025-05-30T18:52:31+00:00,192.0.2.7,GET,"/a,b ""c""",404`,
  // Not JSON, once by being cut.
  `{"timestamp":"2025-05-30T18:52:30Z"`,
  "{]\x1b[31m",
  // A field is missing, of the wrong type, or out of range.
  ...[1, 2, 3].map(() => `{"timestamp":"2025-05-30T18:52:30Z","ip":"a","method":"GET","url":"/"}`),
  ...[1, 2, 3, 4].map(() => jsonLine().replace('"/"', "7")),
  jsonLine().replace("T18", "T25"),
  jsonLine().replace("Z", ""),
  ...[1, 2, 3].map(() => jsonLine().replace("Z", "+99:00")),
  ...[1, 2, 3, 4, 5, 6].map(() => jsonLine({ ip: "" })),
  ...[99, 600, 404.5, -1, 1e9, 0, 99].map((status) => jsonLine({ status })),
  // CSV that is none.
  ...Array.from({ length: 8 }, (_, i) => `"${i}`),
  ...Array.from({ length: 9 }, (_, i) => `a,b,${i}`),
  // Bytes that are no text.
  ...Array.from(
    { length: 10 },
    (_, i) => concatBytes([encoder.encode(jsonLine()), Uint8Array.of(0xff, i)]),
  ),
  ...Array.from({ length: 11 }, () => jsonLine().replace("/", "\0")),
  // Nothing, or too much.
  "",
  "\r",
  " \t ",
  `{"url":"${"x".repeat(70_000)}"}`,
  "y".repeat(200_000),
  jsonLine({ status: 404 }).padEnd(65_536, " "),
  // Much later, and late.
  jsonLine({ timestampMs: Date.UTC(2025, 4, 30, 19), status: 500 }),
  jsonLine({ timestampMs: Date.UTC(2025, 4, 30, 18, 52, 40), status: 404 }),
  // Header and rows in its order, and a last line without its newline.
  "Status,host,url,method,ip,timestamp",
  "404,example,/h,GET,192.0.2.9,2025-05-30T19:00:01Z",
  "200,example,/h,GET,192.0.2.9,2025-05-30T19:00:01Z",
];

const KINDS = [
  "invalid UTF-8",
  "NUL byte",
  "not JSON",
  "CSV quotes",
  "neither JSON nor as many CSV fields as expected",
  "missing field",
  "field of wrong type",
  "unreadable time, or no offset",
  "client address empty or too long",
  "status not from 100 to 599",
];

Deno.test("analyze counts every kind of bad line and is disturbed by none", async () => {
  using directory = new TemporaryDirectory();
  const bytes = toBytes(LINES).subarray(0, -1);
  await using analyzer = await Analyzer.start([
    ...["--source", `file:${directory.write("a.log", bytes)}`, ...directory.options()],
  ]);
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  const { naive, windows, errorLines } = expectedResults(LINES);
  assert.deepEqual(Object.keys(naive.malformed).sort(), Object.keys(totals.malformed).sort());
  assert.deepEqual(totals, {
    bytes: bytes.length,
    lines: LINES.length,
    valid: naive.valid,
    malformed: { ...totals.malformed, ...naive.malformed },
    oversized: naive.oversized,
    empty: naive.empty,
    header: naive.header,
    partial: 0,
    in_windows: naive.inWindows,
    late: naive.late,
    future: 0,
    errors: naive.errors,
    errors_in_windows: naive.errorsInWindows,
    late_errors: naive.lateErrors,
    future_errors: 0,
    errors_by_status: totals.errors_by_status,
  });
  assert.ok(naive.late > 0 && naive.oversized > 0 && naive.header > 0);
  assertConserved(totals, directory.errorLines());
  assert.deepEqual(directory.errorLines(), errorLines);
  assert.deepEqual(await analyzer.windows(), windows);

  const { stderr } = await analyzer.stop();
  const shown = linesOf(stderr).filter((line) => line.startsWith("First "));
  assert.deepEqual(
    shown.map((line) => line.slice(0, line.indexOf(" line: "))).sort(),
    ["First late", "First oversized", ...KINDS.map((kind) => `First malformed (${kind})`)].sort(),
  );
  // The first of a kind, safe to look at, and not too much of it.
  assert.ok(shown.includes(`First malformed (not JSON) line: ${LINES[5]}`));
  assert.ok(shown.every((line) => line.length < 250));
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
});

Deno.test("analyze escapes what a stranger wrote before it shows it", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start([
    ...["--source", `file:${directory.write("a.log", "{\x1b[2J\x07\u202e\n")}`],
    ...directory.options(),
  ]);
  await analyzer.program.stderr.match(
    /^First malformed \(not JSON\) line: \{\\x1b\[2J\\x07\\u202e$/m,
  );
});

Deno.test("analyze counts lines over the limit of line-bytes, to the byte", async () => {
  using directory = new TemporaryDirectory();
  const lines = [300, 301].map((length) => jsonLine({ status: 404 }).padEnd(length, " "));
  await using analyzer = await Analyzer.start([
    ...["--source", `file:${directory.write("a.log", toBytes(lines))}`],
    ...["--limit", "line-bytes=300", ...directory.options()],
  ]);
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  assert.deepEqual([totals.valid, totals.oversized], [1, 1]);
});

Deno.test("analyze counts a line that a lost connection cut off, and never reads it", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start(["--source", server.source, ...directory.options()]);
  const connection = await server.accept();
  // Cut here, the status would be a valid one.
  await send(
    connection,
    "2025-05-30T18:52:31Z,192.0.2.7,GET,/,404\n2025-05-30T18:52:31Z,a,GET,/,500",
  );
  connection.close();
  const { totals } = await analyzer.untilLines(2);
  assert.deepEqual([totals.valid, totals.partial, totals.errors], [1, 1, 1]);
  assertConserved(totals, directory.errorLines());
});

Deno.test("analyze keeps rows from the future out of windows", async () => {
  using directory = new TemporaryDirectory();
  const nowMs = Date.now();
  const lines = [nowMs, nowMs + 3_600_000, nowMs, nowMs + 3_600_000].map((timestampMs) =>
    jsonLine({ timestampMs, status: 404 })
  );
  await using analyzer = await Analyzer.start([
    ...["--source", `file:${directory.write("a.log", toBytes(lines))}`, ...directory.options()],
  ]);
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  assert.deepEqual([totals.in_windows, totals.future, totals.late], [2, 2, 0]);
  assertConserved(totals, directory.errorLines());
  const { stderr } = await analyzer.stop();
  assert.deepEqual(linesOf(stderr).filter((line) => line.includes("future")), [
    "First line in the future: its time is more than 5m ahead of the clock; " +
    "such lines are counted and saved, but open no window (--max-future)",
  ]);
});
