import assert from "node:assert/strict";
import { cannotListen, connectTcp, listenTcp } from "../../../analyzer/deno/tcp.ts";
import { StartException } from "../../../analyzer/exceptions.ts";

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
  const { connections, close } = listenTcp(address);
  const iterator = connections[Symbol.asyncIterator]();
  for (const text of ["one", "two"]) {
    const [theirs, next] = await Promise.all([Deno.connect(address), iterator.next()]);
    await theirs.write(new TextEncoder().encode(text));
    theirs.close();
    assert.equal(await new Response(next.value!.readable).text(), text);
    next.value!.close();
  }
  const end = iterator.next();
  close();
  assert.equal((await end).done, true);
});

Deno.test("listenTcp() says that a port is in use", () => {
  using taken = Deno.listen(LOOPBACK);
  const { port } = taken.addr;
  assert.throws(() => listenTcp({ hostname: "127.0.0.1", port }), (exception) => {
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
