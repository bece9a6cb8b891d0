import assert from "node:assert/strict";
import type { WindowJson } from "../../analyzer/window/window_json.ts";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  filesBelow,
  freePort,
  generated,
  LineServer,
  linesOf,
  run,
  send,
  start,
  TemporaryDirectory,
} from "./support.ts";

const TEXT = await generated(["--count", "200000", "--seed", "7"]);
const LINES = linesOf(TEXT);
const EXPECTED = expectedResults(LINES);
const WINDOWS = EXPECTED.windows;

/** Windows printed as JSON lines. */
function parseWindows(stdout: string): WindowJson[] {
  return linesOf(stdout).map((line) => JSON.parse(line));
}

/** Every file with its bytes and the time of its last change; SQLite's side files excepted. */
function snapshot(directory: string): Record<string, { bytes: string; mtime: Date | null }> {
  return Object.fromEntries(
    filesBelow(directory).filter((path) => !/-(wal|shm)$/.test(path)).map((path) => [path, {
      bytes: Deno.readFileSync(path).toBase64(),
      mtime: Deno.statSync(path).mtime,
    }]),
  );
}

Deno.test("gen --count writes so many lines at one rate and ends", async () => {
  const startedAtMs = performance.now();
  const { status, stdout, stderr } = await run("gen", ["--count", "5", "--rate", "10"]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  const records = linesOf(stdout).map((line) => JSON.parse(line));
  assert.equal(records.length, 5);
  for (const record of records) {
    assert.deepEqual(Object.keys(record), ["timestamp", "ip", "method", "url", "status"]);
  }
  // The first is due at once, the fifth after four tenths of a second.
  assert.ok(performance.now() - startedAtMs >= 400);
});

Deno.test("gen writes the same lines for the same seed", async () => {
  assert.equal(LINES.length, 200_000);
  const again = await generated(["--count", "200000", "--seed", "7"]);
  // Not assert.equal, which would print both.
  assert.ok(again === TEXT, "the second run differs");
});

// S-44
Deno.test("analyze finds in a file what a naive script does, once and no more", async () => {
  using directory = new TemporaryDirectory();
  const source = `file:${directory.write("a.jsonl", TEXT)}`;
  const args = ["--source", source, "--once", "--no-http", ...directory.options()];
  const first = await run("analyze", [...args, "--output-format", "json"]);
  assert.equal(first.status, 0);
  assert.equal(first.stderr, `${directory.join("a.jsonl")}: read to its end, 200000 lines\n`);
  assert.deepEqual(parseWindows(first.stdout), WINDOWS);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);

  const before = snapshot(directory.path);
  const second = await run("analyze", [...args, "--output-format", "json"]);
  assert.deepEqual(second, {
    status: 0,
    stdout: "",
    stderr: `${directory.join("a.jsonl")}: was read to its end before, nothing new\n`,
  });
  assert.deepEqual(snapshot(directory.path), before);
});

Deno.test("analyze --once finds the same in what a socket sends", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using program = start("analyze", [
    ...["--source", server.source, "--once", "--no-http", "--output-format", "json"],
    ...directory.options(),
  ]);
  const connection = await server.accept();
  await send(connection, TEXT);
  connection.close();
  const { status, stdout, stderr } = await program.ended();
  assert.equal(status, 0);
  assert.equal(stderr, `${server.source}: closed by the other side\n`);
  assert.deepEqual(parseWindows(stdout), WINDOWS);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
});

// S-9
Deno.test("analyze --once takes a last line without newline for a line", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const lines = LINES.slice(0, 100);
  await using program = start("analyze", [
    ...["--source", server.source, "--once", "--no-http", "--output-format", "json"],
    ...directory.options(),
  ]);
  const connection = await server.accept();
  await send(connection, lines.join("\n"));
  connection.close();
  assert.deepEqual(parseWindows((await program.ended()).stdout), expectedResults(lines).windows);
});

Deno.test("analyze serves metrics and windows while it runs", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start(["--source", server.source, ...directory.options()]);
  const connection = await server.accept();
  // 45 s of event time: one window closed by the rows of the next, which stays open.
  await send(connection, LINES.slice(0, 45_000).join("\n") + "\n");
  const metrics = await analyzer.untilLines(45_000);
  assertConserved(metrics.totals, directory.errorLines());
  assert.deepEqual(metrics.sources.map(({ name, phase }) => ({ name, phase })), [
    { name: server.source, phase: "connected" },
  ]);
  assert.deepEqual(await analyzer.windows(), WINDOWS.slice(0, 1));
  assert.deepEqual(metrics.closed, WINDOWS.slice(0, 1));
  assert.deepEqual(
    metrics.open.map(({ start, state, total_count }) => [start, state, total_count]),
    [
      ["2025-05-30T18:53:00.000Z", "open", 15_000],
    ],
  );
  const current = await (await analyzer.get("/windows/current")).json();
  assert.deepEqual(current, { windows: metrics.open });
  const one = await (await analyzer.get(`/windows/${WINDOWS[0]!.start}`)).json();
  assert.deepEqual(one, WINDOWS[0]);
  const text = await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
  assert.match(text, /^vigie_lines_total\{outcome="valid"\} 45000$/m);
  for (const path of ["/healthz", "/readyz"]) {
    const response = await analyzer.get(path);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
  assert.equal((await analyzer.stop()).status, 0);
  assert.match(analyzer.program.stdout.text, /\|\{2025-05-30 18:52:30, 2025-05-30 18:53:00\}\|404/);
});

