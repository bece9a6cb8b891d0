import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { BASE_MS, jsonLine } from "../support/log_lines.ts";
import { SmallDisk } from "./small_disk.ts";
import {
  Analyzer,
  assertConserved,
  assertTotalsAddUp,
  beforeDeadline,
  countsOf,
  expectedResults,
  filesBelow,
  LineServer,
  linesOf,
  PROJECT,
  run,
  send,
  TemporaryDirectory,
} from "./support.ts";

/** Windows of one second, whose last ones close soon after the sender has fallen silent. */
const OPTIONS = ["--window", "1s", "--lateness", "100ms", "--idle-timeout", "1s"];
const MEANING = { windowLengthMs: 1000, latenessMs: 100 };

const MEBIBYTE = 1024 ** 2;

/** 24 windows with a mebibyte of errors each, nine in ten lines. */
const LINES = Array.from({ length: 24 * 1100 }, (_, i) => {
  const line = jsonLine({
    timestampMs: BASE_MS + Math.floor(i / 1.1),
    status: [200, 404, 404, 404, 404, 404, 404, 404, 500, 500][i % 10]!,
    url: `/${i % 100}`,
    ip: `192.0.2.${i % 250}`,
  });
  // What is long stands where it costs room in the error files alone.
  return `${line.slice(0, -1)},"padding":"${"x".repeat(1000)}"}`;
});
const EXPECTED = expectedResults(LINES, MEANING);

/** Nine errors in nine windows. */
const FEW_LINES = LINES.filter((_, i) => i % 1100 === 1).slice(0, 9);
const FEW_EXPECTED = expectedResults(FEW_LINES, MEANING);

const NOTHING_MORE = /^Cannot .*(?:No space left on device|disk is full).*; nothing more is read/gm;
const WRITING_AGAIN = /^Writing again, after \d+s: nothing is lost$/gm;

/** Why no disk can be mounted here; `undefined` where it can. */
function mountFault(): string | undefined {
  using directory = new TemporaryDirectory();
  try {
    using _disk = new SmallDisk(directory.join("disk"), { bytes: MEBIBYTE });
    return undefined;
  } catch (exception) {
    return String(exception);
  }
}

const MOUNT_FAULT = mountFault();

/** A test that needs disks of its own. */
function testWithDisks(behaviour: string, fn: () => Promise<void>): void {
  if (MOUNT_FAULT === undefined) Deno.test(behaviour, fn);
}

if (MOUNT_FAULT !== undefined) testInNamespace(MOUNT_FAULT);

/**
 * Runs the tests of this file where this process may mount: in a namespace of its own. Where that
 * cannot be had either they are left out with a printed line; in CI they fail.
 */
function testInNamespace(fault: string): void {
  const INSIDE = "--inside";
  const namespace = ["unshare", "--map-root-user", "--mount"];
  const canUnshare = !Deno.args.includes(INSIDE) && succeeds([...namespace, "true"]);
  const ignore = !canUnshare && Deno.env.get("CI") !== "true";
  if (ignore) console.log(`Left out, since nothing can be mounted: all on full disks. ${fault}`);
  Deno.test({
    name: "all on full disks, in a namespace of its own",
    ignore,
    fn() {
      assert.ok(canUnshare, `CI has to be able to mount a disk: ${fault}`);
      const [, ...args] = denoJson.tasks.test.command.split(" ").slice(0, -1);
      const file = fileURLToPath(import.meta.url);
      const command = [...namespace, Deno.execPath(), ...args, file, "--", INSIDE];
      assert.ok(succeeds(command, "inherit"), "see above");
    },
  });
}

function succeeds([program, ...args]: readonly string[], output: "inherit" | "null" = "null") {
  const stdio = { stdin: "null", stdout: output, stderr: output } as const;
  try {
    return new Deno.Command(program!, { args, cwd: PROJECT, ...stdio }).outputSync().success;
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return false;
    throw exception;
  }
}

/** Sends lines, and counts the bytes that the other side has taken. */
class Sender {
  /** Resolves once all is sent; not where the connection is lost before. */
  readonly done: Promise<void>;
  #bytes = 0;

