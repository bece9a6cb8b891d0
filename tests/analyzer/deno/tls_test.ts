import assert from "node:assert/strict";
import { connectTcp, listenTcp } from "../../../analyzer/deno/tcp.ts";
import {
  tlsClient,
  type TlsClientOptions,
  tlsServer,
  type TlsServerOptions,
} from "../../../analyzer/deno/tls.ts";
import { systemClock } from "../../../analyzer/clock.ts";
import type { IncomingConnection } from "../../../analyzer/source/listener.ts";
import { testLimits } from "../../support/limits.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { connectOptions, tlsIdentity, tlsText } from "../../support/tls_files.ts";

const HOST = "127.0.0.1";
const AUTHORITIES = [tlsText("authority.pem")];
const UNVERIFIED = "its certificate is signed by no known authority, or not valid at this time";

/** A socket that speaks TLS as the analyzer does, and what came to it. */
class TlsListener implements Disposable {
  readonly port: number;
  readonly limitCounter = testLimits().limitCounter;
  readonly #listener: ReturnType<typeof listenTcp>;
  readonly #incoming: AsyncIterator<IncomingConnection | Error>;

  constructor(options: Partial<TlsServerOptions> = {}) {
    using probe = Deno.listen({ hostname: HOST, port: 0 });
    this.port = probe.addr.port;
    probe.close();
    const { limits } = testLimits();
    const upgrade = tlsServer({
      clock: systemClock,
      limits,
      limitCounter: this.limitCounter,
      identity: tlsIdentity("server"),
      ...options,
    });
    this.#listener = listenTcp({ hostname: HOST, port: this.port }, systemClock, upgrade);
    this.#incoming = this.#listener.connections[Symbol.asyncIterator]();
  }

  async accept(): Promise<IncomingConnection> {
    return (await this.#incoming.next()).value as IncomingConnection;
  }

  /** Why the next handshake fails. */
  async refusal(): Promise<string> {
    const incoming = await this.accept();
    const reason = await incoming.open().then(() => "none", (exception) => exception.message);
    incoming.close();
    return reason;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
  }
}

async function readText(readable: ReadableStream<Uint8Array>): Promise<string> {
  const reader = readable.getReader({ mode: "byob" });
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read(new Uint8Array(1000));
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
}

async function send(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

Deno.test("tlsServer() reads what was encrypted, all of it, however fast it comes and ends", async () => {
  using listener = new TlsListener();
  for (const length of [0, 1, 16_384, 16_385, 1_000_000]) {
    const text = Array.from({ length }, (_, i) => String.fromCharCode(97 + i % 26)).join("");
    const sending = (async () => {
      const theirs = await Deno.connectTls({
        hostname: "localhost",
        port: listener.port,
        ...connectOptions(),
      });
      await send(theirs, text);
      await theirs.closeWrite();
      // Closed with something unread, it would be reset, and what was not sent yet thrown away.
      while (await theirs.read(new Uint8Array(1000)).catch(() => null) !== null);
      theirs.close();
    })();
    const incoming = await listener.accept();
    const { readable } = await incoming.open();
    assert.equal(await readText(readable), text);
    incoming.close();
    await sending;
  }
});

Deno.test("tlsServer() reads all that was sent before a connection was reset", async () => {
  const { limits, limitCounter } = testLimits();
  const upgrade = tlsServer({
    clock: systemClock,
    limits,
    limitCounter,
    identity: tlsIdentity("server"),
  });
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  for (const length of [1, 1000, 30_000]) {
    const text = "x".repeat(length);
    const { port } = listener.addr;
    const connecting = Deno.connectTls({ hostname: "localhost", port, ...connectOptions() });
    const ours = await listener.accept();
    // As the system does it where the other side has closed without reading what came to it.
    let isOpen = false;
    let readBytes = 0;
    let encryptedBytes = Infinity;
    const resetting = {
      async read(buffer: Uint8Array): Promise<number> {
        if (readBytes >= encryptedBytes) throw new Deno.errors.ConnectionReset("reset");
        const n = (await ours.read(buffer))!;
        readBytes += n;
        return n;
      },
      async write(bytes: Uint8Array): Promise<number> {
        if (isOpen) throw new Deno.errors.BrokenPipe("reset");
        return await ours.write(bytes);
      },
      close: () => ours.close(),
    };
    const opening = upgrade(resetting as unknown as Deno.TcpConn);
    using theirs = await connecting;
    await theirs.handshake();
    const connection = await opening;
    isOpen = true;
    // Each record of 16 KiB has 22 bytes more.
    encryptedBytes = readBytes + length + 22 * Math.ceil(length / 16_384);
    await send(theirs, text);
    const reader = connection.readable.getReader({ mode: "byob" });
    let bytes = 0;
    await assert.rejects(async () => {
      for (let read; !(read = await reader.read(new Uint8Array(1000))).done;) {
        bytes += read.value.length;
      }
    }, { message: "reset" });
    assert.equal(bytes, length);
    connection.close();
  }
});

Deno.test("tlsServer() reads all that was sent with the end of a handshake, and then reset", async () => {
  const { limits, limitCounter } = testLimits();
  const upgrade = tlsServer({
    clock: systemClock,
    limits,
    limitCounter,
    identity: tlsIdentity("server"),
  });
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  const { port } = listener.addr;
  const connecting = Deno.connectTls({ hostname: "localhost", port, ...connectOptions() });
  const ours = await listener.accept();
  const text = "x".repeat(10_000);
  const sent = Promise.withResolvers<void>();
  let isBegun = false;
  // A record has 22 bytes more, and what ends the handshake 64 or a few more.
  let bytesLeft = 64 + text.length + 22;
  const resetting = {
    async read(buffer: Uint8Array): Promise<number> {
      if (bytesLeft <= 0) throw new Deno.errors.ConnectionReset("reset");
      if (isBegun) await sent.promise;
      const n = (await ours.read(buffer))!;
      if (isBegun) bytesLeft -= n;
      isBegun = true;
      return n;
    },
    write: (bytes: Uint8Array) => ours.write(bytes),
    close: () => ours.close(),
  };
  const opening = upgrade(resetting as unknown as Deno.TcpConn);
  using theirs = await connecting;
  await theirs.handshake();
  await send(theirs, text);
  sent.resolve();
  const connection = await opening;
  const reader = connection.readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(20_000));
  assert.equal(value?.length, text.length);
  await assert.rejects(reader.read(new Uint8Array(1)), { message: "reset" });
  connection.close();
});

Deno.test("tlsServer() speaks TLS 1.2 and 1.3 with who knows its authority", async () => {
  const { connect } = await import("node:tls");
  using listener = new TlsListener();
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = connect({
      host: HOST,
      port: listener.port,
      servername: "localhost",
      ca: AUTHORITIES,
      minVersion: version,
      maxVersion: version,
    });
    const incoming = await listener.accept();
    const { readable } = await incoming.open();
    assert.equal(socket.getProtocol(), version);
    socket.end("hello");
    assert.equal(await readText(readable), "hello");
    incoming.close();
    await new Promise((resolve) => socket.on("close", resolve));
  }
});

