import assert from "node:assert/strict";
import {
  Analyzer,
  assertConserved,
  closeQuietly,
  expectedResults,
  freePort,
  generated,
  LineServer,
  linesOf,
  Program,
  send,
  start,
  taskArguments,
  TemporaryDirectory,
} from "./support.ts";

const TEXT = await generated(["--count", "4000", "--seed", "3", "--event-rate", "50"]);
const LINES = linesOf(TEXT);
const EXPECTED = expectedResults(LINES);

function textOf(from: number, to: number): string {
  return LINES.slice(from, to).join("\n") + "\n";
}

// S-46
Deno.test("analyze waits for a server, and connects again when it goes away", async () => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  const source = `tcp://127.0.0.1:${port}`;
  await using analyzer = await Analyzer.start(["--source", source, ...directory.options()]);
  const messages = () => linesOf(analyzer.program.stderr.text).slice(1);

  const { sources } = await analyzer.until(({ sources }) => sources[0]!.phase === "waiting");
  assert.equal(sources[0]!.reason, "nothing is listening there");
  const waiting = `${source}: nothing is listening there; trying again until it answers`;
  assert.deepEqual(messages(), [waiting]);
  {
    await using server = new LineServer(port);
    const connection = await server.accept();
    await send(connection, textOf(0, 1000));
    await analyzer.untilLines(1000);
    assert.deepEqual(messages(), [waiting, `${source}: connected`]);
    // Cut in the middle of a line, which is counted and never parsed.
    await send(connection, LINES[1000]!.slice(0, 60));
  }
  const lost = `${source}: closed by the other side; connecting again until it answers`;
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "waiting");
  assert.equal(totals.partial, 1);
  assert.equal(totals.lines, 1001);
  {
    await using server = new LineServer(port);
    await send(await server.accept(), textOf(1000, 4000));
    const { sources, totals } = await analyzer.untilLines(4001);
    assert.deepEqual(
      sources.map(({ phase, connections, connections_total }) => [
        phase,
        connections,
        connections_total,
      ]),
      [["connected", 1, 2]],
    );
    assert.equal(totals.valid, 4000);
    assertConserved(totals, directory.errorLines());
    assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
    assert.equal((await analyzer.stop()).status, 0);
  }
  // One line an outage, however many attempts it took.
  const [first, second, third, ...rest] = messages();
  assert.deepEqual([first, second], [waiting, `${source}: connected`]);
  assert.match(third!, /^First partial .* line: \{"timestamp"/);
  assert.deepEqual(rest.slice(0, 2), [lost, `${source}: connected`]);
  assert.match(rest[2]!, /^Stopped: 4001 lines/);
});

// S-24
Deno.test("analyze closes the last window by the clock when its source falls silent", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, "--window", "1s", "--lateness", "500ms"],
    ...["--idle-timeout", "300ms", ...directory.options()],
  ]);
  await send(await server.accept(), textOf(0, 120));
  await analyzer.until(({ totals, open }) => totals.lines === 120 && open.length === 0);
  assert.deepEqual(
    await analyzer.windows(),
    expectedResults(LINES.slice(0, 120), { windowLengthMs: 1000, latenessMs: 500 }).windows,
  );
});

// S-17
Deno.test("analyze accepts several connections at once on a listening source", async () => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  const source = `tcp-listen://127.0.0.1:${port}`;
  await using analyzer = await Analyzer.start(["--source", source, ...directory.options()]);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const connections = await Promise.all([connect(), connect(), connect()]);
  try {
    await analyzer.until(({ sources }) => sources[0]!.connections === 3);
    await Promise.all(
      connections.map((connection, i) => send(connection, textOf(i * 500, i * 500 + 500))),
    );
    const { totals } = await analyzer.untilLines(1500);
    assert.equal(totals.valid, 1500);
    assertConserved(totals, directory.errorLines());
    const expected = expectedResults(LINES.slice(0, 1500)).errorLines;
    assert.deepEqual(directory.errorLines().sort(), expected.toSorted());
  } finally {
    connections.forEach(closeQuietly);
  }
  const { sources } = await analyzer.until(({ sources }) => sources[0]!.connections === 0);
  assert.deepEqual(sources.map(({ phase, connections_total }) => [phase, connections_total]), [
    ["waiting", 3],
  ]);
  assert.equal((await analyzer.stop()).status, 0);
});

