import assert from "node:assert/strict";
import type { Clock } from "../../../generator/clock.ts";
import { STALL_MS } from "../../../generator/deno/stream_client.ts";
import {
  BEHIND_BYTES_MAX,
  serveStream,
  type StreamServer,
} from "../../../generator/deno/stream_server.ts";
import { generatorStream } from "../../../generator/generator_stream.ts";
import { ManualClock } from "../manual_clock.ts";
import { configOf, linesOf, textOf } from "../test_config.ts";

const START = "--start 2025-05-30T18:52:30Z";

function serve(commandLine: string, clock: Clock) {
  const notices: string[] = [];
  const notice = (line: string) => notices.push(line);
  const config = configOf(commandLine);
  const server = serveStream(config, { hostname: "127.0.0.1", port: 0, notice, clock });
  return { server, notices };
}

/** A connection that reads everything, in the background. */
class Reader {
  bytes = 0;
  lineCount = 0;
  readonly #decoder = new TextDecoder();
  readonly #connection: Deno.TcpConn;
  #text = "";
  readonly end: Promise<void>;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
    this.end = this.#read();
  }

  get lines(): string[] {
    return linesOf(this.#text);
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (let n; (n = await this.#connection.read(buffer)) !== null;) {
        this.bytes += n;
        for (let at = -1; (at = buffer.subarray(0, n).indexOf(0x0a, at + 1)) >= 0;) {
          this.lineCount++;
        }
        this.#text += this.#decoder.decode(buffer.subarray(0, n), { stream: true });
      }
    } finally {
      this.#connection.close();
    }
  }
}

/** Connects, and waits until the server knows. */
async function connect(server: StreamServer): Promise<Deno.TcpConn> {
  const { clientCount } = server;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await until(() => server.clientCount > clientCount);
  return connection;
}