  constructor(connection: Deno.TcpConn, lines: readonly string[]) {
    this.done = this.#send(connection, new TextEncoder().encode(lines.join("\n") + "\n"));
    // Whoever waits for it is told.
    this.done.catch(() => {});
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Waits until nothing has been taken for a second. */
  async heldUp(): Promise<void> {
    for (let before = -1; before !== this.#bytes;) {
      before = this.#bytes;
      await pause(1000);
    }
  }

  async #send(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
    while (this.#bytes < bytes.length) {
      this.#bytes += await connection.write(bytes.subarray(this.#bytes, this.#bytes + 65_536));
    }
  }
}

/** Leaves the processor to others. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Readiness {
  readonly status: number;
  readonly writerFault: string;
}

async function readiness(analyzer: Analyzer): Promise<Readiness> {
  const response = await analyzer.get("/readyz");
  const { ready, writer_fault: writerFault } = await response.json();
  assert.equal(ready, response.status === 200);
  return { status: response.status, writerFault };
}

/** Waits until the analyzer says that it is ready, or why it is not. */
async function untilReadiness(analyzer: Analyzer, status: 200 | 503): Promise<Readiness> {
  const asks = async () => {
    for (;;) {
      const answer = await readiness(analyzer);
      if (answer.status === status) return answer;
      await pause(20);
    }
  };
  const said = () => analyzer.program.stderr.text;
  return await beforeDeadline(asks(), () => `/readyz does not become ${status}: ${said()}`);
}

/** How often the analyzer has said that it stops, and that it goes on. */
function saidOf(stderr: string) {
  return {
    stops: [...stderr.matchAll(NOTHING_MORE)].length,
    goesOn: [...stderr.matchAll(WRITING_AGAIN)].length,
  };
}

/** Waits until all is counted and closed, and compares it with what was sent. */
async function assertResults(
  analyzer: Analyzer,
  expected: typeof EXPECTED,
  errorLines: () => readonly string[],
): Promise<void> {
  const { naive, windows } = expected;
  const { totals } = await analyzer.until(({ totals, open }) =>
    totals.lines >= naive.lines && open.length === 0
  );
  assertConserved(totals, errorLines());
  assert.deepEqual(
    [totals.lines, totals.valid, totals.in_windows, totals.errors],
    [naive.lines, naive.valid, naive.inWindows, naive.errors],
  );
  assert.deepEqual(await analyzer.windows(), windows);
  assert.deepEqual(errorLines(), expected.errorLines);
}

// S-48
testWithDisks(
  "analyze waits for room on a full disk, and holds up the sender meanwhile",
  async () => {
    using directory = new TemporaryDirectory();
    using disk = new SmallDisk(directory.join("run"), { bytes: 48 * MEBIBYTE });
    await using server = new LineServer();
    await using analyzer = await Analyzer.start([
      ...["--source", server.source, ...OPTIONS, ...directory.options()],
    ]);
    disk.fill({ freeBytes: 4 * MEBIBYTE });
    const connection = await server.accept();
    const sender = new Sender(connection, LINES);

    const { writerFault } = await untilReadiness(analyzer, 503);
    assert.match(writerFault, /^Cannot write .*(?:No space left on device|disk is full)/);
    await sender.heldUp();
    const heldAtBytes = sender.bytes;
    assert.ok(heldAtBytes < LINES.join("\n").length, "all of it was taken");

    // All but writing goes on, with the last view there was.
    const { totals, sources } = await analyzer.metrics();
    assertTotalsAddUp(totals);
    assert.ok(totals.lines < LINES.length);
    assert.equal(sources[0]!.phase, "connected");
    assert.equal((await (await analyzer.get("/healthz")).json()).status, "ok");
    const { windows } = await (await analyzer.get("/windows")).json();
    assert.ok(windows.length < EXPECTED.windows.length);
    const accept = { accept: "text/plain" };
    assert.match(await (await analyzer.get("/metrics", accept)).text(), /^vigie_writer_fault 1$/m);
    assert.deepEqual(saidOf(analyzer.program.stderr.text), { stops: 1, goesOn: 0 });
    assert.equal((await readiness(analyzer)).status, 503);
    assert.equal(sender.bytes, heldAtBytes);

    disk.makeRoom();
    const roomAtMs = performance.now();
    await untilReadiness(analyzer, 200);
    assert.ok(performance.now() - roomAtMs < 5000);
    await beforeDeadline(sender.done, () => `${sender.bytes} bytes are sent, and no more`);
    await assertResults(analyzer, EXPECTED, () => directory.errorLines());
    assert.deepEqual(saidOf(analyzer.program.stderr.text), { stops: 1, goesOn: 1 });
    const { status, stderr } = await analyzer.stop();
    assert.equal(status, 0, stderr);
  },
);

