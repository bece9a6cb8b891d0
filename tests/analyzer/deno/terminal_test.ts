import assert from "node:assert/strict";
import fc from "fast-check";
import { type AsyncWriter, Terminal } from "../../../analyzer/deno/terminal.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** Collects what is written to it, in pieces of at most `chunkBytes`. */
class Recorder implements AsyncWriter {
  readonly #decoder = new TextDecoder();
  text = "";
  writeCount = 0;
  /** Thrown by the next write, once or for ever. */
  failure: { exception: Error; once: boolean } | undefined;
  readonly #chunkBytes: number;
  readonly #screen: { text: string };
  #reading = Promise.resolve();

  constructor(chunkBytes: number, screen: { text: string }) {
    this.#chunkBytes = chunkBytes;
    this.#screen = screen;
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.writeCount++;
    await this.#reading;
    if (this.failure) {
      const { exception, once } = this.failure;
      if (once) this.failure = undefined;
      throw exception;
    }
    const written = bytes.subarray(0, this.#chunkBytes);
    const text = this.#decoder.decode(written, { stream: true });
    this.text += text;
    this.#screen.text += text;
    return written.length;
  }

  /** The reader stays, but stops reading. Returns a function that has it read again. */
  pause(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = promise;
    return resolve;
  }
}

function setUp(options: { isInteractive?: boolean; color?: boolean; chunkBytes?: number } = {}) {
  const { isInteractive = true, color = true, chunkBytes = Infinity } = options;
  // What a terminal shows: both streams in the order of the writes.
  const screen = { text: "" };
  const stdout = new Recorder(chunkBytes, screen);
  const stderr = new Recorder(chunkBytes, screen);
  const clock = new ManualClock();
  const stopping = new AbortController();
  const calls = { lost: 0 };
  const terminal = new Terminal({
    stdout,
    stderr,
    isInteractive,
    color,
    columns: () => 120,
    clock,
    signal: stopping.signal,
    onLost: () => calls.lost++,
  });
  return { terminal, screen, stdout, stderr, calls, clock, stop: () => stopping.abort() };
}

/** Whether a promise has resolved by the time that everything else has happened. */
async function hasResolved(promise: Promise<unknown>): Promise<boolean> {
  let isResolved = false;
  promise.then(() => isResolved = true);
  await turn();
  return isResolved;
}

/** A turn of the event loop: everything that follows from what was called has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

const MIB = 1024 * 1024;

/** A line of so many bytes. */
function lineOf(bytes: number): string {
  return "x".repeat(bytes - 1) + "\n";
}

/** What is visible after a terminal received `text`: its lines, the last one without line end. */
function visibleLines(text: string): string[] {
  const lines = [""];
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [token] of text.matchAll(/\x1b\[(?:K|\?7[lh])|[\s\S]/g)) {
    const last = lines.length - 1;
    if (token === "\n") {
      lines.push("");
      column = 0;
    } else if (token === "\r") {
      column = 0;
    } else if (token === "\x1b[K") {
      lines[last] = lines[last]!.slice(0, column);
    } else if (token.length === 1) {
      lines[last] = lines[last]!.slice(0, column) + token + lines[last]!.slice(column + 1);
      column++;
    }
  }
  return lines;
}

Deno.test("Terminal keeps streams apart and writes plain text when piped", async () => {
  const { terminal, stdout, stderr } = setUp({ isInteractive: false });
  terminal.setStatus("status");
  terminal.print("a\nb\n");
  terminal.notice("careful");
  terminal.setStatus("");
  assert.equal(await terminal.flush(), true);
  assert.equal(stdout.text, "a\nb\n");
  assert.equal(stderr.text, "careful\n");
});

Deno.test("Terminal has colours only on a terminal and where they are wanted", () => {
  assert.equal(setUp({ isInteractive: true, color: true }).terminal.color, true);
  assert.equal(setUp({ isInteractive: true, color: false }).terminal.color, false);
  assert.equal(setUp({ isInteractive: false, color: true }).terminal.color, false);
});

Deno.test("Terminal.columns asks a terminal, and is a usual width when piped", () => {
  assert.equal(setUp({ isInteractive: true }).terminal.columns, 120);
  assert.equal(setUp({ isInteractive: false }).terminal.columns, 80);
});

Deno.test("Terminal keeps the status line below all output", async () => {
  const { terminal, screen, stdout } = setUp();
  terminal.setStatus("a long status");
  await terminal.flush();
  terminal.print("one\ntwo\n");
  terminal.setStatus("short");
  await terminal.flush();
  terminal.notice("careful");
  await terminal.flush();
  assert.deepEqual(visibleLines(screen.text), ["one", "two", "careful", "short"]);
  terminal.setStatus("");
  await terminal.flush();
  assert.deepEqual(visibleLines(screen.text), ["one", "two", "careful", ""]);
  assert.equal(stdout.text, "one\ntwo\n");
});

Deno.test("Terminal.setStatus() writes nothing where the line is the same", async () => {
  const { terminal, stderr } = setUp();
  terminal.setStatus("status");
  await terminal.flush();
  const { writeCount } = stderr;
  terminal.setStatus("status");
  await terminal.flush();
  assert.equal(stderr.writeCount, writeCount);
  terminal.setStatus("other");
  await terminal.flush();
  assert.ok(stderr.writeCount > writeCount);
});

Deno.test("Terminal.setStatus() draws nothing before what is queued, and then only the last", async () => {
  const { terminal, stdout, stderr } = setUp();
  const resume = stdout.pause();
  terminal.print("a\n");
  for (let i = 0; i < 100; i++) terminal.setStatus(`status ${i}`);
  await turn();
  assert.equal(stderr.writeCount, 0);
  resume();
  await terminal.flush();
  assert.equal(stderr.writeCount, 1);
  assert.match(stderr.text, /status 99/);
});

Deno.test("Terminal shows all lines in order and the latest status, whatever is called", async () => {
  // Not empty but for the status, and without line ends or escapes, as callers promise.
  const line = fc.stringMatching(/^[a-zé…]{1,9}$/);
  const call = fc.oneof(
    fc.record({ method: fc.constantFrom("print", "notice"), text: line }),
    fc.record({ method: fc.constant("setStatus"), text: fc.oneof(line, fc.constant("")) }),
    // Lets go on what was called before, to its end or a part of the way.
    fc.record({ method: fc.constantFrom("flush", "yield"), text: fc.constant("") }),
  );
  const chunkBytes = fc.integer({ min: 1, max: 9 });
  await fc.assert(fc.asyncProperty(fc.array(call), chunkBytes, async (calls, chunkBytes) => {
    const { terminal, screen } = setUp({ chunkBytes });
    const lines: string[] = [];
    let status = "";
    for (const { method, text } of [...calls, { method: "flush", text: "" }]) {
      if (method === "print") terminal.print(`${text}\n`);
      else if (method === "notice") terminal.notice(text);
      else if (method === "setStatus") terminal.setStatus(status = text);
      else if (method === "yield") await undefined;
      else {
        assert.equal(await terminal.flush(), true);
        assert.deepEqual(visibleLines(screen.text), [...lines, status]);
      }
      if (method === "print" || method === "notice") lines.push(text);
    }
  }));
});

Deno.test("Terminal continues after a short write", async () => {
  const { terminal, stdout } = setUp({ isInteractive: false, chunkBytes: 3 });
  terminal.print("a line of é and …\n");
  await terminal.flush();
  assert.equal(stdout.text, "a line of é and …\n");
  assert.equal(stdout.writeCount, 7);
});

Deno.test("Terminal tries again where a stream would block", async () => {
  const { terminal, stdout, clock } = setUp({ isInteractive: false });
  stdout.failure = { exception: new Deno.errors.WouldBlock("full"), once: true };
  terminal.print("a\n");
  await clock.whenWaiting();
  assert.equal(stdout.text, "");
  clock.advance(10);
  await terminal.flush();
  assert.equal(stdout.text, "a\n");
  assert.equal(stdout.writeCount, 2);
});

Deno.test("Terminal reports a broken pipe once and writes no more to it", async () => {
  const { terminal, stdout, stderr, calls } = setUp({ isInteractive: false });
  stdout.failure = { exception: new Deno.errors.BrokenPipe("gone"), once: false };
  terminal.print("a\n");
  terminal.print("queued behind it\n");
  assert.equal(await terminal.flush(), true);
  assert.equal(calls.lost, 1);
  terminal.print("b\n");
  await terminal.flush();
  assert.equal(stdout.writeCount, 1);
  // Standard error still has its reader.
  terminal.notice("careful");
  await terminal.flush();
  assert.equal(stderr.text, "careful\n");
  stderr.failure = stdout.failure;
  terminal.notice("careless");
  await terminal.flush();
  terminal.notice("carefree");
  await terminal.flush();
  assert.equal(stderr.writeCount, 2);
  assert.equal(calls.lost, 1);
});

Deno.test("Terminal reports a broken pipe of standard error as well", async () => {
  const { terminal, stdout, stderr, calls } = setUp({ isInteractive: false });
  stderr.failure = { exception: new Deno.errors.BrokenPipe("gone"), once: false };
  terminal.notice("careful");
  await terminal.flush();
  assert.equal(calls.lost, 1);
  terminal.print("a\n");
  await terminal.flush();
  assert.equal(stdout.text, "a\n");
});

Deno.test("Terminal gives a stream up where it fails otherwise, and flush() throws why", async () => {
  const { terminal, stdout, stderr, calls } = setUp({ isInteractive: false });
  const exception = new Error("disk full");
  stdout.failure = { exception, once: false };
  const room = terminal.print(lineOf(MIB + 1));
  terminal.notice("careful");
  await room;
  await assert.rejects(terminal.flush(), exception);
  assert.equal(calls.lost, 1);
  assert.match(stderr.text, /^1 message left out/);
  terminal.print("b\n");
  await assert.rejects(terminal.flush(), exception);
  assert.equal(stdout.writeCount, 1);
});

Deno.test("Terminal.print() promises room where more than 1 MiB is queued, and keeps it", async () => {
  const { terminal, stdout } = setUp({ isInteractive: false });
  const resume = stdout.pause();
  assert.equal(terminal.print(lineOf(MIB - 2)), undefined);
  assert.equal(terminal.print("a\n"), undefined);
  const room = terminal.print("b\n");
  assert.ok(room !== undefined);
  assert.equal(await hasResolved(room), false);
  resume();
  await room;
  assert.equal(terminal.print("c\n"), undefined);
  await terminal.flush();
  assert.equal(stdout.text.slice(-6), "a\nb\nc\n");
});

Deno.test("Terminal.notice() is left out and counted where there is no room, in one line", async () => {
  const { terminal, stdout, stderr } = setUp({ isInteractive: false });
  const resume = stdout.pause();
  terminal.notice("before");
  terminal.print(lineOf(MIB - "before\n".length));
  terminal.notice("last");
  for (let i = 0; i < 1000; i++) terminal.notice("too much");
  await turn();
  assert.equal(stderr.text, "before\n");
  // What was written by now has left room.
  terminal.notice("after");
  resume();
  await terminal.flush();
  const leftOut = "1000 messages left out: nobody read in time";
  assert.equal(stderr.text, `before\nlast\n${leftOut}\nafter\n`);
});

Deno.test("Terminal.notice() stays below its bound however long nobody reads", async () => {
  const { terminal, stderr } = setUp({ isInteractive: false });
  const resume = stderr.pause();
  const notice = lineOf(1024).trimEnd();
  for (let i = 0; i < 5000; i++) terminal.notice(notice);
  resume();
  await terminal.flush();
  const lines = stderr.text.trimEnd().split("\n");
  assert.equal(lines.length, 1024 + 1 + 1);
  assert.equal(lines.at(-1), `${5000 - 1025} messages left out: nobody read in time`);
});

Deno.test("Terminal.print() waits 750 ms for a reader after the stop, then leaves out", async () => {
  const { terminal, stdout, stderr, clock, stop } = setUp({ isInteractive: false });
  const resume = stdout.pause();
  const room = terminal.print(lineOf(MIB + 1))!;
  stop();
  await clock.whenWaiting();
  clock.advance(749);
  assert.equal(await hasResolved(room), false);
  clock.advance(1);
  assert.equal(await hasResolved(room), true);
  assert.equal(terminal.print("left out\n"), undefined);
  assert.equal(terminal.print("left out\n"), undefined);
  // A reader that comes back meanwhile gets what is queued, and learns what is not.
  resume();
  assert.equal(await terminal.flush(), true);
  assert.equal(stdout.text.length, MIB + 1);
  assert.equal(stderr.text, "2 messages left out: nobody read in time\n");
});

Deno.test("Terminal.print() leaves out nothing after the stop for which there is room", async () => {
  const { terminal, stdout, clock, stop } = setUp({ isInteractive: false });
  stop();
  await clock.whenWaiting();
  clock.advance(10_000);
  assert.equal(terminal.print("a\n"), undefined);
  assert.equal(await terminal.flush(), true);
  assert.equal(stdout.text, "a\n");
});

Deno.test("Terminal.flush() waits for a reader until 250 ms after the stop", async () => {
  const { terminal, stdout, clock, stop } = setUp({ isInteractive: false });
  const resume = stdout.pause();
  terminal.print("a\n");
  const flushed = terminal.flush();
  clock.advance(1e9);
  assert.equal(await hasResolved(flushed), false);
  stop();
  await clock.whenWaiting(2);
  clock.advance(249);
  assert.equal(await hasResolved(flushed), false);
  clock.advance(1);
  assert.equal(await flushed, false);
  resume();
  assert.equal(await terminal.flush(), true);
});

Deno.test("Terminal.flush() leaves no timer behind", async () => {
  const { terminal, clock, stop } = setUp();
  stop();
  await clock.whenWaiting();
  clock.advance(750);
  terminal.print("a\n");
  await terminal.flush();
  assert.equal(clock.pendingCount, 0);
});