Deno.test("analyze goes on accepting after it ran out of file descriptors", async () => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  await using program = new Program("/bin/sh", [
    ...["-c", 'ulimit -n 100; exec "$@"', "sh", Deno.execPath(), ...taskArguments("analyze")],
    ...["--source", `tcp-listen://127.0.0.1:${port}`, "--http", "127.0.0.1:0"],
    ...directory.options(),
  ]);
  await program.stderr.match(/^Results: /m);
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
  const connections = await Promise.all(Array.from({ length: 100 }, connect));
  try {
    await program.stderr.match(/: cannot accept a connection: Too many open files/);
  } finally {
    connections.forEach(closeQuietly);
  }
  using last = await connect();
  await send(last, TEXT);
  const [, rowCount] = await program.stdout.match(/^(\d+) rows, /m);
  assert.equal(Number(rowCount), EXPECTED.windows[0]!.total_count);
  program.kill("SIGTERM");
  const { status, stderr } = await program.ended();
  assert.equal(status, 0);
  assert.equal(stderr.match(/cannot accept/g)!.length, 1);
});

// S-28
Deno.test("analyze reads standard input to its end", async () => {
  using directory = new TemporaryDirectory();
  await using program = start("analyze", [
    ...["--source", "-", "--once", "--no-http", "--output-format", "json", ...directory.options()],
  ], { hasInput: true });
  // The last line has no newline, and is a line all the same.
  await program.write(LINES.join("\n"));
  await program.closeInput();
  const { status, stdout, stderr } = await program.ended();
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "Standard input: read to its end\n" });
  assert.deepEqual(linesOf(stdout).map((line) => JSON.parse(line)), EXPECTED.windows);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
});

Deno.test("analyze ends on a signal while standard input is open", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start(["--source", "-", ...directory.options()], {
    hasInput: true,
  });
  await analyzer.program.write(textOf(0, 10) + LINES[10]!.slice(0, 60));
  await analyzer.untilLines(10);
  const signalledAtMs = performance.now();
  const { status, stderr } = await analyzer.stop("SIGINT");
  assert.equal(status, 0);
  assert.ok(performance.now() - signalledAtMs < 2000);
  // The line that was cut is counted, but not shown: nobody but the user has cut it.
  const [results, stopped, ...rest] = linesOf(stderr);
  assert.match(results!, /^Results: /);
  assert.match(stopped!, /^Stopped: 11 lines/);
  assert.deepEqual(rest, []);
});

// S-17
Deno.test("analyze merges a file, a server and standard input", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const file = `file:${directory.write("a.jsonl", textOf(0, 1000))}`;
  await using analyzer = await Analyzer.start([
    ...["--source", file, "--source", server.source, "--source", "-", "--once"],
    // Whatever comes first, nothing is late.
    ...["--lateness", "10m", ...directory.options()],
  ], { hasInput: true });
  const connection = await server.accept();
  await send(connection, textOf(1000, 2000));
  await analyzer.program.write(textOf(2000, 4000));
  const { totals, open, sources } = await analyzer.until(({ totals, sources }) =>
    totals.lines === 4000 && sources[0]!.phase === "ended"
  );
  assertConserved(totals, directory.errorLines());
  assert.deepEqual(sources.map(({ name, phase }) => [name, phase]), [
    [file, "ended"],
    [server.source, "connected"],
    ["-", "connected"],
  ]);
  assert.deepEqual(
    open.map(({ start, total_count, error_count }) => [start, total_count, error_count]),
    EXPECTED.windows.map((
      { start, total_count, error_count },
    ) => [start, total_count, error_count]),
  );
  connection.close();
  await analyzer.program.closeInput();
  const { status, stdout } = await analyzer.program.ended();
  assert.equal(status, 0);
  assert.equal(stdout.match(/rows, /g)?.length, EXPECTED.windows.length);
});

Deno.test("analyze reads CSV with and without a header as it reads JSON", async () => {
  using directory = new TemporaryDirectory();
  const csv = await generated([
    ...["--count", "4000", "--seed", "3", "--event-rate", "50", "--format", "csv", "--header"],
  ]);
  await using analyzer = await Analyzer.start([
    ...["--source", `file:${directory.write("a.csv", csv)}`, ...directory.options()],
  ]);
  const { totals } = await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  assert.equal(totals.header, 1);
  assert.equal(totals.valid, 4000);
  assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
});