// S-76
Deno.test("tlsServer() says of what is no TLS that it is none", async () => {
  using listener = new TlsListener();
  for (
    const text of [
      '{"timestamp": "2025-05-30T18:52:30Z"}\n',
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "\x16".repeat(1000),
      "\0".repeat(1000),
    ]
  ) {
    using theirs = await Deno.connect({ hostname: HOST, port: listener.port });
    await send(theirs, text);
    assert.match(await listener.refusal(), /^what it sends is no TLS$/, JSON.stringify(text));
    // It is closed, whatever the other side does.
    while (await theirs.read(new Uint8Array(1000)).catch(() => null) !== null);
  }
});

Deno.test("tlsServer() does not wait for who has gone", async () => {
  using listener = new TlsListener();
  (await Deno.connect({ hostname: HOST, port: listener.port })).close();
  assert.equal(await listener.refusal(), "the connection was closed before it was done");
});

// S-76
Deno.test("tlsServer() closes a connection without a handshake after a time", async () => {
  const clock = new ManualClock();
  const { limits, limitCounter } = testLimits({ tlsHandshakeTime: 10_000 });
  using listener = new TlsListener({ clock, limits, limitCounter });
  using theirs = await Deno.connect({ hostname: HOST, port: listener.port });
  const incoming = await listener.accept();
  const opened = incoming.open();
  let isOver = false;
  opened.catch(() => isOver = true);
  clock.advance(9999);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(isOver, false);
  clock.advance(1);
  await assert.rejects(opened, { message: "it was not done within 10s" });
  assert.equal(limitCounter.count("tlsHandshakeTime"), 1);
  // Nothing is left of it: neither a timer nor the connection.
  assert.equal(await theirs.read(new Uint8Array(1)), null);
  assert.equal(clock.pendingCount, 0);
});

