import assert from "node:assert/strict";
import fc from "fast-check";
import { type SyncWriter, Terminal } from "../../../analyzer/deno/terminal.ts";

/** Collects what is written to it, in pieces of at most `chunkBytes`. */
class Recorder implements SyncWriter {
  readonly #decoder = new TextDecoder();
  text = "";
  writeCount = 0;
  /** Thrown by the next write, once or for ever. */
  failure: { exception: Error; once: boolean } | undefined;
  readonly #chunkBytes: number;
  readonly #shared: Recorder | undefined;

  constructor(options: { chunkBytes?: number; shared?: Recorder } = {}) {
    this.#chunkBytes = options.chunkBytes ?? Infinity;
    this.#shared = options.shared;
  }

  writeSync(bytes: Uint8Array): number {
    this.writeCount++;
    if (this.failure) {
      const { exception, once } = this.failure;
      if (once) this.failure = undefined;
      throw exception;
    }
    const written = bytes.subarray(0, this.#chunkBytes);
    this.text += this.#decoder.decode(written, { stream: true });
    this.#shared?.writeSync(written);
    return written.length;
  }
}

function setUp(options: { isInteractive?: boolean; color?: boolean; chunkBytes?: number } = {}) {
  const { isInteractive = true, color = true, chunkBytes = Infinity } = options;
  // What a terminal shows: both streams in the order of the writes.
  const screen = new Recorder();
  const stdout = new Recorder({ chunkBytes, shared: screen });
  const stderr = new Recorder({ chunkBytes, shared: screen });
  const calls = { brokenPipe: 0 };
  const terminal = new Terminal({
    stdout,
    stderr,
    isInteractive,
    color,
    columns: () => 120,
    onBrokenPipe: () => calls.brokenPipe++,
  });
  return { terminal, screen, stdout, stderr, calls };
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

Deno.test("Terminal keeps streams apart and writes plain text when piped", () => {
  const { terminal, stdout, stderr } = setUp({ isInteractive: false });
  terminal.setStatus("status");
  terminal.print("a\nb\n");
  terminal.notice("careful");
  terminal.setStatus("");
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

Deno.test("Terminal keeps the status line below all output", () => {
  const { terminal, screen, stdout } = setUp();
  terminal.setStatus("a long status");
  terminal.print("one\ntwo\n");
  terminal.setStatus("short");
  terminal.notice("careful");
  assert.deepEqual(visibleLines(screen.text), ["one", "two", "careful", "short"]);
  terminal.setStatus("");
  assert.deepEqual(visibleLines(screen.text), ["one", "two", "careful", ""]);
  assert.equal(stdout.text, "one\ntwo\n");
});

Deno.test("Terminal.setStatus() writes nothing where the line is the same", () => {
  const { terminal, stderr } = setUp();
  terminal.setStatus("status");
  const { writeCount } = stderr;
  terminal.setStatus("status");
  assert.equal(stderr.writeCount, writeCount);
  terminal.setStatus("other");
  assert.ok(stderr.writeCount > writeCount);
});

Deno.test("Terminal shows all lines in order and the latest status, whatever is called", () => {
  // Not empty but for the status, and without line ends or escapes, as callers promise.
  const line = fc.stringMatching(/^[a-zé…]{1,9}$/);
  const call = fc.oneof(
    fc.record({ method: fc.constantFrom("print", "notice"), text: line }),
    fc.record({ method: fc.constant("setStatus"), text: fc.oneof(line, fc.constant("")) }),
  );
  fc.assert(fc.property(fc.array(call), fc.integer({ min: 1, max: 9 }), (calls, chunkBytes) => {
    const { terminal, screen } = setUp({ chunkBytes });
    const lines: string[] = [];
    let status = "";
    for (const { method, text } of calls) {
      if (method === "print") terminal.print(`${text}\n`);
      else if (method === "notice") terminal.notice(text);
      else terminal.setStatus(text);
      if (method === "setStatus") status = text;
      else lines.push(text);
      assert.deepEqual(visibleLines(screen.text), [...lines, status]);
    }
  }));
});

Deno.test("Terminal continues after a short write", () => {
  const { terminal, stdout } = setUp({ isInteractive: false, chunkBytes: 3 });
  terminal.print("a line of é and …\n");
  assert.equal(stdout.text, "a line of é and …\n");
  assert.equal(stdout.writeCount, 7);
});

Deno.test("Terminal tries again where a stream would block", () => {
  const { terminal, stdout } = setUp({ isInteractive: false });
  stdout.failure = { exception: new Deno.errors.WouldBlock("full"), once: true };
  terminal.print("a\n");
  assert.equal(stdout.text, "a\n");
  assert.equal(stdout.writeCount, 2);
});

Deno.test("Terminal reports a broken pipe once and writes no more to it", () => {
  const { terminal, stdout, stderr, calls } = setUp({ isInteractive: false });
  stdout.failure = { exception: new Deno.errors.BrokenPipe("gone"), once: false };
  assert.equal(calls.brokenPipe, 0);
  terminal.print("a\n");
  assert.equal(calls.brokenPipe, 1);
  terminal.print("b\n");
  assert.equal(stdout.writeCount, 1);
  // Standard error still has its reader.
  terminal.notice("careful");
  assert.equal(stderr.text, "careful\n");
  stderr.failure = stdout.failure;
  terminal.notice("careless");
  terminal.notice("carefree");
  assert.equal(stderr.writeCount, 2);
  assert.equal(calls.brokenPipe, 1);
});

Deno.test("Terminal reports a broken pipe of standard error as well", () => {
  const { terminal, stdout, stderr, calls } = setUp({ isInteractive: false });
  stderr.failure = { exception: new Deno.errors.BrokenPipe("gone"), once: false };
  terminal.notice("careful");
  assert.equal(calls.brokenPipe, 1);
  terminal.print("a\n");
  assert.equal(stdout.text, "a\n");
});

Deno.test("Terminal lets other exceptions of a stream through", () => {
  const { terminal, stdout } = setUp({ isInteractive: false });
  const exception = new Error("disk full");
  stdout.failure = { exception, once: false };
  assert.throws(() => terminal.print("a\n"), exception);
});
