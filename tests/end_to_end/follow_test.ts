import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Analyzer,
  assertConserved,
  expectedResults,
  generated,
  linesOf,
  run,
  TemporaryDirectory,
} from "./support.ts";

/** Twelve seconds of event time in windows of one second, some rows late. */
const TEXT = await generated(["--count", "12000", "--seed", "12", "--late", "0.5%@5s"]);
const LINES = linesOf(TEXT);
const WINDOW = ["--window", "1s"];
const EXPECTED = expectedResults(LINES, { windowLengthMs: 1000 });

/** A log that is written to and rotated as servers and logrotate do it. */
class Log {
  readonly path: string;
  #writtenLines = 0;

  constructor(directory: TemporaryDirectory) {
    this.path = directory.write("access.log", "");
  }

  get source(): string[] {
    return ["--source", `file:${this.path}`, "--follow"];
  }

  get writtenLines(): number {
    return this.#writtenLines;
  }

  /** Appends the next lines, in as many writes as are asked for. */
  write(count: number, writes = 1): void {
    const text = LINES.slice(this.#writtenLines, this.#writtenLines + count).join("\n") + "\n";
    const size = Math.ceil(text.length / writes);
    for (let at = 0; at < text.length; at += size) {
      Deno.writeTextFileSync(this.path, text.slice(at, at + size), { append: true });
    }
    this.#writtenLines += count;
  }

  /** As logrotate does where the server opens its log anew. */
  rename(): void {
    this.#shiftNames();
    Deno.renameSync(this.path, `${this.path}.1`);
    Deno.writeTextFileSync(this.path, "");
  }

  /** As logrotate does with `copytruncate`. */
  copyAndTruncate(): void {
    this.#shiftNames();
    Deno.copyFileSync(this.path, `${this.path}.1`);
    Deno.truncateSync(this.path);
  }

  #shiftNames(): void {
    for (let i = 20; i >= 1; i--) {
      try {
        Deno.renameSync(`${this.path}.${i}`, `${this.path}.${i + 1}`);
      } catch (exception) {
        if (!(exception instanceof Deno.errors.NotFound)) throw exception;
      }
    }
  }
}

/** Every line was counted once: in windows, in error files and in totals. */
async function assertAllCounted(analyzer: Analyzer, directory: TemporaryDirectory): Promise<void> {
  const { totals, open } = await analyzer.untilLines(LINES.length);
  assert.equal(totals.lines, LINES.length);
  assert.equal(totals.valid, LINES.length);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
  assertConserved(totals, directory.errorLines());
  // The last windows are open as long as something may follow.
  const windows = await analyzer.windows();
  assert.ok(windows.length > 0 && open.length > 0);
  assert.deepEqual(windows, EXPECTED.windows.slice(0, windows.length));
  assert.deepEqual(
    open.map(({ start, total_count, error_count }) => [start, total_count, error_count]),
    EXPECTED.windows.slice(windows.length)
      .map(({ start, total_count, error_count }) => [start, total_count, error_count]),
  );
}

// S-58, S-59, S-60
Deno.test("analyze follows a log that is renamed, made anew, copied and emptied", async () => {
  using directory = new TemporaryDirectory();
  const log = new Log(directory);
  // What was there before the start is read too.
  log.write(2000);
  await using analyzer = await Analyzer.start([
    ...log.source,
    ...WINDOW,
    ...directory.options(),
  ]);
  await analyzer.untilLines(2000);
  for (const rotate of [() => log.rename(), () => log.copyAndTruncate()]) {
    log.write(1000, 3);
    rotate();
    log.write(1500);
    await analyzer.untilLines(log.writtenLines);
    log.write(1500, 10);
    // Without waiting: the last lines stand in the file that has just got another name.
    rotate();
    log.write(1000);
    await analyzer.untilLines(log.writtenLines);
  }
  await assertAllCounted(analyzer, directory);
  const { sources } = await analyzer.metrics();
  assert.deepEqual(sources.map(({ phase, connections }) => [phase, connections]), [[
    "connected",
    1,
  ]]);
  const { status } = await analyzer.stop();
  assert.equal(status, 0);
  const messages = linesOf(analyzer.program.stderr.text).slice(1, -1);
  const rotated = `${log.path}: rotated; going on with the new file`;
  const emptied = `${log.path}: emptied in place; going on in its copy ${log.path}.1`;
  assert.deepEqual(messages, [rotated, rotated, emptied, emptied]);
});

