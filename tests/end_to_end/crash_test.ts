import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Analyzer,
  assertConserved,
  countsOf,
  expectedResults,
  generated,
  LineServer,
  linesOf,
  run,
  send,
  start,
  TemporaryDirectory,
} from "./support.ts";

/** A minute of event time in windows of one second, some rows late. */
const TEXT = await generated(["--count", "60000", "--seed", "11", "--late", "0.5%@20s"]);
const LINES = linesOf(TEXT);
const WINDOW = ["--window", "1s"];
const EXPECTED = expectedResults(LINES, { windowLengthMs: 1000 });

// S-28, S-44
Deno.test("analyze counts every row of a file once, however often it is killed", async () => {
  // Each number is how many closed windows a run may print before it is killed.
  const kills = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(kills, async (windowCounts) => {
      using directory = new TemporaryDirectory();
      const args = [
        ...["--source", `file:${directory.write("a.jsonl", TEXT)}`, ...WINDOW],
        ...["--checkpoint-interval", "5ms", "--output-format", "json", ...directory.options()],
      ];
      for (const count of windowCounts) {
        await using program = start("analyze", [...args, "--once", "--no-http"]);
        // It may have come to its end with fewer: then there was nothing left to print.
        await Promise.race([
          program.stdout.lines(count).then(() => {}, () => {}),
          program.ended(),
        ]);
        program.kill("SIGKILL");
        await program.ended();
      }
      await using analyzer = await Analyzer.start(args);
      const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
      assert.equal(totals.lines, LINES.length);
      assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
      assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
      assertConserved((await analyzer.metrics()).totals, directory.errorLines());
      // What a file gave is read again: there is nothing to keep for anybody.
      assert.ok(!analyzer.program.stderr.text.includes("set aside"));
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

// S-39, S-45
Deno.test("analyze keeps of a killed socket run what the checkpoint has, the rest aside", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  // No checkpoint but the one at the end of a run that is not killed.
  const args = [
    ...["--source", server.source, ...WINDOW, "--checkpoint-interval", "1h"],
    ...directory.options(),
  ];
  const [kept, lost, after] = [
    LINES.slice(0, 5000),
    LINES.slice(5000, 9000),
    LINES.slice(9000, 12_000),
  ];
  const feed = async (lines: readonly string[], linesInAll: number, signal: Deno.Signal) => {
    await using analyzer = await Analyzer.start(args);
    const connection = await server.accept();
    await send(connection, lines.join("\n") + "\n");
    const { totals } = await analyzer.untilLines(linesInAll);
    assert.equal(totals.lines, linesInAll);
    const { status } = await analyzer.stop(signal);
    connection.close();
    return { status, stderr: analyzer.program.stderr.text };
  };
  assert.equal((await feed(kept, 5000, "SIGTERM")).status, 0);
  assert.notEqual((await feed(lost, 9000, "SIGKILL")).status, 0);
  const { status, stderr } = await feed(after, 8000, "SIGTERM");
  assert.equal(status, 0);

  const errorsOf = (lines: readonly string[]) => expectedResults(lines).errorLines;
  const [line, count, path] =
    /^The last run ended without a checkpoint: (\d+) errors .* are set aside in (\S+)$/m
      .exec(stderr) ?? assert.fail(stderr);
  assert.equal(stderr.split(line).length, 2);
  assert.equal(Number(count), errorsOf(lost).length);
  assert.deepEqual(linesOf(Deno.readTextFileSync(path!)), errorsOf(lost));
  assert.deepEqual(directory.errorLines(), [...errorsOf(kept), ...errorsOf(after)]);
  // Windows agree with that as well: nothing of what was lost is in them.
  const expected = expectedResults([...kept, ...after], { windowLengthMs: 1000 });
  const { windows, totals } = await resultsOf(args);
  assert.deepEqual(windows, expected.windows.slice(0, windows.length));
  assert.ok(windows.length > 0);
  assert.equal(totals.lines, 8000);
  assertConserved(totals, directory.errorLines());
});

/** What a run that gets no more lines has to show; its source is there but silent. */
async function resultsOf(args: readonly string[]) {
  await using analyzer = await Analyzer.start([...args, "--idle-timeout", "1h"]);
  const { totals, open } = await analyzer.metrics();
  return { windows: await analyzer.windows(), totals, open };
}

// S-45
Deno.test("analyze agrees with itself after a kill at any moment of a socket run", async () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  await fc.assert(
    fc.asyncProperty(share, async (killAfter) => {
      using directory = new TemporaryDirectory();
      await using server = new LineServer();
      const args = [
        ...["--source", server.source, ...WINDOW, "--checkpoint-interval", "10ms"],
        ...directory.options(),
      ];
      await using killed = start("analyze", [...args, "--no-http", "--output-format", "json"]);
      const connection = await server.accept();
      // Fails where the kill comes first; what was not sent was not received either.
      const sending = send(connection, TEXT).catch(() => {});
      await killed.stdout.lines(1 + Math.floor(killAfter * 40));
      killed.kill("SIGKILL");
      await killed.ended();
      await sending;

      const { windows, totals, open } = await resultsOf(args);
      assertConserved(totals, directory.errorLines());
      const closed = countsOf(windows);
      const stillOpen = countsOf(open);
      assert.equal(closed.total + stillOpen.total, totals.in_windows);
      assert.equal(closed.errors + stillOpen.errors, totals.errors_in_windows);
      // Errors are a beginning of what was sent: nothing twice, nothing in between is missing.
      const errorLines = directory.errorLines();
      assert.deepEqual(errorLines, EXPECTED.errorLines.slice(0, errorLines.length));
      assert.ok(totals.lines > 0, "no checkpoint was ever saved");
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

Deno.test("analyze begins anew where it is killed before its first checkpoint", async () => {
  using directory = new TemporaryDirectory();
  const source = `file:${directory.write("a.jsonl", TEXT)}`;
  const args = ["--source", source, ...WINDOW, "--once", "--no-http", ...directory.options()];
  {
    await using program = start("analyze", [...args, "--checkpoint-interval", "1h"]);
    await program.stdout.lines(1);
    program.kill("SIGKILL");
    await program.ended();
  }
  assert.equal((await run("analyze", args)).status, 0);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
});
