import assert from "node:assert/strict";
import { EventListener } from "../support/event_run.ts";
import { jsonLine, toBytes } from "../support/log_lines.ts";
import {
  Analyzer,
  beforeDeadline,
  closeQuietly,
  generated,
  LineServer,
  linesOf,
  send,
  TemporaryDirectory,
} from "./support.ts";

/** 400 rows a window of 10 s, for 100 s. */
const LINES = linesOf(await generated(["--count", "4000", "--seed", "5", "--event-rate", "40"]));

/** As the file of lines grows, windows close at once: the last rows stand in an open one. */
const OPTIONS = ["--window", "10s", "--lateness", "100ms", "--max-future", "off"];

/** A client that is connected over a real socket. */
async function connect(analyzer: Analyzer, lastEventId = ""): Promise<EventListener> {
  const headers = lastEventId === "" ? {} : { "Last-Event-ID": lastEventId };
  const response = await analyzer.get("/events", headers);
  assert.equal(response.status, 200);
  return new EventListener(response.body!);
}

/** Waits until a client has been told what is wanted. */
async function until(client: EventListener, isReached: () => boolean): Promise<void> {
  while (!isReached()) {
    await beforeDeadline(client.changed(), () => `Not reached: ${isReached}: ${client.text}`);
  }
}

/** Rows of the closed windows that a client was told of, by start, in order. */
function closedCounts(client: EventListener): [string, number][] {
  return client.of("window").filter(({ data }) => data.state === "closed")
    .map(({ data }) => [data.start, data.total_count]);
}

// S-10
Deno.test("GET /events shows what late lines look like, and those of the future", async () => {
  using directory = new TemporaryDirectory();
  const rowAt = (timestampMs: number, url: string) =>
    jsonLine({ timestampMs, url, status: 200, ip: "192.0.2.1" });
  const nowMs = Date.now();
  const lines = [
    rowAt(nowMs, "/in/time"),
    rowAt(nowMs - 60_000, "/late/\x1b[2J"),
    rowAt(nowMs, "/in/time"),
    rowAt(nowMs + 3_600_000, "/future"),
  ];
  const source = `file:${directory.write("a.log", toBytes(lines))}`;
  for (const more of [[], ["--mask-ip"]]) {
    await using analyzer = await Analyzer.start(
      ["--source", source, "--reset", ...more, ...directory.options()],
    );
    await analyzer.untilLines(4);
    const client = await connect(analyzer);
    await until(client, () => client.of("status").length > 0);
    const { samples, totals } = client.of("status")[0]!.data;
    assert.deepEqual([totals.late, totals.future], [1, 1]);
    const text = (line: number) => more.length === 0 ? lines[line]! : null;
    // Those in the future are known as they are read, late ones when they come to their window.
    assert.deepEqual(samples, [{ kind: "future", text: text(3) }, { kind: "late", text: text(1) }]);
    const { stderr } = await analyzer.stop();
    const told = linesOf(stderr).filter((line) => line.startsWith("First "));
    assert.match(told[0]!, /^First line in the future: .* \(--max-future\)$/);
    assert.match(told[1]!, /^First late line: .* \(--lateness\)$/);
    assert.equal(told.length, 2);
  }
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  // S-69, S-70
  Deno.test(`GET /events leaves no gap where vigie is started again after ${signal}`, async () => {
    using directory = new TemporaryDirectory();
    const log = directory.write("access.log", LINES.slice(0, 1500).join("\n") + "\n");
    const args = ["--source", `file:${log}`, "--follow", ...OPTIONS, ...directory.options()];
    let lastEventId: string;
    let told: [string, number][];
    {
      await using analyzer = await Analyzer.start(args);
      await analyzer.untilLines(1500);
      const client = await connect(analyzer);
      await until(client, () => client.of("status").length > 0);
      assert.equal(client.of("status")[0]!.data.totals.lines, 1500);
      assert.deepEqual(
        closedCounts(client),
        [],
        "who asks for nothing gets what closes from now on",
      );
      // 400 rows, and with them one window.
      Deno.writeTextFileSync(log, LINES.slice(1500, 1900).join("\n") + "\n", { append: true });
      await until(client, () => closedCounts(client).length === 1);
      // Killed at once: whether that window is saved, nobody knows.
      const { status } = await analyzer.stop(signal);
      await until(client, () => client.isEnded || client.failure !== undefined);
      if (signal === "SIGTERM") {
        assert.equal(status, 0, "whoever is connected holds up nothing");
        assert.ok(client.isEnded, `the stream was cut: ${client.failure}`);
      }
      told = closedCounts(client);
      lastEventId = client.lastEventId;
    }
    Deno.writeTextFileSync(log, LINES.slice(1900).join("\n") + "\n", { append: true });
    await using analyzer = await Analyzer.start(args);
    await analyzer.untilLines(LINES.length);
    const client = await connect(analyzer, lastEventId);
    const stored = (await analyzer.windows()).map(({ start, total_count }) =>
      [start, total_count] as const
    );
    await until(client, () => closedCounts(client).at(-1)?.[0] === stored.at(-1)![0]);
    const missed = closedCounts(client);
    assert.deepEqual(new Map([...stored.slice(0, 3), ...told, ...missed]), new Map(stored));
    const repeated = missed.filter(([start]) => told.some(([before]) => before === start));
    if (signal === "SIGTERM") assert.deepEqual(repeated, []);
    assert.deepEqual(client.of("reset"), []);
    // The id means nothing to a run with another output.
    using elsewhere = new TemporaryDirectory();
    await using other = await Analyzer.start(["--source", `file:${log}`, ...elsewhere.options()]);
    const stranger = await connect(other, lastEventId);
    await until(stranger, () => stranger.events.length > 0);
    assert.deepEqual(stranger.events[0], { type: "reset", data: { reason: "unknown_id" } });
    await Promise.all([client.leave(), stranger.leave()]);
  });
}

for (const [options, text] of [[[], "192.0.2.1 is no record"], [["--mask-ip"], null]] as const) {
  Deno.test(`GET /events shows ${text} where options are ${JSON.stringify(options)}`, async () => {
    using directory = new TemporaryDirectory();
    await using server = new LineServer();
    const args = ["--source", server.source, ...OPTIONS, ...options, ...directory.options()];
    await using analyzer = await Analyzer.start(args);
    await send(await server.accept(), `${LINES[0]}\n192.0.2.1 is no record\n`);
    await analyzer.untilLines(2);
    const client = await connect(analyzer);
    await until(client, () => client.of("status").length > 0);
    assert.deepEqual(client.of("status")[0]!.data.samples, [{ kind: "csv_field_count", text }]);
    await client.leave();
  });
}

Deno.test("GET /metrics as text begins at 0 with each start, and adds up from there", async () => {
  using directory = new TemporaryDirectory();
  const log = directory.write("access.log", LINES.slice(0, 1000).join("\n") + "\n");
  const args = ["--source", `file:${log}`, "--follow", ...OPTIONS, ...directory.options()];
  {
    await using analyzer = await Analyzer.start(args);
    await analyzer.untilLines(1000);
    await untilText(analyzer, /^vigie_lines_total\{outcome="valid"\} 1000$/m);
    await analyzer.stop();
  }
  await using analyzer = await Analyzer.start(args);
  await untilText(analyzer, /^vigie_lines_total\{outcome="valid"\} 0$/m);
  Deno.writeTextFileSync(log, LINES.slice(1000, 1007).join("\n") + "\n", { append: true });
  await analyzer.untilLines(1007);
  await untilText(analyzer, /^vigie_lines_total\{outcome="valid"\} 7$/m);
});

// S-71
Deno.test("GET /events drops a client that does not read, and counts every line meanwhile", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, "--window", "1ms", "--lateness", "1ms", "--max-future", "off"],
    ...directory.options(),
  ]);
  const connection = await server.accept();
  using silent = await Deno.connect({ port: Number(new URL(analyzer.url).port) });
  await silent.write(new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const before = performance.now();
  await untilText(analyzer, /^vigie_event_clients 1$/m);
  // Each row closes the window of the one before: more events than sockets have room for.
  let count = 0;
  while (!await isDropped(analyzer)) {
    const rows = Array.from(
      { length: 5000 },
      () =>
        JSON.stringify({
          timestamp: 1_748_631_150_000 + count++,
          ip: "192.0.2.1",
          method: "GET",
          url: `/${"x".repeat(300)}`,
          status: 404,
        }),
    );
    await send(connection, rows.join("\n") + "\n");
    await analyzer.untilLines(count);
    assert.ok(performance.now() - before < 60_000, `${count} windows, and it is not dropped`);
  }
  const { totals } = await analyzer.untilLines(count);
  assert.equal(totals.errors, count);
});

