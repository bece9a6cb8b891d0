import assert from "node:assert/strict";
import fc from "fast-check";
import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import { DEFAULT_LIMITS } from "../../analyzer/limits.ts";
import {
  Analyzer,
  assertConserved,
  beforeDeadline,
  countsOf,
  expectedResults,
  generated,
  LineServer,
  linesOf,
  send,
  TemporaryDirectory,
} from "./support.ts";

/** Twenty seconds of event time in windows of one second. */
const TEXT = await generated(["--count", "20000", "--seed", "5"]);
const LINES = linesOf(TEXT);
const EXPECTED = expectedResults(LINES, { windowLengthMs: 1000 });

/** Nobody connects here: everything comes over HTTP. */
const LISTENING = ["--source", "tcp-listen://127.0.0.1:0", "--window", "1s"];

interface Delivered {
  readonly durable: boolean;
  readonly repeated: boolean;
  readonly totals: TotalsJson;
}

async function post(
  analyzer: Analyzer,
  body: BodyInit | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const request = fetch(`${analyzer.url}/logs`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", ...headers },
    body,
  });
  return await beforeDeadline(request, () => "POST /logs does not answer");
}

async function deliver(
  analyzer: Analyzer,
  body: BodyInit,
  headers: Record<string, string> = {},
): Promise<Delivered> {
  const response = await post(analyzer, body, headers);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}

/** A body that sends what it is told to, and stays open until it is ended or broken. */
function openBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  return {
    stream,
    send: (text: string) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
    lose: () => controller.error(new Error("the sender is gone")),
  };
}

function assertAllThere(totals: TotalsJson, directory: TemporaryDirectory): void {
  assert.equal(totals.lines, LINES.length);
  assert.equal(totals.valid, LINES.length);
  assertConserved(totals, directory.errorLines());
  assert.deepEqual(directory.errorLines().toSorted(), EXPECTED.errorLines.toSorted());
}

// S-54
Deno.test("POST /logs: what was answered with 200 is there after kill -9", async () => {
  using directory = new TemporaryDirectory();
  // No checkpoint but those that deliveries ask for.
  const args = [...LISTENING, "--checkpoint-interval", "1h", ...directory.options()];
  for (let i = 0; i < 4; i++) {
    await using analyzer = await Analyzer.start(args);
    const text = LINES.slice(i * 5000, (i + 1) * 5000).join("\n");
    const { durable, repeated, totals } = await deliver(analyzer, text);
    assert.deepEqual([durable, repeated, totals.lines], [true, false, 5000]);
    await analyzer.stop("SIGKILL");
  }
  await using analyzer = await Analyzer.start(args);
  const { totals } = await analyzer.metrics();
  assertAllThere(totals, directory);
  assert.ok(!analyzer.program.stderr.text.includes("set aside"));
});

// S-56
Deno.test("POST /logs: killed midway at any place, repeated with its key, each record counts once", async () => {
  const places = fc.array(fc.integer({ min: 0, max: TEXT.length }), {
    minLength: 1,
    maxLength: 3,
  });
  await fc.assert(
    fc.asyncProperty(places, fc.boolean(), async (places, isKilled) => {
      using directory = new TemporaryDirectory();
      const args = [...LISTENING, "--checkpoint-interval", "5ms", ...directory.options()];
      const key = { "idempotency-key": "batch-1" };
      for (const place of places) {
        await using analyzer = await Analyzer.start(args);
        const before = (await analyzer.metrics()).totals;
        assert.equal(before.partial, 0);
        const body = openBody();
        body.send(TEXT.slice(0, place));
        const answer = post(analyzer, body.stream, key).then(
          (response) => response.body?.cancel(),
          () => {},
        );
        // Most of the time some of it has been counted by then, and saved or not.
        const wanted = TEXT.slice(0, place).split("\n").length - 1;
        await analyzer.untilLines(Math.max(before.lines, Math.floor(wanted / 2)));
        if (isKilled) await analyzer.stop("SIGKILL");
        body.lose();
        await answer;
        if (!isKilled) await analyzer.stop("SIGTERM");
      }
      await using analyzer = await Analyzer.start(args);
      const first = await deliver(analyzer, TEXT, key);
      assert.deepEqual([first.repeated, first.totals.lines], [false, LINES.length]);
      const { totals } = await analyzer.untilLines(LINES.length);
      assertAllThere(totals, directory);
      const again = await deliver(analyzer, TEXT, key);
      assert.deepEqual(again, { ...first, repeated: true });
      assert.equal((await analyzer.metrics()).totals.lines, LINES.length);
      const other = await post(analyzer, `${TEXT}more\n`, key);
      assert.deepEqual([other.status, (await other.json()).error.code], [422, "other_body"]);
    }),
    { numRuns: 4, endOnFailure: true },
  );
});