/** Lets I/O go on, for one turn at least, until something is so. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn === 0 || !condition(); turn++) {
    if (turn > 20_000) throw new Error(`it did not come to ${condition}`);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

async function expectedLines(commandLine: string): Promise<string[]> {
  return linesOf(await textOf(generatorStream(configOf(`${commandLine} --rate max`))));
}

Deno.test("serveStream() gives each client the lines from the present on", async () => {
  const clock = new ManualClock();
  const { server } = serve(`--rate 10 ${START}`, clock);
  await clock.advance(1000); // to nobody
  const first = new Reader(await connect(server));
  await clock.advance(1000);
  await until(() => first.lineCount === 10);
  const second = new Reader(await connect(server));
  await clock.advance(1000);
  await until(() => first.lineCount === 20 && second.lineCount === 10);
  await server.close();
  await Promise.all([first.end, second.end]);
  const expected = await expectedLines(`${START} --event-rate 10 --count 30`);
  assert.deepEqual(first.lines, expected.slice(10));
  assert.deepEqual(second.lines, expected.slice(20));
});

Deno.test("serveStream() with --count starts at the first client and closes all at the end", async () => {
  const clock = new ManualClock();
  const { server, notices } = serve(`--rate 10 --count 25 ${START}`, clock);
  await clock.advance(60_000);
  assert.equal(server.linesCount, 0);
  const first = new Reader(await connect(server));
  await clock.advance(2000);
  const second = new Reader(await connect(server));
  await clock.advance(500);
  await Promise.all([first.end, second.end, server.finished]);
  const expected = await expectedLines(`${START} --event-rate 10 --count 25`);
  assert.deepEqual(first.lines, expected);
  assert.deepEqual(second.lines, expected.slice(20));
  assert.deepEqual(notices, []);
  assert.equal(server.clientCount, 0);
});

Deno.test("serveStream() gives the backfill to the first client alone", async () => {
  const clock = new ManualClock();
  const { server } = serve(`--rate 10 --backfill 1m --count 620 ${START}`, clock);
  const first = new Reader(await connect(server));
  await until(() => first.lineCount === 600);
  const second = new Reader(await connect(server));
  await clock.advance(100); // the first live line still catches up
  await until(() => first.lineCount === 601);
  await clock.advance(1900);
  await Promise.all([first.end, second.end, server.finished]);
  const expected = await expectedLines(`${START} --event-rate 10 --count 620`);
  assert.deepEqual(first.lines, expected);
  assert.deepEqual(second.lines, expected.slice(601));
});

Deno.test("serveStream() skips the rest of the backfill when the first client goes away", async () => {
  const clock = new ManualClock();
  const { server } = serve(`--rate 100000 --backfill 1h ${START}`, clock);
  const first = await connect(server);
  await first.read(new Uint8Array(1000));
  const second = new Reader(await connect(server));
  first.close();
  await until(() => server.clientCount === 1);
  await clock.advance(20);
  await until(() => second.lineCount > 0);
  const { timestamp } = JSON.parse(second.lines[0]!);
  assert(timestamp >= "2025-05-30T19:52:30", timestamp);
  await server.close();
  await second.end;
});

Deno.test("serveStream() disconnects a first client that takes nothing of the backfill", async () => {
  const clock = new ManualClock();
  const { server } = serve("--rate 100000 --backfill 1h", clock);
  const stalled = await connect(server);
  await until(() => server.linesCount > 0 && clock.sleeperCount > 0);
  for (let i = 0; server.clientCount > 0; i++) {
    assert(i < 5000, "it is still there");
    await clock.advance(STALL_MS);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await server.close();
  stalled.close();
});

Deno.test("serveStream() disconnects a client that is more than 8 MiB behind, and only that", async () => {
  const clock = new ManualClock();
  const { server, notices } = serve(`--rate 1e6 ${START}`, clock);
  const reading = new Reader(await connect(server));
  const idle = await connect(server);
  while (notices.length === 0) {
    assert(reading.bytes < 10 * BEHIND_BYTES_MAX, "nobody was disconnected");
    await clock.advance(10);
    await until(() => reading.lineCount >= server.linesCount);
  }
  assert.match(notices[0]!, /^Disconnected 127\.0\.0\.1:\d+: it was more than 8 MiB behind$/);
  assert(reading.bytes > BEHIND_BYTES_MAX);
  await until(() => server.clientCount === 1);
  await clock.advance(10);
  await until(() => reading.lineCount >= server.linesCount);
  assert.equal(notices.length, 1);
  await server.close();
  idle.close();
  await reading.end;
});

Deno.test("serveStream() at the highest rate lets the slowest client set the pace", async () => {
  const count = 400_000;
  const options = `--count ${count} ${START}`;
  const { server, notices } = serve(`${options} --rate max`, new ManualClock());
  const idle = await connect(server);
  const reading = new Reader(await connect(server));
  let before = -1;
  while (server.linesCount !== before) {
    before = server.linesCount;
    for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setTimeout(resolve));
  }
  assert(before < count, "it did not wait");
  const late = new Reader(idle);
  await Promise.all([reading.end, late.end, server.finished]);
  assert.deepEqual(notices, []);
  const expected = await expectedLines(options);
  assert(late.lines.join() === expected.join());
  assert(reading.lines.length > 0);
  assert(reading.lines.join() === expected.slice(-reading.lines.length).join());
});

Deno.test("serveStream() at the highest rate makes nothing without clients", async () => {
  const { server } = serve("--rate max", new ManualClock());
  const reader = await connect(server);
  await reader.read(new Uint8Array(1000));
  reader.close();
  await until(() => server.clientCount === 0);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
  const { linesCount } = server;
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(server.linesCount, linesCount);
  await server.close();
});

Deno.test("serveStream() gives each client the header line first", async () => {
  const clock = new ManualClock();
  const { server } = serve("--rate 10 --format csv --header", clock);
  const first = new Reader(await connect(server));
  await clock.advance(1000);
  const second = new Reader(await connect(server));
  await clock.advance(1000);
  await until(() => first.lineCount === 21 && second.lineCount === 11);
  await server.close();
  await Promise.all([first.end, second.end]);
  for (const { lines } of [first, second]) {
    assert.deepEqual(
      lines.map((line) => line.startsWith("timestamp,")),
      lines.map((_, i) => i === 0),
    );
  }
});

Deno.test("serveStream() goes on for a client that has ended its own side, whatever it sent", async () => {
  const clock = new ManualClock();
  const { server } = serve("--rate 10 --count 20", clock);
  const connection = await connect(server);
  await connection.write(new Uint8Array(100_000));
  await connection.closeWrite();
  const reader = new Reader(connection);
  await clock.advance(2000);
  await Promise.all([reader.end, server.finished]);
  assert.equal(reader.lines.length, 20);
});

Deno.test("StreamServer.close() ends it without clients, before the start, and twice", async () => {
  const { server } = serve("--rate max", new ManualClock());
  await Promise.all([server.close(), server.close(), server.finished]);
  assert.equal(server.linesCount, 0);
});

Deno.test("serveStream() says in one line that the port is in use", async () => {
  const { server } = serve("--rate 1", new ManualClock());
  const options = { hostname: "127.0.0.1", port: server.port, notice: () => {} };
  assert.throws(() => serveStream(configOf(""), options), {
    message: `Cannot listen on 127.0.0.1:${server.port}: the port is in use, choose another one`,
  });
  await server.close();
});