// S-71
Deno.test("GET /events serves 1,000 clients at once, and not one more", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, ...OPTIONS, ...directory.options()],
  ]);
  const connection = await server.accept();
  const port = Number(new URL(analyzer.url).port);
  const request = new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const clients: Deno.TcpConn[] = [];
  try {
    for (let i = 0; i < 1000; i++) {
      const client = await Deno.connect({ port });
      clients.push(client);
      await client.write(request);
    }
    await untilText(analyzer, /^vigie_event_clients 1000$/m);
    const refused = await analyzer.get("/events");
    assert.equal(refused.status, 503);
    assert.equal((await refused.json()).error.code, "too_many_event_clients");
    await send(connection, LINES.slice(0, 500).join("\n") + "\n");
    const found = clients.map((client) => readUntil(client, '"state":"closed"'));
    await beforeDeadline(Promise.all(found), () => "not every client was told");
  } finally {
    clients.forEach(closeQuietly);
  }
  await untilText(analyzer, /^vigie_event_clients 0$/m);
  const { status } = await analyzer.stop();
  assert.equal(status, 0);
});

async function readUntil(client: Deno.TcpConn, text: string): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16 * 1024);
  let rest = "";
  while (!rest.includes(text)) {
    const count = await client.read(buffer);
    assert.ok(count !== null, `the connection was closed before ${text}`);
    rest = rest.slice(-text.length) + decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

async function metricsText(analyzer: Analyzer): Promise<string> {
  return await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
}

async function isDropped(analyzer: Analyzer): Promise<boolean> {
  return /^vigie_dropped_event_clients_total 1$/m.test(await metricsText(analyzer));
}

/** Asks for the metrics in Prometheus' format until they match. */
async function untilText(analyzer: Analyzer, pattern: RegExp): Promise<void> {
  let text = "";
  const asking = (async () => {
    while (!pattern.test(text = await metricsText(analyzer))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await beforeDeadline(asking, () => `no ${pattern} in ${text}`);
}
