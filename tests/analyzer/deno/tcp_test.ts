import assert from "node:assert/strict";
import {
  acceptConnections,
  cannotListen,
  connectTcp,
  listenTcp,
} from "../../../analyzer/deno/tcp.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import type { IncomingConnection } from "../../../analyzer/source/listener.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

function freeAddress() {
  using listener = Deno.listen(LOOPBACK);
  return { hostname: "127.0.0.1", port: listener.addr.port };
}

Deno.test("connectTcp() reads what the other side sends, into a buffer of one's own", async () => {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  const [theirs, ours] = await Promise.all([
    listener.accept(),
    connectTcp({ hostname: "127.0.0.1", port }, new AbortController().signal),
  ]);
  await theirs.write(new TextEncoder().encode("hello"));
  const reader = ours.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(100));
  assert.equal(new TextDecoder().decode(value), "hello");
  theirs.close();
  assert.equal((await reader.read(new Uint8Array(100))).done, true);
  // The end has closed it already; once more does no harm.
  ours.close();
});

Deno.test("connectTcp() says that nothing is listening", async () => {
  await assert.rejects(connectTcp(freeAddress(), new AbortController().signal), {
    message: "nothing is listening there",
  });
});

Deno.test("connectTcp() gives up at once when the signal is aborted", async () => {
  using listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  const stopping = new AbortController();
  const attempt = connectTcp({ hostname: "127.0.0.1", port }, stopping.signal);
  stopping.abort();
  await assert.rejects(attempt, { message: "stopped" });
  // The connection comes about all the same, and is closed: nobody wants it any more.
  using theirs = await listener.accept();
  assert.equal(await theirs.read(new Uint8Array(1)), null);
});

Deno.test("connectTcp() forgets why an attempt failed that was given up", async () => {
  const stopping = new AbortController();
  const attempt = connectTcp(freeAddress(), stopping.signal);
  stopping.abort();
  await assert.rejects(attempt, { message: "stopped" });
});

Deno.test("listenTcp() gives connections as they come, and ends when it is closed", async () => {
  const address = freeAddress();
  const { connections, close } = listenTcp(address, new ManualClock());
  const iterator = (connections as AsyncIterable<IncomingConnection>)[Symbol.asyncIterator]();
  for (const text of ["one", "two"]) {
    const [theirs, next] = await Promise.all([Deno.connect(address), iterator.next()]);
    const incoming: IncomingConnection = next.value!;
    assert.equal(incoming.address, "127.0.0.1");
    await theirs.write(new TextEncoder().encode(text));
    theirs.close();
    const { readable } = await incoming.open();
    assert.equal(await new Response(readable).text(), text);
    incoming.close();
  }
  const end = iterator.next();
  close();
  assert.equal((await end).done, true);
  // Once more does no harm.
  close();
});

/** Accepts as it is told to; a call that nothing is left for waits until it is closed. */
class FakeListener {
  readonly #answers: (Deno.TcpConn | Error)[];
  readonly #closed = Promise.withResolvers<never>();
  acceptCount = 0;

  constructor(answers: readonly (Deno.TcpConn | Error)[]) {
    this.#answers = [...answers];
  }

