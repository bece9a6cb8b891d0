import assert from "node:assert/strict";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  freePort,
  generated,
  linesOf,
  Program,
  run,
  TemporaryDirectory,
  testWith,
} from "./support.ts";

const TEXT = await generated(["--count", "3000", "--seed", "13", "--event-rate", "50"]);
const LINES = linesOf(TEXT);

testWith("nc.openbsd", "analyze --once reads what nc -lN sends to its end", async (path) => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  await using netcat = new Program(path, ["-lN", "127.0.0.1", String(port)], { hasInput: true });
  const writing = netcat.write(TEXT).then(() => netcat.closeInput());
  const { status, stdout } = await run("analyze", [
    ...["--source", `tcp://127.0.0.1:${port}`, "--once", "--no-http", "--output-format", "json"],
    ...directory.options(),
  ]);
  await writing;
  assert.equal(status, 0);
  const expected = expectedResults(LINES);
  assert.deepEqual(linesOf(stdout).map((line) => JSON.parse(line)), expected.windows);
  assert.deepEqual(directory.errorLines(), expected.errorLines);
  assert.equal((await netcat.ended()).status, 0);
});

for (const name of ["nc.openbsd", "ncat"]) {
  testWith(name, "analyze closes the last window of what -lk sends by the clock", async (path) => {
    using directory = new TemporaryDirectory();
    const port = freePort();
    await using netcat = new Program(path, ["-lk", "127.0.0.1", String(port)], { hasInput: true });
    const times = { windowLengthMs: 10_000, latenessMs: 100 };
    await using analyzer = await Analyzer.start([
      ...["--source", `tcp://127.0.0.1:${port}`, "--window", "10s", "--lateness", "100ms"],
      ...["--idle-timeout", "300ms", "--max-future", "off", ...directory.options()],
    ]);
    await analyzer.until(({ sources }) => sources[0]!.phase === "connected");
    // The last rows end half a second before their window does, and nothing comes after them.
    const lines = LINES.slice(0, 2975);
    await netcat.write(lines.join("\n") + "\n");
    const { totals } = await analyzer.until(({ totals, open }) =>
      totals.lines === lines.length && open.length === 0
    );
    const expected = expectedResults(lines, times);
    assert.deepEqual(await analyzer.windows(), expected.windows);
    assert.deepEqual(directory.errorLines(), expected.errorLines);
    assertConserved(totals, directory.errorLines());
    // Both keep the connection when their input ends, or not; the analyzer stays up either way.
    await netcat.closeInput();
    assert.equal((await analyzer.metrics()).totals.lines, lines.length);
  });

  testWith(name, "analyze connects again to one that was started anew", async (path) => {
    using directory = new TemporaryDirectory();
    const port = freePort();
    await using analyzer = await Analyzer.start([
      ...["--source", `tcp://127.0.0.1:${port}`, ...directory.options()],
    ]);
    for (let i = 0; i < 2; i++) {
      await using netcat = new Program(path, ["-lk", "127.0.0.1", String(port)], {
        hasInput: true,
      });
      await analyzer.until(({ sources }) => sources[0]!.phase === "connected");
      await netcat.write(LINES.slice(i * 1000, i * 1000 + 1000).join("\n") + "\n");
      await analyzer.untilLines((i + 1) * 1000);
      netcat.kill("SIGKILL");
      await netcat.ended();
      await analyzer.until(({ sources }) => sources[0]!.phase === "waiting");
    }
    const { errorLines } = expectedResults(LINES.slice(0, 2000));
    assert.deepEqual(directory.errorLines(), errorLines);
  });
}