// S-31
Deno.test("analyze keeps windows and totals over a restart", async () => {
  using directory = new TemporaryDirectory();
  const args = ["--source", `file:${directory.write("a.jsonl", TEXT)}`, ...directory.options()];
  const answers = [];
  for (let i = 0; i < 2; i++) {
    await using analyzer = await Analyzer.start(args);
    await analyzer.program.stderr.match(/^All sources have ended: results stay at .*$/m);
    const { totals } = await analyzer.untilLines(LINES.length);
    answers.push({ totals, windows: await analyzer.windows() });
    assert.equal((await analyzer.stop("SIGINT")).status, 0);
  }
  assert.deepEqual(answers[0]!.windows, WINDOWS);
  assert.deepEqual(answers[1], answers[0]);
});

Deno.test("gen --listen serves several clients the same lines", async () => {
  const port = freePort();
  await using generator = start("gen", ["--listen", String(port), "--rate", "200"]);
  assert.deepEqual(await generator.stderr.lines(1), [`Listening on 127.0.0.1:${port}`]);
  const texts = await Promise.all([readLines(port, 20), readLines(port, 20)]);
  const [first, second] = texts.map((text) => text.split("\n").slice(0, -1));
  const common = first!.filter((line) => second!.includes(line));
  assert.ok(common.length > 0, "no line reached both clients");
  generator.kill("SIGTERM");
  assert.equal((await generator.ended()).status, 0);
});

async function readLines(port: number, count: number): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  while (linesOf(text).length <= count) {
    const bytes = await connection.read(buffer);
    assert.ok(bytes !== null, "the server went away");
    text += decoder.decode(buffer.subarray(0, bytes), { stream: true });
  }
  return text;
}

Deno.test("gen --listen at the highest rate can be stopped after its client has broken off", async () => {
  for (const reads of [1, 2, 5]) {
    const port = freePort();
    await using generator = start("gen", ["--listen", String(port), "--rate", "max"]);
    await generator.stderr.lines(1);
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(4_000_000);
    for (let i = 0; i < reads; i++) await client.read(buffer);
    // What is on its way is never read, so the connection is reset, wherever that finds the server.
    client.close();
    await new Promise((resolve) => setTimeout(resolve, 100));
    generator.kill("SIGTERM");
    assert.equal((await generator.ended()).status, 0);
  }
});

Deno.test("gen --listen and analyze need no netcat between them", async () => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  await using generator = start("gen", [
    ...["--listen", String(port), "--count", "3000", "--rate", "max"],
    ...["--start", "2025-05-30T18:52:30Z", "--seed", "7"],
  ]);
  await generator.stderr.lines(1);
  const { status, stdout } = await run("analyze", [
    ...["--source", `tcp://127.0.0.1:${port}`, "--once", "--no-http", "--output-format", "json"],
    ...directory.options(),
  ]);
  assert.equal(status, 0);
  assert.deepEqual(parseWindows(stdout), expectedResults(LINES.slice(0, 3000)).windows);
  assert.equal((await generator.ended()).status, 0);
});

for (const rate of ["max", "1000"]) {
  Deno.test(`gen --rate ${rate} ends quietly when its reader goes away`, async () => {
    await using generator = start("gen", ["--rate", rate]);
    await generator.stdout.lines(1);
    await generator.stdout.close();
    const { status, stderr } = await generator.ended();
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });
}

Deno.test("gen ends quietly on SIGINT, with whole lines", async () => {
  await using generator = start("gen", ["--rate", "max"]);
  await generator.stdout.lines(1);
  generator.kill("SIGINT");
  const { status, stdout, stderr } = await generator.ended();
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  assert.ok(stdout.endsWith("}\n"));
});

Deno.test("analyze ends with a checkpoint when the reader of its output goes away", async () => {
  using directory = new TemporaryDirectory();
  const args = ["--checkpoint-interval", "1h", ...directory.options()];
  await using server = new LineServer();
  await using program = start("analyze", ["--source", server.source, "--no-http", ...args]);
  const connection = await server.accept();
  await program.stdout.close();
  // The first closed window finds nobody to read it.
  await send(connection, LINES.slice(0, 45_000).join("\n") + "\n");
  const { status, stderr } = await program.ended();
  assert.equal(status, 0);
  const [, lines] = /^Stopped: (\d+) lines, \d+ errors in all; 1 open window goes on/m.exec(
    stderr,
  )!;

  await using analyzer = await Analyzer.start(["--source", server.source, ...args]);
  const { totals } = await analyzer.metrics();
  assert.equal(totals.lines, Number(lines));
  assert.ok(totals.in_windows > 30_000);
  assertConserved(totals, directory.errorLines());
  assert.deepEqual(await analyzer.windows(), WINDOWS.slice(0, 1));
});

Deno.test("analyze writes tables without escape sequences into a pipe", async () => {
  using directory = new TemporaryDirectory();
  const source = `file:${directory.write("a.jsonl", LINES.slice(0, 1000).join("\n"))}`;
  const { stdout, stderr } = await run("analyze", [
    ...["--source", source, "--once", "--no-http", "--show-urls", ...directory.options()],
  ]);
  assert.match(stdout, /^\+-+\+-+\+-+\+-+\+$/m);
  assert.match(stdout, /^ 404 +\d+ {2}\/resource\/\d+$/m);
  assert.ok(!(stdout + stderr).includes("\x1b"));
});
