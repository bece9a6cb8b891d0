import assert from "node:assert/strict";
import { BASE_MS, jsonLine } from "../support/log_lines.ts";
import {
  Analyzer,
  assertConserved,
  beforeDeadline,
  expectedResults,
  linesOf,
  Program,
  taskArguments,
  TemporaryDirectory,
} from "./support.ts";

/** Ten windows whose lines of JSON hold half a megabyte each: no pipe takes them, nor the queue. */
const LINES = Array.from({ length: 10 * 500 }, (_, i) =>
  jsonLine({
    timestampMs: BASE_MS + Math.floor(i / 500) * 1000,
    status: 404,
    url: `/${String(i).padStart(5, "0")}/${"x".repeat(1000)}`,
  }));
const EXPECTED = expectedResults(LINES, { windowLengthMs: 1000 });
const EXPECTED_STARTS = EXPECTED.windows.map(({ start }) => start);

function argumentsFor(directory: TemporaryDirectory): string[] {
  const source = `file:${directory.write("a.jsonl", LINES.join("\n") + "\n")}`;
  return [
    ...["--source", source, "--window", "1s", "--output-format", "json"],
    ...directory.options(),
  ];
}

/** Waits until the writer has been standing still for half a second. */
async function untilStuck(analyzer: Analyzer): Promise<void> {
  const asks = async () => {
    for (;;) {
      const { input_waiting, writer_idle_ms } = await (await analyzer.get("/healthz")).json();
      if (input_waiting && writer_idle_ms >= 500) return;
    }
  };
  await beforeDeadline(asks(), () => "the writer never gets stuck");
}

// S-43
Deno.test("analyze serves and stops while the reader of its output does not read", async () => {
  using directory = new TemporaryDirectory();
  const args = argumentsFor(directory);
  {
    await using analyzer = await Analyzer.start(args, { isOutputPaused: true });
    await untilStuck(analyzer);
    const askedAtMs = performance.now();
    const { closed } = await analyzer.metrics();
    assert.ok(performance.now() - askedAtMs < 1000);
    // It has gone as far as pipe and queue hold, and no further.
    assert.deepEqual(closed.map(({ start }) => start), EXPECTED_STARTS.slice(0, 3).reverse());
    const signalledAtMs = performance.now();
    const { status, stdout, stderr } = await analyzer.stop();
    assert.ok(performance.now() - signalledAtMs < 2000);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^vigie: ended before all of its output was read$/m);
    assert.equal(linesOf(stdout).length, 1);
  }
  await using analyzer = await Analyzer.start(args);
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  assert.equal(totals.lines, LINES.length);
  assertConserved(totals, directory.errorLines());
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
  assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
});

Deno.test("analyze goes on where the reader of its output reads again", async () => {
  using directory = new TemporaryDirectory();
  const args = [...argumentsFor(directory), "--once"];
  await using analyzer = await Analyzer.start(args, { isOutputPaused: true });
  await untilStuck(analyzer);
  analyzer.program.stdout.resume();
  const { status, stdout } = await analyzer.program.ended();
  assert.equal(status, 0);
  assert.deepEqual(linesOf(stdout).map((line) => JSON.parse(line)), EXPECTED.windows);
});

Deno.test("analyze says in one line that its output cannot be written", async () => {
  using directory = new TemporaryDirectory();
  const words = [Deno.execPath(), ...taskArguments("analyze"), ...argumentsFor(directory)];
  const commandLine = words.map((word) => `'${word}'`).join(" ");
  await using shell = new Program("/bin/sh", ["-c", `exec ${commandLine} --no-http > /dev/full`]);
  const { status, stderr } = await shell.ended();
  assert.equal(status, 1);
  assert.match(stderr, /^vigie: stopped: No space left on device .*; start it again/m);
  assert.doesNotMatch(stderr, /^ {4}at /m);
});
