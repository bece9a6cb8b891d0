import assert from "node:assert/strict";
import { join } from "node:path";
import { limitLabel } from "../../analyzer/limit_options.ts";
import { LIMIT_NAMES } from "../../analyzer/limits.ts";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  filesBelow,
  generated,
  LineServer,
  linesOf,
  type Program,
  run,
  runCommandLine,
  send,
  start,
  TemporaryDirectory,
} from "./support.ts";

const TEXT = await generated(["--count", "3000", "--seed", "5", "--event-rate", "50"]);
const EXPECTED = expectedResults(linesOf(TEXT));

/** One line that the program prints before it ends, whatever else. */
function oneLine(stderr: string): string {
  const lines = linesOf(stderr);
  assert.equal(lines.length, 1, stderr);
  assert.ok(stderr.endsWith("\n"));
  return lines[0]!;
}

const MISTAKES: readonly (readonly [commandLine: string, message: RegExp])[] = [
  ["analyze --wimdow 3s", /unknown option --wimdow: did you mean --window\?/],
  ["analyze -w", /unknown option -w/],
  ["analyze --window", /--window needs a value/],
  ["analyze --window 3x", /--window 3x: .* is not a duration/],
  ["analyze --window 8d", /--window 8d: .* is not from 1ms to 7d/],
  ["analyze --window 1s --window 2s", /--window is given more than once/],
  ["analyze --min-status 600", /--min-status 600: .* 100 to 599/],
  ["analyze --limit line-bytes=1", /--limit line-bytes=1: "1" is not from 256 to 16MiB/],
  ["analyze --limit line-byte=1", /there is no limit "line-byte": did you mean line-bytes\?/],
  ["analyze --limit statuses=9", /statuses is 500 and cannot be changed/],
  ["analyze --allow 10.0.0.0/8", /--allow needs a source that listens: add --source tcp-listen:/],
  [
    "analyze --source tcp-listen://127.0.0.1:9 --allow 10.1.2.3/8",
    /bits set .*: write 10\.0\.0\.0\/8 for/,
  ],
  ["analyze --source tcp-listen://127.0.0.1:9 --tls-cert a", /--tls-cert needs --tls-key/],
  ["analyze --tls-ca a", /--tls-ca needs a source that connects over TLS/],
  ["analyze --format xml", /--format xml: .* auto or json or csv/],
  ["analyze --source http://127.0.0.1:80", /--source .* is not a source/],
  ["analyze --source tcp://127.0.0.1:99999", /--source .* is not HOST:PORT/],
  ["analyze --source - --source -", /--source - is given more than once/],
  ["analyze --source file:a --follow --once", /--follow and --once contradict each other/],
  ["analyze --follow", /--follow needs a file to follow: add --source file:PATH/],
  ["analyze --http 8001 --no-http", /--http and --no-http contradict each other/],
  ["analyze --lateness 1d --window 1s", /--lateness keeps more than 256 windows open/],
  ["analyze --quiet=yes", /--quiet takes no value/],
  ["analyze more", /unexpected argument "more"/],
  ["analyse", /unknown command "analyse": did you mean analyze\?/],
  ["toString", /unknown command "toString"/],
  ["gen --rat 5", /unknown option --rat: did you mean --rate\?/],
  ["gen --rate 0", /--rate 0: .* is not above 0/],
  ["gen --status-dist 90,5", /--status-dist 90,5: .* is not three shares/],
  ["gen --header", /--header: .* --format csv/],
  ["gen --burst 500:x10", /--burst 500:x10: .* is not a burst/],
  ["demo --rate many", /--rate many: .* is not a number/],
];

for (const [commandLine, message] of MISTAKES) {
  Deno.test(`main says in one line what is wrong with: ${commandLine}`, async () => {
    using directory = new TemporaryDirectory();
    const [command, ...args] = commandLine.split(" ");
    const places = command === "analyze" && !commandLine.endsWith("--window")
      ? directory.options()
      : [];
    const { status, stdout, stderr } = await runCommandLine([
      command!,
      ...args,
      ...places,
    ]);
    assert.deepEqual({ status, stdout }, { status: 2, stdout: "" });
    assert.match(oneLine(stderr), message);
    assert.deepEqual([...Deno.readDirSync(directory.path)], []);
  });
}

Deno.test("main without a command shows how to use it, as a mistake", async () => {
  const { status, stdout } = await runCommandLine([]);
  assert.equal(status, 2);
  assert.match(stdout, /^Usage: deno task gen\|analyze\|demo/);
});