// S-55
Deno.test("POST /logs takes gzip and CSV, and windows close by the clock behind the last row", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start([
    ...LISTENING,
    ...["--idle-timeout", "200ms", "--lateness", "100ms", ...directory.options()],
  ]);
  const gzipped = await new Response(
    new Blob([TEXT]).stream().pipeThrough(new CompressionStream("gzip")),
  ).arrayBuffer();
  const half = Math.floor(gzipped.byteLength / 2);
  const broken = await post(analyzer, gzipped.slice(0, half), { "content-encoding": "gzip" });
  const { error } = await broken.json();
  assert.deepEqual([broken.status, error.code], [400, "broken_encoding"]);
  const before = Number(/(\d+) lines before that are counted$/.exec(error.message)?.[1]);
  assert.ok(before > 1000 && before < LINES.length, error.message);

  const { totals } = await deliver(analyzer, gzipped, { "content-encoding": "gzip" });
  assert.equal(totals.lines, LINES.length);
  const csv = "status,timestamp,ip,method,url\n500,2020-01-01T00:00:00Z,192.0.2.1,GET,/old\n";
  const old = await deliver(analyzer, csv, { "content-type": "text/csv" });
  assert.deepEqual([old.totals.header, old.totals.late_errors], [1, 1]);
  const lines = before + LINES.length + 2;
  const all = await analyzer.until(({ totals, open }) =>
    totals.lines === lines && open.length === 0
  );
  assert.ok(all.totals.partial <= 1);
  assertConserved(all.totals, directory.errorLines());
  assert.equal(countsOf(await analyzer.windows()).total, all.totals.in_windows);
});

// S-57
Deno.test("POST /logs answers 429 beyond its places, and takes the next one when one is free", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start([...LISTENING, ...directory.options()]);
  const bodies = Array.from({ length: DEFAULT_LIMITS.deliveries }, openBody);
  const answers = bodies.map((body, i) => {
    body.send(`${LINES[i]}\n`);
    return post(analyzer, body.stream);
  });
  await analyzer.untilLines(DEFAULT_LIMITS.deliveries);
  const refused = await post(analyzer, TEXT);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "1");
  await refused.body?.cancel();
  bodies[0]!.end();
  const first = await answers[0]!;
  assert.equal(first.status, 200);
  await first.body?.cancel();
  assert.equal((await deliver(analyzer, TEXT)).totals.lines, LINES.length);
  const { totals } = await analyzer.untilLines(DEFAULT_LIMITS.deliveries + LINES.length);
  assert.equal(
    totals.lines,
    DEFAULT_LIMITS.deliveries + LINES.length,
    "what was refused is not counted",
  );
  for (const body of bodies.slice(1)) body.end();
  for (const answer of answers.slice(1)) {
    const response = await answer;
    assert.equal(response.status, 200);
    await response.body?.cancel();
  }
});

// S-43, S-57
Deno.test("POST /logs tells its senders when the program stops", async () => {
  using directory = new TemporaryDirectory();
  const args = [...LISTENING, ...directory.options()];
  await using analyzer = await Analyzer.start(args);
  const body = openBody();
  body.send(TEXT);
  const answer = post(analyzer, body.stream, { "idempotency-key": "k" });
  await analyzer.untilLines(LINES.length);
  const stopped = analyzer.stop("SIGTERM");
  const response = await answer;
  assert.deepEqual([response.status, (await response.json()).error.code], [503, "stopping"]);
  assert.equal((await stopped).status, 0);
  await using next = await Analyzer.start(args);
  assert.equal((await deliver(next, TEXT, { "idempotency-key": "k" })).totals.lines, LINES.length);
  assertAllThere((await next.untilLines(LINES.length)).totals, directory);
});

// S-28, S-54
Deno.test("POST /logs goes on after a file has ended, and takes nothing under --once", async () => {
  using directory = new TemporaryDirectory();
  const file = directory.write("a.jsonl", LINES.slice(0, 9000).join("\n"));
  const args = ["--source", `file:${file}`, "--window", "1s", ...directory.options()];
  {
    await using analyzer = await Analyzer.start(args);
    await analyzer.program.stderr.match(/^All sources have ended: results stay at .*$/m);
    const ended = await analyzer.until(({ totals, open }) =>
      totals.lines === 9000 && open.length === 0
    );
    assert.equal(ended.totals.in_windows, 9000);
    const { totals } = await deliver(analyzer, LINES.slice(9000).join("\n"));
    // Rows of the file's last window find it closed.
    assert.equal(totals.lines, 11_000);
    assert.equal(totals.in_windows + totals.late, 11_000);
    await analyzer.stop("SIGKILL");
  }
  await using analyzer = await Analyzer.start(args);
  assertAllThere((await analyzer.metrics()).totals, directory);

  await using server = new LineServer();
  using other = new TemporaryDirectory();
  await using once = await Analyzer.start([
    "--source",
    server.source,
    "--once",
    ...other.options(),
  ]);
  const refused = await post(once, TEXT);
  assert.deepEqual([refused.status, (await refused.json()).error.code], [503, "not_accepting"]);
});

// S-47, S-54
Deno.test("POST /logs says that nothing is durable where nothing is saved", async () => {
  await using analyzer = await Analyzer.start([...LISTENING, "--no-save"]);
  const { durable, totals } = await deliver(analyzer, TEXT);
  assert.deepEqual([durable, totals.lines], [false, LINES.length]);
});

// S-54, S-55
Deno.test("POST /logs and a socket share one run", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, "--window", "1s", "--lateness", "60s"],
    ...directory.options(),
  ]);
  using connection = await server.accept();
  const [left, right] = [LINES.slice(0, 10_000), LINES.slice(10_000)];
  await Promise.all([
    send(connection, left.join("\n") + "\n"),
    deliver(analyzer, right.join("\n")),
  ]);
  const { totals } = await analyzer.untilLines(LINES.length);
  assert.equal(totals.late, 0);
  assertAllThere(totals, directory);
});