// S-77
Deno.test("tlsServer() lets in who shows a certificate that its authority has signed", async () => {
  using listener = new TlsListener({ clientAuthorities: AUTHORITIES });
  const connecting = Deno.connectTls({
    hostname: "localhost",
    port: listener.port,
    ...connectOptions("client"),
  });
  const incoming = await listener.accept();
  const [theirs, { readable }] = await Promise.all([connecting, incoming.open()]);
  await send(theirs, "hello");
  theirs.close();
  assert.equal(await readText(readable), "hello");
  incoming.close();
});

// S-77
Deno.test("tlsServer() lets in nobody else where certificates are asked for", async () => {
  using listener = new TlsListener({ clientAuthorities: AUTHORITIES });
  for (
    const [client, reason] of [
      [undefined, "it has shown no certificate"],
      // Of another authority, for servers only, and expired.
      ["strange_client", UNVERIFIED],
      ["server", UNVERIFIED],
      ["expired", UNVERIFIED],
    ] as const
  ) {
    const sending = (async () => {
      const theirs = await Deno.connectTls({
        hostname: "localhost",
        port: listener.port,
        ...connectOptions(client),
      });
      // Under TLS 1.3 the client has done its part, and may send before it is refused.
      await send(theirs, "hello\n").catch(() => {});
      await theirs.read(new Uint8Array(1)).catch(() => {});
      theirs.close();
    })().catch(() => {});
    assert.equal(await listener.refusal(), reason, client);
    await sending;
  }
});

Deno.test("tlsServer() believes any of several authorities", async () => {
  using listener = new TlsListener({
    clientAuthorities: [tlsText("stranger.pem"), tlsText("authority.pem")],
  });
  for (const client of ["client", "strange_client"]) {
    const connecting = Deno.connectTls({
      hostname: "localhost",
      port: listener.port,
      ...connectOptions(client),
    });
    const incoming = await listener.accept();
    const [theirs] = await Promise.all([connecting, incoming.open()]);
    incoming.close();
    theirs.close();
  }
});