Deno.test("main --help and --version answer for the program and for each command", async () => {
  const commandLines = [["--help"], ["-h"], ["--version"]];
  for (const command of ["gen", "analyze", "demo"]) {
    commandLines.push([command, "--help"], [command, "--version"], [command, "--nonsense", "-h"]);
  }
  const results = await Promise.all(commandLines.map(runCommandLine));
  for (const [i, { status, stdout, stderr }] of results.entries()) {
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    const args = commandLines[i]!;
    if (args.at(-1) === "--version") assert.match(stdout, /^vigie \d+\.\d+\.\d+\n$/);
    else if (args.length === 1) assert.match(stdout, /^Usage: deno task gen\|analyze\|demo /);
    else assert.ok(stdout.startsWith(`Usage: deno task ${args[0]} [options]\n`));
  }
});

Deno.test("analyze says that the port of HTTP is in use, before anything is consumed", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const { status, stdout, stderr } = await run("analyze", [
    ...["--source", server.source, "--http", address, ...directory.options()],
  ]);
  assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
  assert.match(
    oneLine(stderr),
    new RegExp(`^vigie: Cannot listen on ${address}: the port is in use`),
  );
  // Nobody has connected: the next one is us.
  using ours = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const theirs = await server.accept();
  assert.equal((theirs.remoteAddr as Deno.NetAddr).port, (ours.localAddr as Deno.NetAddr).port);
  assert.deepEqual(directory.errorLines(), []);
});

Deno.test("analyze says that the port of a listening source is in use", async () => {
  using directory = new TemporaryDirectory();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { status, stderr } = await run("analyze", [
    ...["--source", `tcp-listen://127.0.0.1:${taken.addr.port}`, "--no-http"],
    ...directory.options(),
  ]);
  assert.equal(status, 1);
  assert.match(oneLine(stderr), /^vigie: Cannot listen on .*: the port is in use/);
});

Deno.test("gen says that its port is in use", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { status, stderr } = await run("gen", ["--listen", String(taken.addr.port)]);
  assert.equal(status, 1);
  assert.match(oneLine(stderr), /the port is in use/);
});

Deno.test("analyze says that a file is not there, or no file", async () => {
  using directory = new TemporaryDirectory();
  for (const [path, why] of [[directory.join("a"), "no such file"], [directory.path, "regular"]]) {
    const { status, stderr } = await run("analyze", [
      ...["--source", `file:${path}`, "--once", "--no-http", ...directory.options()],
    ]);
    assert.equal(status, 1);
    assert.ok(oneLine(stderr).startsWith(`vigie: Cannot read ${path}: `), stderr);
    assert.match(stderr, new RegExp(why!));
  }
  assert.deepEqual([...Deno.readDirSync(directory.path)], []);
});

/** A directory with a run that has read its file to the end, and the options to repeat it. */
async function finishedRun() {
  const directory = new TemporaryDirectory();
  const source = `file:${directory.write("a.jsonl", TEXT)}`;
  const common = ["--once", "--no-http"];
  const args = ["--source", source, ...common, ...directory.options()];
  const { status, stderr } = await run("analyze", args);
  assert.equal(status, 0, stderr);
  return {
    directory,
    source,
    common,
    args,
    contents: () => contentsOf(directory.join("run")),
    [Symbol.dispose]: () => directory[Symbol.dispose](),
  };
}

/** All files by path, in base64; lock files and SQLite's side files excepted. */
function contentsOf(path: string): Record<string, string> {
  return Object.fromEntries(
    filesBelow(path).filter((file) => !/\/lock$|-(wal|shm)$/.test(file))
      .map((file) => [file.slice(path.length), Deno.readFileSync(file).toBase64()]),
  );
}

// S-38
Deno.test("analyze refuses to go on with other windows, errors or sources", async () => {
  using finished = await finishedRun();
  const { args, directory, common, source } = finished;
  const before = finished.contents();
  const other = directory.write("b.jsonl", TEXT);
  const attempts: [string[], RegExp][] = [
    [[...args, "--window", "1m"], /holds windows of 30000 ms, not 60000 ms/],
    [[...args, "--min-status", "500"], /counts errors from 400 on, not 500/],
    [
      ["--source", `file:${other}`, ...common, ...directory.options()],
      /belongs to other sources \(file:.*a\.jsonl\)/,
    ],
    [[...args, "--source", `file:${other}`], /belongs to other sources/],
  ];
  for (const [attempt, message] of attempts) {
    const { status, stdout, stderr } = await run("analyze", attempt);
    assert.deepEqual({ status, stdout }, { status: 2, stdout: "" });
    assert.match(oneLine(stderr), message);
    assert.match(stderr, /take another --output and --checkpoint, or --reset/);
    assert.deepEqual(finished.contents(), before);
  }
  // The same sources in another order are the same.
  const two = ["--source", source, "--source", `file:${other}`];
  const places = [...common, ...directory.options("two")];
  assert.equal((await run("analyze", [...two, ...places])).status, 0);
  const swapped = ["--source", `file:${other}`, "--source", source];
  assert.equal((await run("analyze", [...swapped, ...places])).status, 0);
});