// S-48
testWithDisks("analyze waits for room for its checkpoint", async () => {
  using directory = new TemporaryDirectory();
  using disk = new SmallDisk(directory.join("run", "checkpoint"), { bytes: MEBIBYTE });
  await waitsForRoom(directory, disk, /^Cannot write .*checkpoint.*No space left on device/);
});

// S-48
testWithDisks("analyze waits for room for its database", async () => {
  using directory = new TemporaryDirectory();
  using disk = new SmallDisk(directory.join("run", "output"), { bytes: MEBIBYTE });
  // The error files have a disk to themselves.
  using _errors = new SmallDisk(directory.join("run", "output", "errors"), { bytes: MEBIBYTE });
  await waitsForRoom(directory, disk, /^Cannot write .*windows\.db: .*disk is full/);
});

/** Sends a few lines to a run that has no room for one kind of its files, until there is some. */
async function waitsForRoom(
  directory: TemporaryDirectory,
  disk: SmallDisk,
  fault: RegExp,
): Promise<void> {
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, ...OPTIONS, ...directory.options()],
  ]);
  disk.fill();
  const connection = await server.accept();
  await send(connection, FEW_LINES.join("\n") + "\n");
  assert.match((await untilReadiness(analyzer, 503)).writerFault, fault);
  assertTotalsAddUp((await analyzer.metrics()).totals);
  disk.makeRoom();
  await untilReadiness(analyzer, 200);
  await assertResults(analyzer, FEW_EXPECTED, () => directory.errorLines());
  assert.deepEqual(saidOf(analyzer.program.stderr.text), { stops: 1, goesOn: 1 });
  assert.equal((await analyzer.stop()).status, 0);
}

/** What a run on a full disk has left behind, and what was sent to it. */
interface FullRun {
  readonly args: readonly string[];
  readonly server: LineServer;
  readonly status: number;
  readonly stderr: string;
}

/** Lets a run fill its disk, and ends it while the disk is full. */
async function endFull(
  directory: TemporaryDirectory,
  disk: SmallDisk,
  server: LineServer,
  signal: Deno.Signal,
): Promise<FullRun> {
  const args = ["--source", server.source, ...OPTIONS, ...directory.options()];
  await using analyzer = await Analyzer.start([...args, "--checkpoint-interval", "100ms"]);
  disk.fill({ freeBytes: 4 * MEBIBYTE });
  const connection = await server.accept();
  const sender = new Sender(connection, LINES);
  await untilReadiness(analyzer, 503);
  await sender.heldUp();
  const signalledAtMs = performance.now();
  const { status, stderr } = await analyzer.stop(signal);
  assert.ok(performance.now() - signalledAtMs < 5000);
  connection.close();
  await sender.done.catch(() => {});
  return { args, server, status, stderr };
}

/**
 * Goes on where a run has ended on a full disk: it finds what the last checkpoint holds, has kept
 * the rest aside, and takes all that it has not counted, so that in the end all is there once.
 */
async function assertGoesOn(directory: TemporaryDirectory, { args, server }: FullRun) {
  await using analyzer = await Analyzer.start([...args]);
  const connection = await server.accept();
  const { totals, open } = await analyzer.metrics();
  assert.ok(totals.lines > 0, "no checkpoint was ever saved");
  const counted = expectedResults(LINES.slice(0, totals.lines), MEANING);
  assert.deepEqual(directory.errorLines(), counted.errorLines);
  assertConserved(totals, directory.errorLines());
  const { total, errors } = countsOf([...await analyzer.windows(), ...open]);
  assert.deepEqual([total, errors], [totals.in_windows, totals.errors_in_windows]);

  // Aside is what was written behind those errors, down to the line where the disk was full. A
  // start that found no room for all of it has left a beginning, under an earlier name.
  const aside = filesBelow(directory.join("run", "output", "set_aside")).at(-1);
  const setAside = aside === undefined ? [] : linesOf(Deno.readTextFileSync(aside));
  const later = EXPECTED.errorLines.slice(totals.errors, totals.errors + setAside.length);
  const torn = setAside.pop() ?? "";
  assert.ok((later.pop() ?? "").startsWith(torn));
  assert.deepEqual(setAside, later);

  await send(connection, LINES.slice(totals.lines).join("\n") + "\n");
  await assertResults(analyzer, EXPECTED, () => directory.errorLines());
  assert.equal((await analyzer.stop()).status, 0);
}

