import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { jsonLine } from "../support/log_lines.ts";
import { connectOptions, TLS_FOLDER } from "../support/tls_files.ts";
import {
  Analyzer,
  closeQuietly,
  freePort,
  LineServer,
  Program,
  PROJECT,
  send,
  start,
  taskArguments,
} from "./support.ts";

const HOST = "127.0.0.1";
const LINE = `${jsonLine({ status: 404 })}\n`;
const file = (name: string) => fileURLToPath(new URL(name, TLS_FOLDER));
const TLS = ["--tls-cert", file("server.pem"), "--tls-key", file("server.key")];

/** What Linux tells of a process; elsewhere these tests are left out. */
const isOnLinux = Deno.build.os === "linux";

/** An analyzer that listens on a port of its own and keeps nothing. */
class Listening implements AsyncDisposable {
  readonly port: number;
  readonly analyzer: Analyzer;

  constructor(port: number, analyzer: Analyzer) {
    this.port = port;
    this.analyzer = analyzer;
  }

  static async start(...args: string[]): Promise<Listening> {
    const port = freePort();
    const source = `tcp-listen://${HOST}:${port}`;
    const analyzer = await Analyzer.start(["--source", source, "--no-save", "--quiet", ...args]);
    return new Listening(port, analyzer);
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: HOST, port: this.port });
  }

  connectTls(client?: string): Promise<Deno.TlsConn> {
    return Deno.connectTls({ hostname: "localhost", port: this.port, ...connectOptions(client) });
  }

  /** The value of a metric, by its whole name in Prometheus' text, labels but for the source left out. */
  async metric(name: string, label = ""): Promise<number> {
    const text = await (await this.analyzer.get("/metrics", { accept: "text/plain" })).text();
    const line = text.split("\n").find((line) =>
      line.startsWith(`${name}{`) && line.includes(label)
    );
    assert.ok(line !== undefined, `${name} ${label} in ${text}`);
    return Number(line.split(" ").at(-1));
  }

  async until(isReached: () => Promise<boolean>): Promise<void> {
    for (let i = 0; !await isReached(); i++) {
      if (i > 500) throw new Error(`Not reached: ${isReached}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  refused(reason: string): Promise<number> {
    return this.metric("vigie_source_refused_connections_total", `reason="${reason}"`);
  }

  reached(limit: string): Promise<number> {
    return this.metric("vigie_limit_reached_total", `limit="${limit}"`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.analyzer[Symbol.asyncDispose]();
  }
}

/** Resolves once the other side has closed the connection, whatever comes before. */
async function closed(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1000);
  while (await connection.read(buffer).catch(() => null) !== null);
}

interface Usage {
  readonly rssBytes: number;
  readonly rssBytesMax: number;
  readonly handles: number;
}

/** By other programs: Deno lets only who may do everything look into /proc. */
async function usage(pid: number): Promise<Usage> {
  const script = `cat /proc/${pid}/status && ls /proc/${pid}/fd | wc -l`;
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script] }).output();
  const text = new TextDecoder().decode(stdout);
  const bytes = (name: string) => 1024 * Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)![1]);
  const handles = Number(text.trimEnd().split("\n").at(-1));
  return { rssBytes: bytes("VmRSS"), rssBytesMax: bytes("VmHWM"), handles };
}

// S-73
Deno.test("analyze closes connections that no --allow names, and counts them", async () => {
  await using listening = await Listening.start("--allow", "10.0.0.0/8", "--allow", "::1");
  for (let i = 0; i < 3; i++) {
    using stranger = await listening.connect();
    await closed(stranger);
  }
  const { program } = listening.analyzer;
  await program.stderr.match(/: refused 127\.0\.0\.1: no --allow names it; others are counted\n/);
  await listening.until(async () => await listening.refused("address") === 3);
  const { totals, sources } = await listening.analyzer.metrics();
  assert.deepEqual([totals.bytes, sources[0]!.connections_total], [0, 0]);
  const { stderr } = await listening.analyzer.stop();
  assert.equal(stderr.match(/refused/g)!.length, 1);
});

Deno.test("analyze lets in whom an --allow names", async () => {
  await using listening = await Listening.start("--allow", "127.0.0.1");
  using friend = await listening.connect();
  await send(friend, LINE);
  await listening.analyzer.untilLines(1);
  assert.equal(await listening.refused("address"), 0);
});

// S-73
Deno.test("analyze warns at the start where strangers can send lines", async () => {
  const port = freePort();
  const flags = taskArguments("analyze")
    .map((flag) => flag.startsWith("--allow-net=") ? `${flag},0.0.0.0` : flag);
  for (const args of [[], ["--allow", "10.0.0.0/8"]]) {
    const source = `tcp-listen://0.0.0.0:${port}`;
    await using program = new Program(Deno.execPath(), [
      ...[...flags, "--source", source, "--no-save", "--http", `${HOST}:0`, ...args],
    ]);
    await program.stderr.match(/^Results: /m);
    program.kill("SIGTERM");
    const { stderr } = await program.ended();
    const warning = `${source}: anyone who reaches 0.0.0.0:${port} can send lines: ` +
      "add --allow, or bind to 127.0.0.1\n";
    assert.equal(stderr.includes(warning), args.length === 0, stderr);
  }
});