// S-44, S-61
Deno.test("analyze counts every line of a log once, however it is rotated and killed", async () => {
  const step = fc.record({
    rotate: fc.constantFrom("none", "rename", "copy"),
    isRunning: fc.boolean(),
    isAwaited: fc.boolean(),
    signal: fc.constantFrom<Deno.Signal>("SIGKILL", "SIGKILL", "SIGTERM"),
  });
  const steps = fc.array(step, { minLength: 5, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(steps, async (steps) => {
      using directory = new TemporaryDirectory();
      const log = new Log(directory);
      const args = [
        ...log.source,
        ...WINDOW,
        ...["--checkpoint-interval", "5ms", ...directory.options()],
      ];
      const rotate = {
        none: () => {},
        rename: () => log.rename(),
        copy: () => log.copyAndTruncate(),
      };
      for (const { rotate: kind, isRunning, isAwaited, signal } of steps) {
        await using analyzer = await Analyzer.start(args);
        log.write(1000, 5);
        if (isAwaited) await analyzer.untilLines(log.writtenLines);
        if (isRunning) rotate[kind]();
        log.write(500);
        await analyzer.stop(signal);
        log.write(200);
        if (!isRunning) rotate[kind]();
        log.write(300);
      }
      log.write(LINES.length - log.writtenLines);
      await using analyzer = await Analyzer.start(args);
      await assertAllCounted(analyzer, directory);
      assert.ok(!analyzer.program.stderr.text.includes("set aside"));
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

// S-58
Deno.test("analyze waits for a log that is not there, and goes on from there to a plain file", async () => {
  using directory = new TemporaryDirectory();
  const log = new Log(directory);
  Deno.removeSync(log.path);
  {
    await using analyzer = await Analyzer.start([
      ...log.source,
      ...WINDOW,
      ...directory.options(),
    ]);
    await analyzer.program.stderr.match(/access\.log: there is no such file; waiting for it/);
    log.write(3000);
    await analyzer.untilLines(3000);
    log.rename();
    log.write(3000);
    await analyzer.untilLines(6000);
    assert.equal((await analyzer.stop()).status, 0);
  }
  // The same output, without following: the rest of the file that has the name now.
  log.write(LINES.length - log.writtenLines);
  const args = [...log.source.slice(0, -1), ...WINDOW, ...directory.options()];
  const { status, stderr } = await run("analyze", [...args, "--once", "--no-http"]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(directory.errorLines(), EXPECTED.errorLines);
  // And back again: nothing is new.
  await using analyzer = await Analyzer.start([...args, "--follow"]);
  const { totals } = await analyzer.metrics();
  assert.equal(totals.lines, LINES.length);
  assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
});

// S-61
Deno.test("analyze starts though its log cannot be read any more, and goes on once it can", async () => {
  using directory = new TemporaryDirectory();
  const log = new Log(directory);
  log.write(2000);
  const args = [...log.source, ...WINDOW, ...directory.options()];
  {
    await using analyzer = await Analyzer.start(args);
    await analyzer.untilLines(2000);
    await analyzer.stop("SIGKILL");
  }
  log.rename();
  Deno.removeSync(log.path);
  Deno.mkdirSync(log.path);
  await using analyzer = await Analyzer.start(args);
  await analyzer.program.stderr.match(/cannot read \S+access\.log: it is not a regular file/);
  Deno.removeSync(log.path);
  log.write(LINES.length - log.writtenLines);
  await assertAllCounted(analyzer, directory);
});

// S-24, S-58
Deno.test("analyze closes the last window by the clock when a followed log falls silent", async () => {
  using directory = new TemporaryDirectory();
  const log = new Log(directory);
  await using analyzer = await Analyzer.start([
    ...log.source,
    ...WINDOW,
    ...["--idle-timeout", "300ms", ...directory.options()],
  ]);
  log.write(LINES.length);
  await analyzer.until(({ totals, open }) => totals.lines === LINES.length && open.length === 0);
  assert.deepEqual(await analyzer.windows(), EXPECTED.windows);
});

// S-39, S-61
Deno.test("analyze says what is lost where a log has gone while it was away, and goes on", async () => {
  using directory = new TemporaryDirectory();
  const log = new Log(directory);
  log.write(2000);
  const args = [...log.source, ...WINDOW, ...directory.options()];
  {
    await using analyzer = await Analyzer.start(args);
    await analyzer.untilLines(2000);
    await analyzer.stop();
  }
  {
    await using analyzer = await Analyzer.start([...args, "--checkpoint-interval", "1h"]);
    log.write(1000);
    await analyzer.untilLines(3000);
    await analyzer.stop("SIGKILL");
  }
  log.rename();
  Deno.removeSync(`${log.path}.1`);
  log.write(1000);
  await using analyzer = await Analyzer.start(args);
  const { totals } = await analyzer.untilLines(3000);
  assert.equal(totals.lines, 3000);
  const { stderr } = await analyzer.stop();
  const bytes = LINES.slice(0, 2000).join("\n").length + 1;
  assert.match(stderr, new RegExp(`the file that was read up to byte ${bytes} is gone, and what`));
  // The errors of the second run are in no file that could be read again.
  const [, path] = /^The last run ended without .* are set aside in (\S+)$/m.exec(stderr)!;
  assert.deepEqual(
    linesOf(Deno.readTextFileSync(path!)),
    expectedResults(LINES.slice(2000, 3000)).errorLines,
  );
  assertConserved(totals, directory.errorLines());
});
