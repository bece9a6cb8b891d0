import assert from "node:assert/strict";
import { StartException } from "../../../analyzer/exceptions.ts";
import type { Limits } from "../../../analyzer/limits.ts";
import { parseIpNetwork } from "../../../analyzer/source/ip_network.ts";
import { TcpListenSource } from "../../../analyzer/source/tcp_listen_source.ts";
import type { IncomingConnection } from "../../../analyzer/source/listener.ts";
import type { Connection } from "../../../analyzer/source/tcp_source.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import { testLimits } from "../../support/limits.ts";
import { ByteStream, LiveStream, sourceContext } from "./byte_streams.ts";

const NAME = "tcp-listen://x";
const LINE = jsonLine({ status: 404 });

/** A listener whose connections a test makes. */
class FakeListener {
  #controller!: ReadableStreamDefaultController<IncomingConnection | Error>;
  isClosed = false;
  readonly connections = new ReadableStream<IncomingConnection | Error>({
    start: (controller) => {
      this.#controller = controller;
    },
  });

  /** @param options.open what its handshake comes to, at once by default */
  connect(
    connection: Connection,
    options: { readonly address?: string; readonly open?: () => Promise<Connection> } = {},
  ): void {
    const { address = "192.0.2.1", open = () => Promise.resolve(connection) } = options;
    this.#controller.enqueue({ address, open, close: () => connection.close() });
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

interface StartOptions {
  readonly once?: boolean;
  readonly allow?: readonly string[];
  readonly limits?: Partial<Limits>;
}

async function start({ once = false, allow, limits = {} }: StartOptions = {}) {
  const { controller, clock, context: base } = sourceContext();
  const context = { ...base, ...testLimits(limits) };
  const listener = new FakeListener();
  const source = new TcpListenSource(NAME, {
    listen: () => listener,
    allow: allow?.map(parseIpNetwork),
    once,
    nowMs: () => 7,
  });
  await source.prepare(undefined);
  const elements = source.open(context)[Symbol.asyncIterator]();
  const notices: string[] = [];
  /** The next elements up to the one that this is true for, in a few words each. */
  const until = async (isLast: (element: InputElement) => boolean): Promise<string[]> => {
    const seen: string[] = [];
    for (;;) {
      const { done, value } = await elements.next();
      if (done === true) return [...seen, "done"];
      seen.push(describe(value));
      if (value.kind === "source-changed" && value.notice !== "") notices.push(value.notice);
      if (isLast(value)) return seen;
    }
  };
  /** Reads what comes from now on, without waiting for it; gives all of that at the end. */
  const readOn = (): { readonly seen: string[]; readonly ended: Promise<unknown> } => {
    const seen: string[] = [];
    const ended = until((element) => {
      seen.push(describe(element));
      return false;
    });
    return { seen, ended };
  };
  const { limitCounter } = context;
  return { controller, clock, limitCounter, listener, elements, notices, until, readOn };
}

function describe(element: InputElement): string {
  if (element.kind === "source-changed") {
    const { phase, connectionsDelta, refusal = "", reason } = element;
    return `${phase} ${connectionsDelta} ${refusal} ${reason}`.replaceAll(/ +/g, " ").trim();
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

// S-28
Deno.test("TcpListenSource under --once also reads who waited for a place", async () => {
  const { listener, readOn } = await start({ once: true, limits: { connections: 1 } });
  const { seen, ended } = readOn();
  const [first, second] = [new LiveStream(), new LiveStream()];
  listener.connect(first);
  await first.send(`${LINE}\n`);
  listener.connect(second);
  await settle();
  first.end();
  await second.send(`${LINE}\n`);
  assert.equal(listener.isClosed, false);
  second.end();
  await ended;
  assert.ok(seen.includes("#2 1 valid, 0 partial"));
  assert.equal(listener.isClosed, true);
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

/** Lets everything happen that need not wait for anybody outside. */
async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await null;
}

// S-73
Deno.test("TcpListenSource lets in who is allowed, and closes all others at once", async () => {
  const allow = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"];
  const { controller, listener, notices, until } = await start({ allow });
  await until(() => true);
  for (const address of ["11.0.0.1", "192.0.2.8", "::1", "2001:db9::1", "fe80::1%eth0", ""]) {
    const stranger = new LiveStream();
    listener.connect(stranger, { address });
    const why = `refused ${address}: no --allow names it`;
    assert.deepEqual(await until(() => true), [`waiting 0 address ${why}`]);
    assert.equal(stranger.isClosed, true);
  }
  for (const address of ["10.1.2.3", "2001:db8::9", "192.0.2.7", "::ffff:10.9.9.9"]) {
    const friend = new LiveStream();
    listener.connect(friend, { address });
    await until((element) => element.kind === "input-opened");
    assert.equal(friend.isClosed, false);
  }
  assert.deepEqual(notices, [
    `${NAME}: refused 11.0.0.1: no --allow names it; others are counted`,
  ]);
  controller.abort();
  await until(() => false);
});

Deno.test("TcpListenSource tells again of refusals after a while, and safely", async () => {
  const { controller, clock, listener, notices, until } = await start({ allow: ["::1"] });
  await until(() => true);
  for (const pauseMs of [0, 10_000, 10_001]) {
    clock.advance(pauseMs);
    listener.connect(new LiveStream(), { address: "\x1b[2Jx" });
    await until(() => true);
  }
  const notice = `${NAME}: refused \\x1b[2Jx: no --allow names it; others are counted`;
  assert.deepEqual(notices, [notice, notice]);
  controller.abort();
  await until(() => false);
});

// S-74
Deno.test("TcpListenSource closes at once what is one too many from one address", async () => {
  const { controller, limitCounter, listener, notices, until } = await start({
    limits: { connectionsPerAddress: 2 },
  });
  await until(() => true);
  const connect = (address: string) => {
    const stream = new LiveStream();
    listener.connect(stream, { address });
    return stream;
  };
  const [first] = [connect("192.0.2.1"), connect("::ffff:192.0.2.1")];
  await until((element) => element.kind === "input-opened");
  await until((element) => element.kind === "input-opened");
  const tooMany = connect("192.0.2.1");
  const why = "refused 192.0.2.1: it has 2 already (--limit connections-per-address)";
  assert.deepEqual(await until(() => true), [`connected 0 limit ${why}`]);
  assert.equal(tooMany.isClosed, true);
  assert.deepEqual(notices, [`${NAME}: ${why}; others are counted`]);
  assert.equal(limitCounter.count("connectionsPerAddress"), 1);
  // Another address has its own, and a place that was given up can be taken again.
  connect("192.0.2.2");
  await until((element) => element.kind === "input-opened");
  first!.end();
  await until(isLoss);
  connect("192.0.2.1");
  await until((element) => element.kind === "input-opened");
  controller.abort();
  await until(() => false);
});

// S-17
Deno.test("TcpListenSource lets connections wait beyond the most that it reads at a time", async () => {
  const { controller, limitCounter, listener, notices, until, readOn } = await start({
    limits: { connections: 3 },
  });
  const streams = Array.from({ length: 5 }, () => new LiveStream());
  for (const stream of streams.slice(0, 3)) listener.connect(stream);
  const isOpened = (element: InputElement) => element.kind === "input-opened";
  for (let i = 0; i < 3; i++) await until(isOpened);
  assert.equal(limitCounter.count("connections"), 0);
  for (const stream of streams.slice(3)) listener.connect(stream);
  const { seen, ended } = readOn();
  await settle();
  assert.deepEqual(seen, ["connected 0 3 connections are open"]);
  assert.deepEqual(notices, [`${NAME}: 3 connections are open; more have to wait`]);
  streams[1]!.end();
  await settle();
  assert.deepEqual(seen.slice(1), [
    "#2 input-closed",
    "connected -1",
    "connected 1",
    "connected 0 3 connections are open",
    "#4 input-opened",
  ]);
  // Two had to wait; that is one thing to tell.
  assert.deepEqual([limitCounter.count("connections"), notices.length], [2, 1]);
  controller.abort();
  await ended;
  // The one that still waited is closed like all others, and was never read.
  assert.ok(!seen.some((text) => text.startsWith("#5")));
  assert.deepEqual(streams.map(({ isClosed }) => isClosed), Array(5).fill(true));
});

// S-75
Deno.test("TcpListenSource takes the place of who is in the middle of a line for too long", async () => {
  const { controller, clock, limitCounter, listener, notices, readOn } = await start({
    limits: { connections: 3, partialLineTime: 30_000, connectionIdle: 600_000 },
  });
  const { seen, ended } = readOn();
  const [quiet, halfLine, older, waiting] = Array.from({ length: 4 }, () => new LiveStream());
  for (const stream of [quiet!, halfLine!, older!]) listener.connect(stream);
  await quiet!.send(`${LINE}\n`);
  await older!.send(`${LINE}\n${LINE.slice(0, 10)}`);
  clock.advance(1000);
  await halfLine!.send(LINE.slice(0, 10));
  clock.advance(29_000);
  // More of the same line is no new beginning.
  await older!.send(LINE.slice(10, 11));
  await halfLine!.send(LINE.slice(10, 11));
  clock.advance(60_000);
  await settle();
  // Nobody waits, so nobody has to go.
  assert.ok([quiet!, halfLine!, older!].every(({ isClosed }) => !isClosed));
  listener.connect(waiting!);
  await settle();
  assert.equal(older!.isClosed, false);
  clock.advance(250);
  await settle();
  assert.deepEqual([quiet!, halfLine!, older!].map(({ isClosed }) => isClosed), [
    false,
    false,
    true,
  ]);
  const why =
    "closed a connection of 192.0.2.1, since another waits: a line was unfinished for 90 s";
  assert.deepEqual(seen.slice(-5), [
    "#3 0 valid, 1 partial",
    "#3 input-closed",
    `connected -1 ${why}`,
    "connected 1",
    "#4 input-opened",
  ]);
  assert.equal(notices.at(-1), `${NAME}: ${why}; others are counted`);
  assert.equal(limitCounter.count("partialLineTime"), 1);
  assert.equal(limitCounter.count("connectionIdle"), 0);
  // One place was wanted, so one was taken.
  clock.advance(1000);
  await settle();
  assert.equal(halfLine!.isClosed, false);
  controller.abort();
  await ended;
});

// S-75
Deno.test("TcpListenSource takes the place of who has brought no row for longest", async () => {
  const { controller, clock, limitCounter, listener, notices, readOn } = await start({
    limits: { connections: 3, partialLineTime: 30_000, connectionIdle: 600_000 },
  });
  const { ended } = readOn();
  const [silent, empty, busy, waiting] = Array.from({ length: 4 }, () => new LiveStream());
  for (const stream of [silent!, empty!, busy!]) listener.connect(stream);
  await settle();
  clock.advance(1);
  await silent!.send(`${LINE}\n`);
  listener.connect(waiting!);
  await settle();
  clock.advance(599_999);
  await busy!.send(`${LINE}\n`);
  // What is no row does not count.
  await empty!.send("\n\nnonsense\n");
  await settle();
  clock.advance(250);
  await settle();
  clock.advance(250);
  await settle();
  assert.deepEqual([silent!, empty!, busy!].map(({ isClosed }) => isClosed), [
    false,
    true,
    false,
  ]);
  assert.match(
    notices.at(-1)!,
    /closed a connection of 192\.0\.2\.1, .*: it had brought no row for 600 s/,
  );
  assert.equal(limitCounter.count("connectionIdle"), 1);
  await waiting!.send(`${LINE}\n`);
  controller.abort();
  await ended;
});

Deno.test("TcpListenSource first reads what has come while it stood still itself", async () => {
  const { controller, clock, listener, readOn } = await start({ limits: { connections: 1 } });
  const { ended } = readOn();
  const [stream, waiting] = [new LiveStream(), new LiveStream()];
  listener.connect(stream);
  await stream.send(LINE.slice(0, 10));
  listener.connect(waiting);
  await settle();
  // The program is stopped for an hour, and its timers come before its sockets.
  clock.advance(3_600_000);
  await settle();
  await stream.send(`${LINE.slice(10)}\n`);
  clock.advance(250);
  await settle();
  assert.equal(stream.isClosed, false);
  controller.abort();
  await ended;
});

Deno.test("TcpListenSource does not take for silence what it has not read yet", async () => {
  const { controller, clock, listener, elements, until } = await start({
    limits: { connections: 1 },
  });
  const [stream, waiting] = [new LiveStream(), new LiveStream()];
  listener.connect(stream);
  await until((element) => element.kind === "input-opened");
  listener.connect(waiting);
  await until((element) => element.kind === "source-changed");
  const sent = stream.send(`${LINE}\n${LINE.slice(0, 10)}`);
  await until(isBatch);
  // The disk is full: nobody takes what comes next, so nobody asks the connection for more.
  await settle();
  const stalled = stream.send(`${LINE.slice(10)}\n`);
  await settle();
  for (let i = 0; i < 10; i++) {
    clock.advance(3_600_000);
    await settle();
  }
  assert.equal(stream.isClosed, false);
  controller.abort();
  await until(() => false);
  await Promise.race([Promise.all([sent, stalled]), elements.next()]);
});

// S-76
Deno.test("TcpListenSource does not let a handshake keep out others, and says why one failed", async () => {
  const { controller, listener, notices, until } = await start({ limits: { connections: 2 } });
  await until(() => true);
  const handshake = Promise.withResolvers<never>();
  const stranger = new LiveStream();
  listener.connect(stranger, { address: "192.0.2.9", open: () => handshake.promise });
  const friend = new LiveStream();
  listener.connect(friend);
  await until((element) => element.kind === "input-opened");
  // It has a place all the same, so that nobody can have more of them than connections.
  const third = new LiveStream();
  listener.connect(third);
  assert.deepEqual(await until(() => true), ["connected 0 2 connections are open"]);
  handshake.reject(new Error("what it sends is \x1b[2J no TLS"));
  const why = "refused 192.0.2.9: its TLS handshake failed: what it sends is \\x1b[2J no TLS";
  const seen = await until((element) => element.kind === "input-opened");
  assert.deepEqual(
    seen.slice().sort(),
    [
      "#2 input-opened",
      "connected 1",
      `connected 0 tls ${why}`,
    ].sort(),
  );
  assert.equal(notices.at(-1), `${NAME}: ${why}; others are counted`);
  assert.equal(stranger.isClosed, true);
  controller.abort();
  await until(() => false);
});

Deno.test("TcpListenSource gives up handshakes when it is stopped", async () => {
  const { controller, listener, until } = await start();
  await until(() => true);
  const handshake = Promise.withResolvers<never>();
  let isClosed = false;
  const connection = {
    readable: new ReadableStream<Uint8Array>({ type: "bytes" }),
    close() {
      isClosed = true;
      handshake.reject(new Error("closed"));
    },
  };
  listener.connect(connection, { open: () => handshake.promise });
  await settle();
  controller.abort();
  assert.deepEqual(await until(() => false), ["done"]);
  assert.equal(isClosed, true);
});

// S-28
Deno.test("TcpListenSource under --once does not end with a handshake that failed", async () => {
  const { listener, until } = await start({ once: true });
  await until(() => true);
  const failing = () => Promise.reject(new Error("no"));
  listener.connect(new LiveStream(), { open: failing });
  assert.match((await until(() => true))[0]!, /^waiting 0 tls/);
  const handshake = Promise.withResolvers<never>();
  listener.connect(new LiveStream(), { open: () => handshake.promise });
  const friend = new LiveStream();
  listener.connect(friend);
  await until((element) => element.kind === "input-opened");
  friend.end();
  assert.deepEqual(await until(isLoss), ["#1 input-closed", "waiting -1"]);
  assert.equal(listener.isClosed, false);
  // Who was in the middle of one may still have become a connection, but then did not.
  handshake.reject(new Error("no"));
  const seen = await until(() => false);
  assert.match(seen[0]!, /^ended 0 tls/);
  assert.deepEqual([seen[1], listener.isClosed], ["done", true]);
});
