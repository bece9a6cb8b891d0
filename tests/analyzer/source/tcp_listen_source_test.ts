import assert from "node:assert/strict";
import { StartException } from "../../../analyzer/exceptions.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import { TcpListenSource } from "../../../analyzer/source/tcp_listen_source.ts";
import type { Connection } from "../../../analyzer/source/tcp_source.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import { ByteStream, sourceContext } from "./byte_streams.ts";

const NAME = "tcp-listen://x";
const LINE = jsonLine({ status: 404 });

/** A listener whose connections a test makes. */
class FakeListener {
  #controller!: ReadableStreamDefaultController<Connection | Error>;
  isClosed = false;
  readonly connections = new ReadableStream<Connection | Error>({
    start: (controller) => {
      this.#controller = controller;
    },
  });

  connect(connection: Connection): void {
    this.#controller.enqueue(connection);
  }

  fail(cause: Error): void {
    this.#controller.enqueue(cause);
  }

  close(): void {
    if (this.isClosed) return;
    if (!this.isClosed) this.#controller.close();
    this.isClosed = true;
  }
}

async function start({ once = false } = {}) {
  const { controller, clock, context } = sourceContext();
  const listener = new FakeListener();
  const source = new TcpListenSource(NAME, { listen: () => listener, once, nowMs: () => 7 });
  await source.prepare(undefined);
  const elements = source.open(context)[Symbol.asyncIterator]();
  /** The next elements up to the one that this is true for, in a few words each. */
  const until = async (isLast: (element: InputElement) => boolean): Promise<string[]> => {
    const seen: string[] = [];
    for (;;) {
      const { done, value } = await elements.next();
      if (done === true) return [...seen, "done"];
      seen.push(describe(value));
      if (isLast(value)) return seen;
    }
  };
  return { controller, clock, limitCounter: context.limitCounter, listener, elements, until };
}

function describe(element: InputElement): string {
  if (element.kind === "source-changed") {
    return `${element.phase} ${element.connectionsDelta} ${element.reason}`.trim();
  }
  assert.ok(element.kind !== "delivery-ended");
  const id = element.inputId.replace(NAME, "");
  if (element.kind === "batch") {
    return `${id} ${element.counts.valid} valid, ${element.counts.partial} partial`;
  }
  return `${id} ${element.kind}`;
}

const isBatch = (element: InputElement) => element.kind === "batch";
const isLoss = (element: InputElement) =>
  element.kind === "source-changed" && element.connectionsDelta === -1;

Deno.test("TcpListenSource.prepare() listens, and throws where it cannot", async () => {
  const taken = new StartException("the port is in use", { exitStatus: 1 });
  const refusing = new TcpListenSource(NAME, {
    listen: () => {
      throw taken;
    },
    once: false,
    nowMs: () => 7,
  });
  await assert.rejects(refusing.prepare(undefined), taken);
  const source = new TcpListenSource(NAME, {
    listen: () => new FakeListener(),
    once: false,
    nowMs: () => 7,
  });
  assert.deepEqual(await source.prepare(undefined), {
    name: NAME,
    firstStartedAtMs: 7,
    file: undefined,
  });
  const saved = { name: NAME, firstStartedAtMs: 1, file: undefined };
  assert.equal(await source.prepare(saved), saved);
});

Deno.test("TcpListenSource.open() refuses a source that was not prepared", async () => {
  const source = new TcpListenSource(NAME, {
    listen: () => new FakeListener(),
    once: false,
    nowMs: () => 7,
  });
  await assert.rejects(Array.fromAsync(source.open(sourceContext().context)), /not prepared/);
});

Deno.test("TcpListenSource reads each connection as an input of its own", async () => {
  const { controller, listener, until } = await start();
  assert.deepEqual(await until(() => true), ["waiting 0"]);
  const [first, second] = [
    new ByteStream([`${LINE}\n`], { end: "open" }),
    new ByteStream([`${LINE}\n${LINE}`]),
  ];
  listener.connect(first);
  assert.deepEqual(await until(isBatch), [
    "connected 1",
    "#1 input-opened",
    "#1 1 valid, 0 partial",
  ]);
  listener.connect(second);
  assert.deepEqual(await until(isLoss), [
    "connected 1",
    "#2 input-opened",
    "#2 1 valid, 0 partial",
    "#2 0 valid, 1 partial",
    "#2 input-closed",
    "connected -1",
  ]);
  assert.deepEqual([first.isClosed, second.isClosed], [false, true]);
  controller.abort();
  assert.deepEqual(await until(() => false), ["#1 input-closed", "ended -1", "done"]);
  assert.deepEqual([first.isClosed, listener.isClosed], [true, true]);
});

Deno.test("TcpListenSource goes on waiting after its last connection was lost", async () => {
  const { controller, listener, until } = await start();
  listener.connect(new ByteStream([], { end: new Error("connection reset") }));
  assert.deepEqual((await until(isLoss)).at(-1), "waiting -1 connection reset");
  listener.connect(new ByteStream([`${LINE}\n`]));
  assert.deepEqual((await until(isBatch)).at(-1), "#2 1 valid, 0 partial");
  controller.abort();
  assert.deepEqual((await until(() => false)).at(-1), "done");
});

// S-28, S-9
Deno.test("TcpListenSource under --once ends with its last connection", async () => {
  const { listener, until } = await start({ once: true });
  let bytes!: ReadableByteStreamController;
  const readable = new ReadableStream({ type: "bytes", start: (own) => void (bytes = own) });
  listener.connect({ readable, close() {} });
  bytes.enqueue(new TextEncoder().encode(`${LINE}\n`));
  await until(isBatch);
  listener.connect(new ByteStream([`${LINE}\n${LINE}`]));
  const seen = await until(isLoss);
  assert.ok(seen.includes("#2 1 valid, 0 partial") && !seen.join().includes("1 partial"));
  assert.deepEqual([seen.at(-1), listener.isClosed], ["connected -1", false]);
  bytes.close();
  bytes.byobRequest?.respond(0);
  assert.deepEqual(await until(() => false), ["#1 input-closed", "ended -1", "done"]);
  assert.equal(listener.isClosed, true);
});