// S-74
Deno.test("analyze closes connections beyond those that one address may have", async () => {
  await using listening = await Listening.start("--limit", "connections-per-address=3");
  const connections = [];
  for (let i = 0; i < 3; i++) connections.push(await listening.connect());
  await listening.analyzer.until(({ sources }) => sources[0]!.connections === 3);
  using tooMany = await listening.connect();
  await closed(tooMany);
  await listening.until(async () => await listening.refused("limit") === 1);
  assert.equal(await listening.reached("connections-per-address"), 1);
  await send(connections[2]!, LINE);
  await listening.analyzer.untilLines(1);
  connections.forEach(closeQuietly);
});

// S-75
Deno.test("analyze closes who holds a line back, for one who waits, and not before", async () => {
  await using listening = await Listening.start(
    ...["--limit", "connections=2", "--limit", "partial-line-time=300ms"],
  );
  using quiet = await listening.connect();
  await send(quiet, LINE);
  using holding = await listening.connect();
  await send(holding, LINE + LINE.slice(0, 20));
  await listening.analyzer.untilLines(2);
  // Byte by byte it is still the same line.
  for (let i = 20; i < 25; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await send(holding, LINE.slice(i, i + 1));
  }
  assert.equal((await listening.analyzer.metrics()).sources[0]!.connections, 2);
  using waiting = await listening.connect();
  await send(waiting, LINE);
  await closed(holding);
  const { totals } = await listening.analyzer.untilLines(4);
  assert.deepEqual([totals.valid, totals.partial], [3, 1]);
  assert.deepEqual([
    await listening.reached("partial-line-time"),
    await listening.reached("connection-idle"),
  ], [1, 0]);
  await send(quiet, LINE);
  await listening.analyzer.untilLines(5);
  await listening.analyzer.program.stderr.match(
    /: closed a connection of 127\.0\.0\.1, since another waits: a line was unfinished for \d s/,
  );
});

// S-75
Deno.test("analyze closes who has brought nothing for long, for one who waits", async () => {
  await using listening = await Listening.start(
    ...["--limit", "connections=1", "--limit", "connection-idle=300ms"],
  );
  using silent = await listening.connect();
  await listening.analyzer.until(({ sources }) => sources[0]!.connections === 1);
  using waiting = await listening.connect();
  await send(waiting, LINE);
  await closed(silent);
  await listening.analyzer.untilLines(1);
  assert.equal(await listening.reached("connection-idle"), 1);
});

// S-76
Deno.test("analyze speaks TLS, and is not held up by who does not", async () => {
  await using listening = await Listening.start(...TLS, "--limit", "tls-handshake-time=500ms");
  using silent = await listening.connect();
  using plain = await listening.connect();
  await send(plain, LINE);
  const friend = await listening.connectTls();
  await friend.write(new TextEncoder().encode(LINE));
  await listening.analyzer.untilLines(1);
  await Promise.all([closed(plain), closed(silent)]);
  await listening.until(async () => await listening.refused("tls") === 2);
  assert.equal(await listening.reached("tls-handshake-time"), 1);
  friend.close();
  await listening.analyzer.until(({ sources }) => sources[0]!.connections === 0);
  const { totals, sources } = await listening.analyzer.metrics();
  assert.deepEqual([totals.lines, sources[0]!.connections_total], [1, 1]);
  const { stderr } = await listening.analyzer.stop();
  assert.match(
    stderr,
    /: refused 127\.0\.0\.1: its TLS handshake failed: what it sends is no TLS;/,
  );
});