Deno.test("tlsServer() lets nobody send more than is read", async () => {
  using listener = new TlsListener();
  const connecting = Deno.connectTls({
    hostname: "localhost",
    port: listener.port,
    ...connectOptions(),
  });
  const incoming = await listener.accept();
  const [theirs, { readable }] = await Promise.all([connecting, incoming.open()]);
  const reader = readable.getReader({ mode: "byob" });
  let sentBytes = 0;
  const block = new Uint8Array(64 * 1024);
  const sending = (async () => {
    for (;;) sentBytes += await theirs.write(block);
  })().catch(() => {});
  await reader.read(new Uint8Array(1000));
  // It goes on for as long as there is room on the way, and not longer.
  for (let before = -1; before !== sentBytes;) {
    before = sentBytes;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.ok(sentBytes < 20_000_000, `${sentBytes} bytes were taken`);
  const before = sentBytes;
  let readBytes = 0;
  while (sentBytes === before) {
    readBytes += (await reader.read(new Uint8Array(256 * 1024))).value!.length;
    assert.ok(readBytes <= before);
    await new Promise((resolve) => setTimeout(resolve));
  }
  incoming.close();
  theirs.close();
  await sending;
  await assert.rejects(async () => {
    while (!(await reader.read(new Uint8Array(256 * 1024))).done);
  });
});

Deno.test("tlsServer() breaks the reading of a connection that is closed", async () => {
  using listener = new TlsListener();
  for (const how of ["incoming", "connection", "cancel"] as const) {
    const connecting = Deno.connectTls({
      hostname: "localhost",
      port: listener.port,
      ...connectOptions(),
    });
    const incoming = await listener.accept();
    const [theirs, connection] = await Promise.all([connecting, incoming.open()]);
    const reader = connection.readable.getReader({ mode: "byob" });
    const reading = reader.read(new Uint8Array(10));
    await new Promise((resolve) => setTimeout(resolve));
    if (how === "cancel") {
      await reader.cancel();
      assert.equal((await reading).done, true);
    } else {
      (how === "incoming" ? incoming : connection).close();
      await assert.rejects(reading, how);
    }
    assert.equal(await theirs.read(new Uint8Array(1)).catch(() => null), null, how);
    theirs.close();
  }
});

/** A server of Deno's own, which greets who has done the handshake; and how connecting to it ends. */
async function connectTo(
  server: string,
  options: Partial<TlsClientOptions> = {},
): Promise<string> {
  const { certificate: cert, key } = tlsIdentity(server);
  using listener = Deno.listenTls({ hostname: HOST, port: 0, cert, key });
  const greeting = (async () => {
    const theirs = await listener.accept();
    await send(theirs, "hello").catch(() => {});
    theirs.close();
  })();
  const { limits, limitCounter } = testLimits();
  const upgrade = tlsClient({
    clock: systemClock,
    limits,
    limitCounter,
    hostname: "localhost",
    authorities: AUTHORITIES,
    ...options,
  });
  const { signal } = new AbortController();
  const { port } = listener.addr as Deno.NetAddr;
  try {
    const connection = await connectTcp({ hostname: HOST, port }, signal, upgrade);
    const text = await readText(connection.readable);
    connection.close();
    return text;
  } catch (exception) {
    return (exception as Error).message;
  } finally {
    await greeting;
  }
}

// S-77
Deno.test("tlsClient() reads from a server whose certificate and name are right", async () => {
  assert.equal(await connectTo("server"), "hello");
  assert.equal(await connectTo("server", { hostname: "127.0.0.1" }), "hello");
  assert.equal(await connectTo("server", { hostname: "::1" }), "hello");
  assert.equal(await connectTo("elsewhere", { hostname: "elsewhere.example" }), "hello");
});

// S-77
Deno.test("tlsClient() reads from no other server, and says why", async () => {
  assert.equal(await connectTo("server", { authorities: undefined }), UNVERIFIED);
  assert.equal(await connectTo("server", { authorities: [tlsText("stranger.pem")] }), UNVERIFIED);
  assert.equal(await connectTo("expired"), UNVERIFIED);
  assert.equal(await connectTo("client", { hostname: "client.example" }), UNVERIFIED);
  assert.equal(
    await connectTo("elsewhere"),
    "its certificate is not valid for localhost",
  );
  assert.equal(
    await connectTo("server", { hostname: "127.0.0.2" }),
    "its certificate is not valid for 127.0.0.2",
  );
});

Deno.test("tlsClient() shows its certificate to a server that asks for one", async () => {
  using listener = new TlsListener({ clientAuthorities: AUTHORITIES });
  const { limits, limitCounter } = testLimits();
  const upgrade = tlsClient({
    clock: systemClock,
    limits,
    limitCounter,
    hostname: "localhost",
    authorities: AUTHORITIES,
    identity: tlsIdentity("client"),
  });
  const { signal } = new AbortController();
  const connecting = connectTcp({ hostname: HOST, port: listener.port }, signal, upgrade);
  const incoming = await listener.accept();
  const [connection] = await Promise.all([connecting, incoming.open()]);
  connection.close();
  incoming.close();
});

Deno.test("tlsClient() tells a server which name it means, and no name where that is an address", async () => {
  const { createServer } = await import("node:tls");
  const { certificate: cert, key } = tlsIdentity("server");
  const { limits, limitCounter } = testLimits();
  for (const [hostname, expected] of [["localhost", "localhost"], [HOST, undefined]] as const) {
    const names: unknown[] = [];
    const server = createServer({ cert, key }, (socket) => {
      names.push((socket as { readonly servername?: string | null }).servername ?? undefined);
      socket.end("hello");
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    const { port } = server.address() as { readonly port: number };
    const upgrade = tlsClient({
      clock: systemClock,
      limits,
      limitCounter,
      hostname,
      authorities: AUTHORITIES,
    });
    const { signal } = new AbortController();
    const connection = await connectTcp({ hostname: HOST, port }, signal, upgrade);
    assert.equal(await readText(connection.readable), "hello");
    connection.close();
    await new Promise((resolve) => server.close(resolve));
    assert.deepEqual(names, [expected]);
  }
});

Deno.test("tlsClient() leaves nothing behind of a server that never answers", async () => {
  using listener = Deno.listen({ hostname: HOST, port: 0 });
  const clock = new ManualClock();
  const { limits, limitCounter } = testLimits();
  const upgrade = tlsClient({ clock, limits, limitCounter, hostname: "localhost" });
  for (const how of ["late", "stopped"] as const) {
    const stopping = new AbortController();
    const { port } = listener.addr;
    const attempt = connectTcp({ hostname: HOST, port }, stopping.signal, upgrade);
    attempt.catch(() => {});
    using theirs = await listener.accept();
    const hello = await theirs.read(new Uint8Array(10_000));
    assert.ok(hello !== null && hello > 0);
    if (how === "late") clock.advance(limits.tlsHandshakeTime);
    else stopping.abort();
    const message = how === "late" ? "it was not done within 10s" : "stopped";
    await assert.rejects(attempt, { message });
    assert.equal(await theirs.read(new Uint8Array(1)), null, how);
  }
  assert.equal(limitCounter.count("tlsHandshakeTime"), 1);
});