// S-39, S-48
testWithDisks(
  "analyze that is told to stop on a full disk goes on from its last checkpoint",
  async () => {
    using directory = new TemporaryDirectory();
    using disk = new SmallDisk(directory.join("run"), { bytes: 64 * MEBIBYTE });
    await using server = new LineServer();
    const ended = await endFull(directory, disk, server, "SIGTERM");
    assert.equal(ended.status, 1, ended.stderr);
    assert.match(ended.stderr, /^vigie: .*(?:No space left on device|disk is full).*$/m);
    assert.doesNotMatch(ended.stderr, /^ {4}at /m);
    disk.makeRoom();
    await assertGoesOn(directory, ended);
  },
);

// S-39, S-45
testWithDisks("analyze that is killed on a full disk counts nothing twice afterwards", async () => {
  using directory = new TemporaryDirectory();
  using disk = new SmallDisk(directory.join("run"), { bytes: 64 * MEBIBYTE });
  await using server = new LineServer();
  const ended = await endFull(directory, disk, server, "SIGKILL");
  assert.notEqual(ended.status, 0);
  disk.fill();
  const { status, stderr } = await run("analyze", ended.args);
  assert.equal(status, 1, stderr);
  assert.match(stderr, /^vigie: stopped: Cannot write .*set_aside.*: No space left on device.*\n$/);
  disk.makeRoom();
  await assertGoesOn(directory, ended);
});

// S-44, S-48
testWithDisks(
  "analyze counts a file once that it was killed over, and started again, on a full disk",
  async () => {
    using directory = new TemporaryDirectory();
    using disk = new SmallDisk(directory.join("run"), { bytes: 64 * MEBIBYTE });
    const source = `file:${directory.write("a.jsonl", LINES.join("\n") + "\n")}`;
    const args = [
      ...["--source", source, ...OPTIONS, ...directory.options()],
      ...["--checkpoint-interval", "50ms"],
    ];
    disk.fill({ freeBytes: 4 * MEBIBYTE });
    for (let kills = 0; kills < 2; kills++) {
      await using analyzer = await Analyzer.start(args);
      await untilReadiness(analyzer, 503);
      await analyzer.stop("SIGKILL");
    }
    await using analyzer = await Analyzer.start(args);
    await untilReadiness(analyzer, 503);
    disk.makeRoom();
    await untilReadiness(analyzer, 200);
    await assertResults(analyzer, EXPECTED, () => directory.errorLines());
    assert.deepEqual(saidOf(analyzer.program.stderr.text), { stops: 1, goesOn: 1 });
    assert.deepEqual(filesBelow(directory.join("run", "output", "set_aside")), []);
  },
);

testWithDisks(
  "analyze says in one line that it cannot start on a full disk, and can later",
  async () => {
    using directory = new TemporaryDirectory();
    using disk = new SmallDisk(directory.join("run"), { bytes: MEBIBYTE });
    const source = `file:${directory.write("a.jsonl", FEW_LINES.join("\n") + "\n")}`;
    const args = ["--source", source, ...OPTIONS, ...directory.options()];
    disk.fill();
    // Whatever is half made by then, with more room every time.
    for (const freeBytes of [0, 4096, 16_384, 32_768, 49_152]) {
      disk.makeRoom();
      disk.fill({ freeBytes });
      const { status, stderr } = await run("analyze", [...args, "--once", "--no-http"]);
      assert.equal(status, 1, stderr);
      // The last one is what SQLite makes of having no room for what its processes share.
      const reason = /^vigie: Cannot .*(?:No space left|disk is full|disk I\/O error).*\n$/;
      assert.match(stderr, reason);
    }
    disk.makeRoom();
    await using analyzer = await Analyzer.start(args);
    await assertResults(analyzer, FEW_EXPECTED, () => directory.errorLines());
  },
);