Deno.test("analyze can be stopped in the middle of a handshake", async () => {
  await using listening = await Listening.start(...TLS, "--limit", "tls-handshake-time=10m");
  using silent = await listening.connect();
  // The first of the bytes that say how a handshake begins, and how long it is.
  using half = await listening.connect();
  await half.write(Uint8Array.of(22, 3, 1));
  // Behind them, so that they have been accepted.
  const friend = await listening.connectTls();
  await friend.write(new TextEncoder().encode(LINE));
  await listening.analyzer.untilLines(1);
  const { status, stderr } = await listening.analyzer.stop();
  assert.equal(status, 0);
  assert.doesNotMatch(stderr, /refused/);
  await Promise.all([closed(silent), closed(half)]);
  friend.close();
});

// S-77
Deno.test("analyze takes lines only from who shows a certificate, where it asks for one", async () => {
  await using listening = await Listening.start(...TLS, "--tls-client-ca", file("authority.pem"));
  for (const client of [undefined, "strange_client", "expired"]) {
    const stranger = await listening.connectTls(client);
    await stranger.write(new TextEncoder().encode(LINE)).catch(() => {});
    await closed(stranger);
    stranger.close();
  }
  const friend = await listening.connectTls("client");
  await friend.write(new TextEncoder().encode(LINE));
  await listening.analyzer.untilLines(1);
  assert.equal(await listening.refused("tls"), 3);
  friend.close();
  const { totals } = await listening.analyzer.metrics();
  assert.equal(totals.lines, 1);
});

// S-77, S-46
Deno.test("analyze connects over TLS, and says what is wrong with a server until it is right", async () => {
  const port = freePort();
  const serve = (name: string) =>
    Deno.listenTls({
      hostname: HOST,
      port,
      cert: Deno.readTextFileSync(file(`${name}.pem`)),
      key: Deno.readTextFileSync(file(`${name}.key`)),
    });
  await using analyzer = await Analyzer.start([
    ...["--source", `tls://localhost:${port}`, "--tls-ca", file("authority.pem")],
    ...["--no-save", "--quiet"],
  ]);
  for (
    const [name, reason] of [
      ["elsewhere", "its certificate is not valid for localhost"],
      ["expired", "its certificate is signed by no known authority, or not valid at this time"],
    ] as const
  ) {
    const listener = serve(name);
    const refusing = (async () => {
      for await (const connection of listener) {
        await send(connection as unknown as Deno.TcpConn, LINE).catch(() => {});
        connection.close();
      }
    })();
    const { totals } = await analyzer.until(({ sources }) => sources[0]!.reason === reason);
    assert.equal(totals.bytes, 0);
    listener.close();
    await refusing;
  }
  using listener = serve("server");
  const connection = await listener.accept();
  await send(connection as unknown as Deno.TcpConn, LINE);
  await analyzer.untilLines(1);
  connection.close();
});

// S-77
Deno.test("analyze believes the authorities that Deno carries where none are named", async () => {
  using listener = Deno.listenTls({
    hostname: HOST,
    port: 0,
    cert: Deno.readTextFileSync(file("server.pem")),
    key: Deno.readTextFileSync(file("server.key")),
  });
  const { port } = listener.addr as Deno.NetAddr;
  const args = ["--source", `tls://localhost:${port}`, "--no-save", "--quiet"];
  // This is how Deno is told to carry one more.
  await using analyzer = await Analyzer.start(args, {
    env: { DENO_CERT: file("authority.pem") },
  });
  const connection = await listener.accept();
  await send(connection as unknown as Deno.TcpConn, LINE);
  await analyzer.untilLines(1);
  connection.close();
});