  accept(): Promise<Deno.TcpConn> {
    this.acceptCount++;
    const answer = this.#answers.shift();
    if (answer === undefined) return this.#closed.promise;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }

  close(): void {
    // Perhaps nobody waits for it.
    this.#closed.promise.catch(() => {});
    this.#closed.reject(new Deno.errors.BadResource("Listener has been closed"));
  }
}

Deno.test("acceptConnections() tries again 100 ms after it could not accept", async () => {
  using real = Deno.listen(LOOPBACK);
  const [accepted, theirs] = await Promise.all([
    real.accept(),
    Deno.connect({ hostname: "127.0.0.1", port: real.addr.port }),
  ]);
  theirs.close();
  const full = new Error("Too many open files (os error 24)");
  const listener = new FakeListener([full, full, accepted]);
  const clock = new ManualClock();
  const { connections, close } = acceptConnections(listener, clock);
  const iterator = connections[Symbol.asyncIterator]();
  const results = [(await iterator.next()).value];
  for (const acceptCount of [1, 2]) {
    const next = iterator.next();
    await clock.whenWaiting();
    assert.deepEqual([listener.acceptCount, clock.nextDelayMs], [acceptCount, 100]);
    clock.advance(100);
    results.push((await next).value);
  }
  const incoming = results.pop() as IncomingConnection;
  assert.deepEqual(results.map((result) => (result as Error).message), [
    full.message,
    full.message,
  ]);
  assert.equal(await new Response((await incoming.open()).readable).text(), "");
  const end = iterator.next();
  close();
  assert.equal((await end).done, true);
});

Deno.test("acceptConnections() ends at once when it is closed between two attempts", async () => {
  const clock = new ManualClock();
  const { connections, close } = acceptConnections(new FakeListener([new Error("full")]), clock);
  const iterator = connections[Symbol.asyncIterator]();
  await iterator.next();
  const end = iterator.next();
  await clock.whenWaiting();
  close();
  assert.equal((await end).done, true);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("connectTcp() and listenTcp() have the system look for the other side", async () => {
  const address = freeAddress();
  const listener = listenTcp(address, new ManualClock());
  const iterator = listener.connections[Symbol.asyncIterator]();
  const probe = Deno.listen(LOOPBACK);
  const ofSystem = await Deno.connect({ hostname: "127.0.0.1", port: probe.addr.port });
  const prototype = Object.getPrototypeOf(ofSystem) as Deno.TcpConn;
  const { setKeepAlive } = prototype;
  const calls: unknown[] = [];
  try {
    prototype.setKeepAlive = (isOn) => void calls.push(isOn);
    const connection = await connectTcp(address, new AbortController().signal);
    assert.deepEqual(calls, [true]);
    const accepted = (await iterator.next()).value as IncomingConnection;
    assert.deepEqual(calls, [true, true]);
    connection.close();
    accepted.close();
  } finally {
    prototype.setKeepAlive = setKeepAlive;
    ofSystem.close();
    probe.close();
    listener.close();
  }
  assert.equal((await iterator.next()).done, true);
});

Deno.test("listenTcp() breaks the reading of a connection that it closes", async () => {
  const address = freeAddress();
  const listener = listenTcp(address, new ManualClock());
  const iterator = listener.connections[Symbol.asyncIterator]();
  const [theirs, next] = await Promise.all([Deno.connect(address), iterator.next()]);
  const incoming = next.value as IncomingConnection;
  const reader = (await incoming.open()).readable.getReader({ mode: "byob" });
  const reading = reader.read(new Uint8Array(10));
  incoming.close();
  await assert.rejects(reading);
  assert.equal(await theirs.read(new Uint8Array(1)), null);
  // Once more does no harm.
  incoming.close();
  theirs.close();
  listener.close();
});

Deno.test("listenTcp() closes a connection that was never opened", async () => {
  const address = freeAddress();
  const listener = listenTcp(address, new ManualClock());
  const iterator = listener.connections[Symbol.asyncIterator]();
  const [theirs, next] = await Promise.all([Deno.connect(address), iterator.next()]);
  (next.value as IncomingConnection).close();
  assert.equal(await theirs.read(new Uint8Array(1)), null);
  theirs.close();
  listener.close();
});

Deno.test("listenTcp() says that a port is in use", () => {
  using taken = Deno.listen(LOOPBACK);
  const { port } = taken.addr;
  const listen = () => listenTcp({ hostname: "127.0.0.1", port }, new ManualClock());
  assert.throws(listen, (exception) => {
    assert.ok(exception instanceof StartException);
    assert.equal(exception.exitStatus, 1);
    assert.match(
      exception.message,
      new RegExp(`^Cannot listen on 127\\.0\\.0\\.1:${port}: the port`),
    );
    return true;
  });
});

Deno.test("cannotListen() says why, of IPv6 addresses too", () => {
  const because = (exception: unknown, hostname = "127.0.0.1") =>
    cannotListen({ hostname, port: 80 }, exception).message;
  assert.equal(
    because(new Deno.errors.AddrNotAvailable("x"), "2001:db8::1"),
    "Cannot listen on [2001:db8::1]:80: no address of this machine",
  );
  assert.equal(because(new Error("odd")), "Cannot listen on 127.0.0.1:80: odd");
});