Deno.test("TcpListenSource with once ends when the last of its connections was closed", async () => {
  const { listener, until } = await start({ once: true });
  await until(() => true);
  const first: ByteStream = new ByteStream([`${LINE}\n`], {
    end: "close",
    onRead: () => {
      // A second client comes while the first one is there.
      if (first.readBytes.length === 1) listener.connect(new ByteStream([LINE]));
    },
  });
  listener.connect(first);
  const seen = await until(() => false);
  assert.deepEqual(seen.filter((words) => words.startsWith("#1")), [
    "#1 input-opened",
    "#1 1 valid, 0 partial",
    "#1 input-closed",
  ]);
  // The other side has ended it: a last line without newline is an ordinary line.
  assert.deepEqual(seen.filter((words) => words.startsWith("#2")), [
    "#2 input-opened",
    "#2 1 valid, 0 partial",
    "#2 input-closed",
  ]);
  assert.deepEqual(seen.slice(-2), ["ended -1", "done"]);
  assert.deepEqual([first.isClosed, listener.isClosed], [true, true]);
});

Deno.test("TcpListenSource does not let a busy connection keep out another", async () => {
  const { controller, listener, until } = await start();
  const busy = new ByteStream(Array(1000).fill(`${LINE}\n`), { end: "open" });
  listener.connect(busy);
  await until(isBatch);
  listener.connect(new ByteStream([`${LINE}\n`], { end: "open" }));
  const seen = await until((element) => isBatch(element) && describe(element).startsWith("#2"));
  assert.ok(seen.length < 20, `${seen.length} elements`);
  controller.abort();
  await until(() => false);
});

Deno.test("TcpListenSource ends at once when the signal is aborted already", async () => {
  const { controller, listener, until } = await start();
  controller.abort();
  assert.deepEqual(await until(() => false), ["ended 0", "done"]);
  assert.equal(listener.isClosed, true);
});

Deno.test("TcpListenSource tells once an outage that it cannot accept, and goes on", async () => {
  const { controller, clock, listener, elements, until } = await start();
  await until(() => true);
  const failed = async () => {
    listener.fail(new Error("too many open files"));
    const { value } = await elements.next();
    assert.ok(value?.kind === "source-changed");
    assert.equal(value.reason, "cannot accept a connection: too many open files");
    return [value.phase, value.connectionsDelta, value.notice];
  };
  const notice = `${NAME}: cannot accept a connection: too many open files; ` +
    "trying again until it can";
  assert.deepEqual(await failed(), ["waiting", 0, notice]);
  listener.connect(new ByteStream([`${LINE}\n`], { end: "open" }));
  assert.deepEqual(await until(isBatch), [
    "connected 1",
    "#1 input-opened",
    "#1 1 valid, 0 partial",
  ]);
  for (const gapMs of [100, 10_000]) {
    clock.advance(gapMs);
    assert.deepEqual(await failed(), ["connected", 0, ""]);
  }
  clock.advance(10_001);
  assert.deepEqual(await failed(), ["connected", 0, notice]);
  controller.abort();
  assert.deepEqual(await until(() => false), ["#1 input-closed", "ended -1", "done"]);
});

Deno.test("TcpListenSource goes on listening when it is prepared again", async () => {
  const listeners: FakeListener[] = [];
  const source = new TcpListenSource(NAME, {
    listen: () => {
      const listener = new FakeListener();
      listeners.push(listener);
      return listener;
    },
    once: false,
    nowMs: () => 7,
  });
  await source.prepare(undefined);
  await source.prepare(undefined);
  assert.equal(listeners.length, 1);
});

Deno.test("TcpListenSource lets connections wait beyond the most that it reads at a time", async () => {
  const { controller, limitCounter, listener, until } = await start();
  const isConnected = (element: InputElement) =>
    element.kind === "source-changed" && element.connectionsDelta === 1;
  const isTold = (element: InputElement) =>
    element.kind === "source-changed" && element.notice.includes("more have to wait");
  const streams = Array.from(
    { length: DEFAULT_LIMITS.connections + 1 },
    (_, i) => new ByteStream([`${LINE}\n`], { end: i === 3 ? new Error("reset") : "open" }),
  );
  for (const stream of streams) listener.connect(stream);
  const seen = await until(isTold);
  assert.equal(limitCounter.count("connections"), 1);
  // The one that is lost makes room for the last one.
  seen.push(...await until(isLoss), ...await until(isConnected));
  assert.equal(seen.filter((text) => text === "connected 1").length, streams.length);
  assert.equal(streams.at(-1)!.readBytes.length, 0);
  controller.abort();
  await until(() => false);
});

Deno.test("TcpListenSource tells the phase in the order in which it is heard", async () => {
  // Connections of all lengths are lost at once: then what is made last is not always told last.
  for (let lengths = 0; lengths < 4 ** 4; lengths++) {
    const { controller, listener, until } = await start();
    await until(() => true);
    for (let i = 0; i < 4; i++) {
      listener.connect(new ByteStream(Array(lengths >> 2 * i & 3).fill(`${LINE}\n`)));
    }
    const phases: string[] = [];
    while (phases.length < 4) phases.push((await until(isLoss)).at(-1)!);
    assert.equal(phases.at(-1), "waiting -1", `${lengths.toString(4)}: ${phases}`);
    controller.abort();
    await until(() => false);
  }
});