Deno.test({
  name: "analyze keeps nothing of ten thousand connections that were opened and dropped",
  ignore: !isOnLinux,
  async fn() {
    await using listening = await Listening.start("--limit", "connections-per-address=1000");
    const { pid } = listening.analyzer.program;
    const dropMany = async (count: number) => {
      for (let i = 0; i < count; i += 40) {
        await Promise.all(Array.from({ length: 40 }, async (_, j) => {
          const connection = await listening.connect();
          if (j % 2 === 0) await send(connection, j % 4 === 0 ? LINE : LINE.slice(0, 30));
          // Some wait to be closed, so that the queue of the system never overflows: then it would
          // take a second to try again.
          if (j % 8 < 2) {
            await connection.closeWrite();
            await closed(connection);
          }
          closeQuietly(connection);
        }));
      }
    };
    const before = await usage(pid);
    // By then the heap is as large as the garbage of connections makes it.
    await dropMany(5000);
    const warm = await usage(pid);
    await dropMany(5000);
    const { totals, sources } = await listening.analyzer.until(({ sources }) =>
      sources[0]!.connections_total === 10_000 && sources[0]!.connections === 0
    );
    const after = await usage(pid);
    assert.deepEqual([totals.valid, totals.partial], [2500, 2500]);
    assert.equal(sources[0]!.phase, "waiting");
    assert.ok(after.handles <= before.handles + 2, `${before.handles} to ${after.handles}`);
    const grownBytes = after.rssBytes - warm.rssBytes;
    console.log(`5000 connections more: memory grew by ${(grownBytes / 1e6).toFixed(1)} MB`);
    assert.ok(grownBytes < 30e6, `${grownBytes} bytes`);
  },
});

Deno.test({
  name: "analyze keeps nothing of a thousand TLS handshakes that failed or were dropped",
  ignore: !isOnLinux,
  async fn() {
    await using listening = await Listening.start(
      ...[...TLS, "--limit", "connections-per-address=1000", "--limit", "tls-handshake-time=5s"],
    );
    const { pid } = listening.analyzer.program;
    const before = await usage(pid);
    for (let i = 0; i < 1000; i += 25) {
      await Promise.all(Array.from({ length: 25 }, async (_, j) => {
        if (j % 5 === 0) {
          const connection = await listening.connectTls();
          await connection.write(new TextEncoder().encode(LINE));
          connection.close();
          return;
        }
        const connection = await listening.connect();
        if (j % 5 < 3) await send(connection, LINE);
        if (j % 5 < 2) await closed(connection);
        connection.close();
      }));
    }
    await listening.analyzer.until(({ sources, totals }) =>
      totals.lines === 200 && sources[0]!.connections === 0
    );
    await listening.until(async () => await listening.refused("tls") === 800);
    assert.equal(await listening.reached("tls-handshake-time"), 0);
    const after = await usage(pid);
    assert.ok(after.handles <= before.handles + 2, `${before.handles} to ${after.handles}`);
  },
});

