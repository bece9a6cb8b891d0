import assert from "node:assert/strict";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  generated,
  LineServer,
  linesOf,
  send,
  start,
  TemporaryDirectory,
} from "./support.ts";

const TEXT = await generated(["--count", "4000", "--seed", "3", "--event-rate", "50"]);
const LINES = linesOf(TEXT);

/** Sends the beginning of a request and then waits for ever, as a client of a live stream would. */
async function hangingClient(url: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await send(connection, "GET /metrics HTTP/1.1\r\nHost: a\r\n");
  return connection;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // S-43
  Deno.test(`analyze keeps open windows open on ${signal} and closes them later`, async () => {
    using directory = new TemporaryDirectory();
    await using server = new LineServer();
    const args = ["--source", server.source, "--lateness", "35s", ...directory.options()];
    // Rows of 50 s and a lateness of more than a window: two windows are open, none has closed.
    const first = LINES.slice(0, 2500);
    {
      await using analyzer = await Analyzer.start(args);
      const connection = await server.accept();
      await send(connection, first.join("\n") + "\n");
      const { open } = await analyzer.untilLines(2500);
      assert.equal(open.length, 2);
      using _client = await hangingClient(analyzer.url);
      const signalledAtMs = performance.now();
      const { status, stdout, stderr } = await analyzer.stop(signal);
      assert.ok(performance.now() - signalledAtMs < 2000);
      assert.deepEqual({ status, stdout }, { status: 0, stdout: "" });
      const errors = expectedResults(first).errorLines.length;
      assert.match(
        stderr,
        new RegExp(
          `^Stopped: 2500 lines, ${errors} errors in all; ` +
            "2 open windows go on at the next start$",
          "m",
        ),
      );
      connection.close();
    }
    await using analyzer = await Analyzer.start([...args, "--once"]);
    assert.equal((await analyzer.metrics()).open.length, 2);
    const connection = await server.accept();
    await send(connection, LINES.slice(2500).join("\n") + "\n");
    const { totals } = await analyzer.untilLines(4000);
    assertConserved(totals, directory.errorLines());
    connection.close();
    const { status, stdout } = await analyzer.program.ended();
    assert.equal(status, 0);
    const expected = expectedResults(LINES, { latenessMs: 35_000 }).windows;
    assert.equal(stdout.match(/rows, /g)?.length, expected.length);
    for (const { total_count, error_count } of expected) {
      assert.match(stdout, new RegExp(`^${total_count} rows, ${error_count} errors`, "m"));
    }
  });
}

Deno.test("analyze closes restored windows by the clock where their source is gone", async () => {
  using directory = new TemporaryDirectory();
  let source;
  const first = LINES.slice(0, 100);
  const times = ["--lateness", "100ms", "--window", "1s"];
  {
    await using server = new LineServer();
    source = server.source;
    await using analyzer = await Analyzer.start([
      ...["--source", source, ...times, "--idle-timeout", "1h", ...directory.options()],
    ]);
    await send(await server.accept(), first.join("\n") + "\n");
    assert.equal((await analyzer.untilLines(100)).open.length, 1);
    assert.equal((await analyzer.stop()).status, 0);
  }
  await using analyzer = await Analyzer.start([
    ...["--source", source, ...times, "--idle-timeout", "200ms", ...directory.options()],
  ]);
  await analyzer.until(({ open }) => open.length === 0);
  const expected = expectedResults(first, { windowLengthMs: 1000, latenessMs: 100 });
  assert.deepEqual(await analyzer.windows(), expected.windows);
});

Deno.test("analyze takes two signals within a second for one", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start(["--source", server.source, ...directory.options()]);
  await send(await server.accept(), LINES.slice(0, 100).join("\n") + "\n");
  await analyzer.untilLines(100);
  // Not twice the same, which the system may deliver as one.
  analyzer.program.kill("SIGINT");
  const { status, stderr } = await analyzer.stop("SIGTERM");
  assert.equal(status, 0);
  assert.match(stderr, /^Stopped: 100 lines, \d+ errors in all; 1 open window goes on/m);
});

Deno.test("analyze ends on a signal while it waits for its source", async () => {
  using directory = new TemporaryDirectory();
  const source = "tcp://127.0.0.1:1";
  await using program = start("analyze", ["--source", source, "--no-http", ...directory.options()]);
  await program.stderr.match(/nothing is listening there; trying again until it answers/);
  program.kill("SIGTERM");
  const { status, stderr } = await program.ended();
  assert.equal(status, 0);
  assert.match(stderr, /^Stopped: 0 lines, 0 errors in all$/m);
});

Deno.test("analyze stops in the middle of a busy socket, and of a file", async () => {
  using directory = new TemporaryDirectory();
  const lines = LINES.join("\n") + "\n";
  await using server = new LineServer();
  {
    await using analyzer = await Analyzer.start([
      "--source",
      server.source,
      ...directory.options(),
    ]);
    const connection = await server.accept();
    const flood = (async () => {
      for (;;) await send(connection, lines);
    })().catch(() => {});
    await analyzer.untilLines(20_000);
    const signalledAtMs = performance.now();
    const { status } = await analyzer.stop();
    assert.equal(status, 0);
    assert.ok(performance.now() - signalledAtMs < 2000);
    await flood;
  }
  // Long enough that the signal comes in the middle.
  const path = directory.write("large.jsonl", lines.repeat(200));
  const args = [
    "--source",
    `file:${path}`,
    "--output-format",
    "json",
    ...directory.options("file"),
  ];
  await using analyzer = await Analyzer.start(args);
  await analyzer.untilLines(1);
  const signalledAtMs = performance.now();
  const { status, stderr } = await analyzer.stop();
  assert.equal(status, 0);
  assert.ok(performance.now() - signalledAtMs < 2000);
  const [, count] = /^Stopped: (\d+) lines/m.exec(stderr)!;
  assert.ok(Number(count) < 800_000, "the file was read to its end before the signal");
  assertConserved(
    (await (async () => {
      await using again = await Analyzer.start(args);
      return await again.until(({ sources }) => sources[0]!.phase === "ended");
    })()).totals,
    directory.errorLines("file"),
  );
});