// S-38
Deno.test("analyze refuses the checkpoint of another output, and an output without one", async () => {
  using finished = await finishedRun();
  const { directory, source, common } = finished;
  assert.equal(
    (await run("analyze", ["--source", source, ...common, ...directory.options("two")])).status,
    0,
  );
  const before = finished.contents();
  const output = ["--output", directory.join("run", "output")];
  const attempts: [string, RegExp][] = [
    [directory.join("two", "checkpoint"), /does not belong to/],
    [directory.join("none"), /holds results, but .* no checkpoint of them/],
  ];
  for (const [checkpoint, message] of attempts) {
    const { status, stderr } = await run("analyze", [
      ...["--source", source, ...common, ...output, "--checkpoint", checkpoint],
    ]);
    assert.equal(status, 2);
    assert.match(oneLine(stderr), message);
    assert.deepEqual(finished.contents(), before);
  }
});

// S-38
Deno.test("analyze refuses another file under the same name, and one that was cut short", async () => {
  using finished = await finishedRun();
  const { args, directory } = finished;
  const before = finished.contents();
  const path = directory.join("a.jsonl");
  const refused = async (message: RegExp) => {
    const { status, stderr } = await run("analyze", args);
    assert.equal(status, 2, stderr);
    assert.match(oneLine(stderr), message);
    assert.deepEqual(finished.contents(), before);
  };
  Deno.truncateSync(path, 2000);
  await refused(/is shorter than what was read of it before/);
  // Another inode, as a rotation of logs leaves it.
  directory.write("new.jsonl", TEXT);
  Deno.renameSync(directory.join("new.jsonl"), path);
  await refused(/is not the file that the checkpoint was made with/);
});

Deno.test("analyze goes on with a file that has grown", async () => {
  using directory = new TemporaryDirectory();
  const lines = linesOf(TEXT);
  const path = directory.write("a.jsonl", lines.slice(0, 10).join("\n") + "\n");
  const args = ["--source", `file:${path}`, ...directory.options()];
  const once = [...args, "--once", "--no-http"];
  for (const count of [20, 1000, 3000]) {
    assert.equal((await run("analyze", once)).status, 0);
    Deno.writeTextFileSync(path, lines.slice(0, count).join("\n") + "\n");
  }
  await using analyzer = await Analyzer.start(args);
  const { totals } = await analyzer.untilLines(3000);
  await analyzer.until(({ sources }) => sources[0]!.phase === "ended");
  assert.equal(totals.lines, 3000);
  assertConserved((await analyzer.metrics()).totals, directory.errorLines());
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
});

// S-41
Deno.test("analyze --reset sets everything aside and begins anew", async () => {
  using finished = await finishedRun();
  const { args, directory } = finished;
  const before = finished.contents();
  const { status, stdout, stderr } = await run("analyze", [...args, "--reset", "--window", "1m"]);
  assert.equal(status, 0);
  assert.match(stdout, /\|404/);
  const aside = [...stderr.matchAll(/^Set aside what was there: (.*)$/gm)].map(([, path]) => path!);
  assert.equal(aside.length, 2);
  // Nothing is lost: every file of before is there, byte by byte.
  const kept = aside.flatMap((path) => Object.values(contentsOf(path)));
  assert.deepEqual(kept.sort(), Object.values(before).sort());
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
  // With nothing there, there is nothing to set aside.
  const fresh = await run("analyze", [
    ...["--source", finished.source, ...finished.common, "--reset", ...directory.options("new")],
  ]);
  assert.equal(fresh.status, 0);
  assert.ok(!fresh.stderr.includes("Set aside"));
});