Deno.test("analyze reads a fast sender beside five hundred slow ones", async () => {
  await using listening = await Listening.start(
    ...["--limit", "connections-per-address=1000", "--limit", "connections=501"],
  );
  const block = LINE.repeat(Math.ceil(1e6 / LINE.length));
  const blockLines = block.length / LINE.length;
  let lines = 0;
  const fast = async () => {
    using connection = await listening.connect();
    const startedAtMs = performance.now();
    for (let i = 0; i < 20; i++) await send(connection, block);
    lines += 20 * blockLines;
    await listening.analyzer.untilLines(lines);
    return performance.now() - startedAtMs;
  };
  await fast();
  const aloneMs = await fast();
  const slow = [];
  try {
    for (let i = 0; i < 500; i++) slow.push(await listening.connect());
    await listening.analyzer.until(({ sources }) => sources[0]!.connections >= 500);
    for (const connection of slow) await send(connection, "x");
    let isOver = false;
    // One more of them every 20 ms: a byte of each in ten seconds.
    const sending = (async () => {
      for (let i = 0; !isOver; i++) {
        await send(slow[i % slow.length]!, "x");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    let besideMs = 0;
    try {
      besideMs = await fast();
    } finally {
      isOver = true;
      await sending;
    }
    console.log(`20 MB alone: ${aloneMs.toFixed(0)} ms, beside 500: ${besideMs.toFixed(0)} ms`);
    const { totals, sources } = await listening.analyzer.metrics();
    assert.equal(totals.valid, lines);
    assert.ok(sources[0]!.connections >= 500, "a slow one had to go");
  } finally {
    slow.forEach(closeQuietly);
  }
  const { totals } = await listening.analyzer.untilLines(lines + 500);
  assert.equal(totals.partial, 500);
});

/** Sends so many bytes without a newline, and then the end of that line and an ordinary one. */
async function sendLongLine(
  write: (bytes: Uint8Array) => Promise<unknown>,
  bytes: number,
): Promise<void> {
  const block = new Uint8Array(1024 * 1024).fill(120);
  for (let sent = 0; sent < bytes; sent += block.length) await write(block);
  await write(new TextEncoder().encode(`\n${LINE}`));
}

const GIGABYTE = 1024 ** 3;
const BYTES_OF_OTHERS = 256 * 1024 ** 2;

/** Each kind of source: starts an analyzer on it, and sends. */
const KINDS: Readonly<Record<string, () => Promise<void>>> = {
  async "tcp-listen://"() {
    await using listening = await Listening.start();
    await assertBounded(listening.analyzer, async (line) => {
      using connection = await listening.connect();
      await line((bytes) => send(connection, bytes), GIGABYTE);
    });
  },
  async "tcp://"() {
    await using server = new LineServer();
    await using analyzer = await Analyzer.start(["--source", server.source, "--no-save"]);
    const connection = await server.accept();
    await assertBounded(
      analyzer,
      (line) => line((bytes) => send(connection, bytes), BYTES_OF_OTHERS),
    );
  },
  async "standard input"() {
    const program = start("analyze", ["--source", "-", "--no-save", "--http", `${HOST}:0`], {
      hasInput: true,
    });
    await using analyzer = new Analyzer(
      program,
      (await program.stderr.match(/^Results: (http:\S+)\/metrics/m))[1]!,
    );
    await assertBounded(
      analyzer,
      (line) => line((bytes) => program.writeBytes(bytes), BYTES_OF_OTHERS),
    );
  },
  async "POST /logs"() {
    await using analyzer = await Analyzer.start([
      ...["--source", `tcp-listen://${HOST}:${freePort()}`, "--no-save"],
    ]);
    await assertBounded(analyzer, async (line) => {
      const { hostname, port } = new URL(analyzer.url);
      // By hand: fetch() takes half a minute to send so much.
      using connection = await Deno.connect({ hostname, port: Number(port) });
      const head = [
        "POST /logs HTTP/1.1",
        `Host: ${hostname}:${port}`,
        "Content-Type: application/x-ndjson",
        `Content-Length: ${BYTES_OF_OTHERS + 1 + LINE.length}`,
        "Connection: close",
      ];
      await send(connection, `${head.join("\r\n")}\r\n\r\n`);
      await line((bytes) => send(connection, bytes), BYTES_OF_OTHERS);
      const answer = new Uint8Array(10_000);
      await connection.read(answer);
      assert.match(new TextDecoder().decode(answer), /^HTTP\/1\.1 200 /);
      // The server makes garbage of all it reads, whatever the lines are: up to 62 MB of it.
    }, 90e6);
  },
};

async function assertBounded(
  analyzer: Analyzer,
  sendTo: (line: typeof sendLongLine) => Promise<void>,
  grownBytesMax = 20e6,
): Promise<void> {
  const { pid } = analyzer.program;
  const before = (await usage(pid)).rssBytes;
  await sendTo(sendLongLine);
  const { totals } = await analyzer.untilLines(2);
  const grownBytes = (await usage(pid)).rssBytesMax - before;
  console.log(`${totals.bytes} bytes: memory grew by ${(grownBytes / 1e6).toFixed(1)} MB at most`);
  assert.deepEqual([totals.oversized, totals.valid, totals.lines], [1, 1, 2]);
  assert.ok(totals.bytes > BYTES_OF_OTHERS);
  assert.ok(grownBytes < grownBytesMax, `${grownBytes} bytes`);
}

// S-8
for (const [kind, test] of Object.entries(KINDS)) {
  Deno.test({
    name: `analyze keeps little of a line that never ends: ${kind}`,
    ignore: !isOnLinux,
    fn: test,
  });
}

// S-8
Deno.test({
  name: "analyze keeps little of a line that never ends: file:",
  ignore: !isOnLinux,
  async fn() {
    const path = Deno.makeTempFileSync({ dir: `${PROJECT}output` });
    try {
      {
        using sparse = Deno.openSync(path, { write: true });
        sparse.truncateSync(GIGABYTE);
        sparse.seekSync(0, Deno.SeekMode.End);
        sparse.writeSync(new TextEncoder().encode(`\n${LINE}`));
      }
      await using analyzer = await Analyzer.start(["--source", `file:${path}`, "--no-save"]);
      // Measured: 17 to 19 MB, with two buffers of 2 MiB, and those of a program that has just begun.
      await assertBounded(analyzer, () => Promise.resolve(), 26e6);
    } finally {
      Deno.removeSync(path);
    }
  },
});
