import assert from "node:assert/strict";
import { runGenerator } from "../../../generator/deno/run_generator.ts";
import { ManualClock, settle } from "../manual_clock.ts";
import { configOf, linesOf } from "../test_config.ts";

/** Standard streams that keep what is written. */
class FakeStreams {
  out = "";
  err = "";
  /** Takes what is written; returns how many bytes. */
  write = (bytes: Uint8Array): Promise<number> => {
    this.out += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  };
  readonly stdout;
  readonly stderr;

  constructor(terminals: { readonly out?: boolean; readonly err?: boolean } = {}) {
    this.stdout = {
      write: (bytes: Uint8Array) => this.write(bytes),
      isTerminal: () => terminals.out ?? false,
    };
    this.stderr = {
      writeSync: (bytes: Uint8Array) => {
        const part = bytes.subarray(0, 7); // a short write
        this.err += new TextDecoder().decode(part);
        return part.length;
      },
      isTerminal: () => terminals.err ?? false,
    };
  }
}

function run(commandLine: string, streams: FakeStreams, clock = new ManualClock()) {
  const abort = new AbortController();
  const { stdout, stderr } = streams;
  const status = runGenerator(configOf(commandLine), {
    signal: abort.signal,
    stdout,
    stderr,
    clock,
  });
  return { status, abort, clock };
}

Deno.test("runGenerator() writes every line, across short writes, and is silent when piped", async () => {
  const streams = new FakeStreams();
  streams.write = (bytes) => {
    const part = bytes.subarray(0, 100_000);
    streams.out += new TextDecoder().decode(part);
    return Promise.resolve(part.length);
  };
  assert.equal(await run("--rate max --count 5000", streams).status, 0);
  assert.equal(linesOf(streams.out).length, 5000);
  linesOf(streams.out).forEach((line) => JSON.parse(line));
  assert.equal(streams.err, "");
});

Deno.test("runGenerator() tells lines, seconds and rate at the end, on a terminal", async () => {
  const streams = new FakeStreams({ out: true, err: true });
  const { status, clock } = run("--rate 100 --count 250", streams);
  await clock.advance(2500);
  assert.equal(await status, 0);
  assert.equal(streams.err, "250 lines in 2.5 s, 100 lines/s\n");
});

Deno.test("runGenerator() refreshes a progress line where only standard error is a terminal", async () => {
  const streams = new FakeStreams({ err: true });
  const { status, clock } = run("--rate 10.5 --count 12", streams);
  await clock.advance(1200);
  assert.equal(await status, 0);
  assert.deepEqual(streams.err.split("\r\x1b[K"), [
    "5 lines, 10 lines/s now, 0 s",
    "10 lines, 10 lines/s now, 1 s",
    "12 lines in 1.1 s, 10.5 lines/s\n",
  ]);
  assert.equal(clock.sleeperCount, 0);
});

Deno.test("runGenerator() ends quietly when the reader goes away", async () => {
  const streams = new FakeStreams();
  let writes = 0;
  streams.write = (bytes) => {
    if (++writes > 2) return Promise.reject(new Deno.errors.BrokenPipe("gone"));
    streams.out += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  };
  assert.equal(await run("--rate max", streams).status, 0);
  assert(linesOf(streams.out).length > 0);
  assert.equal(streams.err, "");
});

Deno.test("runGenerator() says why it cannot write, exit status 1", async () => {
  const streams = new FakeStreams();
  streams.write = () => Promise.reject(new Error("No space left on device (os error 28)"));
  assert.equal(await run("--rate max", streams).status, 1);
  assert.equal(
    streams.err,
    "Cannot write to standard output: No space left on device (os error 28)\n",
  );
});

Deno.test("runGenerator() ends at once on the signal, between two lines", async () => {
  const streams = new FakeStreams({ out: true, err: true });
  const { status, abort, clock } = run("--rate 1", streams);
  await clock.advance(2500);
  abort.abort();
  assert.equal(await status, 0);
  assert.equal(linesOf(streams.out).length, 2);
  assert.equal(streams.err, "2 lines in 2.5 s, 0.8 lines/s\n");
  assert.equal(clock.sleeperCount, 0);
});

Deno.test("runGenerator() lets a write that is under way end after the signal", async () => {
  const streams = new FakeStreams({ err: true });
  const write = Promise.withResolvers<number>();
  let writtenBytes = 0;
  streams.write = (bytes) => {
    writtenBytes = bytes.length;
    return write.promise;
  };
  const { status, abort } = run("--rate max", streams);
  await settle();
  abort.abort();
  await settle();
  write.resolve(writtenBytes);
  assert.equal(await status, 0);
  assert.match(streams.err, /^[34],\d\d\d lines in /);
});

Deno.test("runGenerator() does not wait for a stuck write after the signal", async () => {
  const streams = new FakeStreams();
  streams.write = () => new Promise(() => {});
  const { status, abort, clock } = run("--rate max", streams);
  await settle();
  abort.abort();
  await clock.advance(1000);
  assert.equal(await status, 0);
  assert.equal(clock.sleeperCount, 0);
});

Deno.test("runGenerator() with a signal that is aborted before it starts writes nothing", async () => {
  const streams = new FakeStreams();
  const { stdout, stderr } = streams;
  for (const options of ["--rate max", "--rate max --listen 0"]) {
    const signal = AbortSignal.abort();
    assert.equal(await runGenerator(configOf(options), { signal, stdout, stderr }), 0);
  }
  assert.equal(streams.out, "");
});

Deno.test("runGenerator() serves where --listen says, until the signal", async () => {
  const streams = new FakeStreams();
  const clock = new ManualClock();
  const { status, abort } = run("--rate max --listen 0", streams, clock);
  const port = Number(/^Listening on 127\.0\.0\.1:(\d+)\n$/.exec(streams.err)![1]);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(100);
  await connection.read(buffer);
  assert.match(new TextDecoder().decode(buffer), /^\{"timestamp": "/);
  abort.abort();
  assert.equal(await status, 0);
  connection.close();
});

Deno.test("runGenerator() says that the port is in use, exit status 1", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const streams = new FakeStreams();
  const { port } = listener.addr;
  assert.equal(await run(`--listen ${port}`, streams).status, 1);
  assert.equal(
    streams.err,
    `Cannot listen on 127.0.0.1:${port}: the port is in use, choose another one\n`,
  );
  listener.close();
});