// S-41
Deno.test("analyze --reset moves nothing where the run cannot start", async () => {
  using finished = await finishedRun();
  const { args, directory } = finished;
  const before = finished.contents();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const address = `127.0.0.1:${taken.addr.port}`;
  const places = directory.options();
  const attempts = [
    ["--source", finished.source, "--http", address, ...places],
    ["--source", `tcp-listen://${address}`, "--no-http", ...places],
    ["--source", `file:${directory.join("none")}`, "--no-http", ...places],
  ];
  for (const attempt of attempts) {
    const { status, stderr } = await run("analyze", [...attempt, "--reset"]);
    assert.equal(status, 1);
    assert.match(oneLine(stderr), /^vigie: Cannot (?:listen on|read) /);
    assert.deepEqual(finished.contents(), before);
  }
  assert.match((await run("analyze", args)).stderr, /was read to its end before, nothing new/);
});

Deno.test("analyze works with one directory for results and checkpoints", async () => {
  using directory = new TemporaryDirectory();
  const place = directory.join("run", "output");
  const args = [
    ...["--source", `file:${directory.write("a.jsonl", TEXT)}`, "--once", "--no-http"],
    ...["--output", place, "--checkpoint", place],
  ];
  for (
    const [more, message] of [
      [[], /: read to its end, 3000 lines$/],
      [[], /: was read to its end before, nothing new$/],
      [["--reset"], /: read to its end, 3000 lines$/],
      [[], /: was read to its end before, nothing new$/],
    ] as const
  ) {
    const { status, stderr } = await run("analyze", [...args, ...more]);
    assert.equal(status, 0, stderr);
    assert.match(linesOf(stderr).at(-1)!, message);
    const parts = filesBelow(join(place, "errors")).filter((path) => /part-\d+\.jsonl$/.test(path));
    assert.equal(parts.length, 1);
    assert.deepEqual(linesOf(Deno.readTextFileSync(parts[0]!)), EXPECTED.errorLines);
  }
});

// S-42
Deno.test("analyze keeps off an output that another one works on, or a checkpoint", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start(["--source", server.source, ...directory.options()]);
  await send(await server.accept(), TEXT);
  await analyzer.untilLines(3000);
  const elsewhere = directory.options("elsewhere");
  const attempts = [
    directory.options(),
    [...directory.options(), "--reset"],
    [...directory.options().slice(0, 2), ...elsewhere.slice(2)],
    [...elsewhere.slice(0, 2), ...directory.options().slice(2)],
  ];
  for (const places of attempts) {
    const { status, stderr } = await run("analyze", [
      ...["--source", server.source, "--no-http", ...places],
    ]);
    assert.equal(status, 1);
    assert.match(oneLine(stderr), /is in use by another vigie: stop it, or take another/);
  }
  assert.equal((await analyzer.stop()).status, 0);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
});

// S-40
Deno.test("analyze goes on from the checkpoint before a damaged one", async () => {
  using finished = await finishedRun();
  const { directory, args } = finished;
  const before = finished.contents();
  const checkpoints = directory.join("run", "checkpoint", "errors");
  // A run over a small file saves two: number 0 before anything is read, and number 1 at the end.
  const damaged = `${checkpoints}/checkpoint-1.jsonl`;
  const bytes = Deno.readFileSync(damaged);
  bytes[bytes.length >> 1]! ^= 1;
  Deno.writeFileSync(damaged, bytes);
  const { status, stderr } = await run("analyze", args);
  assert.equal(status, 0);
  const [line, ...rest] = linesOf(stderr);
  assert.match(
    line!,
    /checkpoint-1\.jsonl is damaged \(.*\): set aside as .*; going on from number 0$/,
  );
  assert.deepEqual(rest, [`${directory.join("a.jsonl")}: read to its end, 3000 lines`]);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
  const after = finished.contents();
  assert.equal(
    after["/checkpoint/errors/checkpoint-1.jsonl"],
    before["/checkpoint/errors/checkpoint-1.jsonl"],
  );
  await using analyzer = await Analyzer.start(
    args.filter((arg) => !["--once", "--no-http"].includes(arg)),
  );
  assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
});

Deno.test("analyze ends quietly where its standard error goes away", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using program: Program = start("analyze", [
    ...["--source", server.source, "--no-http", ...directory.options()],
  ]);
  const connection = await server.accept();
  await program.stderr.close();
  await send(connection, "nonsense\n");
  assert.equal((await program.ended()).status, 0);
});

Deno.test("analyze --help limits lists every limit", async () => {
  const { status, stdout } = await runCommandLine(["analyze", "--help", "limits"]);
  assert.equal(status, 0);
  const listed = [...stdout.matchAll(/^ {2}([a-z-]+)=/gm)].map(([, name]) => name);
  assert.deepEqual(listed, LIMIT_NAMES.map(limitLabel));
  assert.match((await runCommandLine(["analyze", "--help", "nonsense"])).stdout, /^ {2}--limit /m);
});
