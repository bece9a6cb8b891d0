import assert from "node:assert/strict";
import fc from "fast-check";
import { MEASUREMENT_MS } from "../../../analyzer/delivery/pace_meter.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import type { Totals } from "../../../analyzer/sink/totals.ts";
import { BASE_MS, jsonLine, toBytes } from "../../support/log_lines.ts";
import { bodyOf, DeliveryRun, gzip, type SavedRun } from "./delivery_run.ts";

const LINES = [
  jsonLine({ timestampMs: BASE_MS, status: 404 }),
  jsonLine({ timestampMs: BASE_MS + 1000, status: 200 }),
  "no record",
  "",
  jsonLine({ timestampMs: BASE_MS + 2000, status: 500 }),
];
const TEXT = LINES.map((line) => `${line}\n`).join("");

function countsOf({ lines, valid, partial, errors }: Totals) {
  return { lines, valid, partial, errors };
}

// S-54
Deno.test("DeliverySource.receive() answers with the counts of one request, once they are durable", async () => {
  const run = new DeliveryRun();
  const other = run.deliver(TEXT);
  const answer = run.deliver(`${TEXT}${LINES[0]}`);
  let isAnswered = false;
  void answer.then(() => isAnswered = true);
  await run.stepToEndOf(2);
  assert.deepEqual([run.totals.lines, isAnswered], [11, false]);
  assert.equal(run.source.isAnswering, true);
  run.save();
  const result = await answer;
  assert.ok(result.kind === "delivered");
  assert.deepEqual([result.isDurable, result.isRepeated], [true, false]);
  // A last line without newline is an ordinary one.
  assert.deepEqual(countsOf(result.totals), { lines: 6, valid: 4, partial: 0, errors: 3 });
  assert.equal((await other).kind, "delivered");
  assert.deepEqual([run.source.isAnswering, run.source.counts.open], [false, 0]);
  await run.stop();
});

// S-55
Deno.test("DeliverySource is one input, from the first request to the end of the program", async () => {
  const run = new DeliveryRun();
  for (let i = 0; i < 2; i++) await run.until(run.deliver(TEXT));
  await run.stop();
  const kinds = run.kinds.filter((kind) => kind !== "batch");
  assert.deepEqual(kinds, ["input-opened", "delivery-ended", "delivery-ended", "input-closed"]);
  const unused = new DeliveryRun();
  await unused.stop();
  assert.deepEqual(unused.kinds, [], "nobody has delivered anything");
});

// S-55
Deno.test("DeliverySource reads each request by its own type and CSV header", async () => {
  const run = new DeliveryRun();
  const csv = `status,url,method,ip,timestamp\n404,/a,GET,192.0.2.1,${BASE_MS}\n`;
  const without = `${BASE_MS},192.0.2.1,GET,/a,404\n`;
  const answers = [
    run.deliver(csv, { format: "csv" }),
    run.deliver(without, { format: "csv" }),
    run.deliver(without, { format: "json" }),
    run.deliver(await gzip(TEXT), { isGzip: true }),
    run.deliver(null),
  ];
  const results = [];
  for (const answer of answers) {
    const result = await run.until(answer);
    assert.ok(result.kind === "delivered");
    results.push([result.totals.lines, result.totals.valid, result.totals.header]);
  }
  assert.deepEqual(results, [[2, 1, 1], [1, 1, 0], [1, 0, 0], [5, 3, 0], [0, 0, 0]]);
  await run.stop();
});

// S-55
Deno.test("DeliverySource counts what came of a body that broke off, its last line as partial", async () => {
  const run = new DeliveryRun();
  const text = TEXT + LINES[0]!.slice(0, 30);
  const lost = await run.until(run.deliver(bodyOf([text], new Error("reset"))));
  assert.deepEqual(lost, { kind: "broken", why: "lost", lines: 6 });
  assert.deepEqual(countsOf(run.totals), { lines: 6, valid: 3, partial: 1, errors: 2 });
  const bad = await run.until(run.deliver(new Uint8Array(50), { isGzip: true }));
  assert.deepEqual(bad, { kind: "broken", why: "encoding", lines: 0 });
  await run.stop();
});

// S-57
Deno.test("DeliverySource gives up on a silent sender, and its place is free again", async () => {
  const run = new DeliveryRun();
  const answer = run.deliver(bodyOf([TEXT], "open"));
  while (run.totals.lines < 5) await run.step();
  for (let i = 0; i < 20; i++) await null;
  assert.equal(run.source.counts.open, 1);
  run.clock.advance(DEFAULT_LIMITS.deliverySilence);
  assert.deepEqual(await run.until(answer), { kind: "broken", why: "silent", lines: 5 });
  assert.equal(run.limitCounter.count("deliverySilence"), 1);
  assert.equal(run.source.counts.open, 0);
  await run.stop();
});

// S-57
Deno.test("DeliverySource takes so many requests at a time and no more", async () => {
  const run = new DeliveryRun();
  const answers = [];
  for (let i = 0; i < DEFAULT_LIMITS.deliveries; i++) answers.push(run.deliver(TEXT));
  assert.equal(run.source.counts.open, DEFAULT_LIMITS.deliveries);
  assert.deepEqual(await run.deliver(TEXT), { kind: "overloaded" });
  assert.equal(run.limitCounter.count("deliveries"), 1);
  for (const answer of answers) assert.equal((await run.until(answer)).kind, "delivered");
  assert.equal((await run.until(run.deliver(TEXT))).kind, "delivered");
  assert.equal(run.totals.lines, 5 * (DEFAULT_LIMITS.deliveries + 1));
  await run.stop();
});

/** A body that stays open, and how to send more of it. */
function openBody() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  return { stream, send: (bytes: number) => controller.enqueue(new Uint8Array(bytes).fill(10)) };
}

// S-57
Deno.test("DeliverySource gives up the slowest sender where another one comes and all places are taken", async () => {
  const run = new DeliveryRun({ limits: { deliveries: 3, deliveryPace: 100 } });
  // Too slow, slower still, and just fast enough.
  const bytes = [990, 10, 1000];
  const bodies = bytes.map(() => openBody());
  const answers = bodies.map(({ stream }) => run.deliver(stream));
  const waitForAll = () => run.clock.whenWaiting(3);
  void run.step();
  await waitForAll();
  run.clock.advance(MEASUREMENT_MS - 1);
  assert.deepEqual(await run.deliver(TEXT), { kind: "overloaded" }, "too early to say");
  run.clock.advance(1);
  bodies.forEach(({ send }, i) => send(bytes[i]!));
  while (run.totals.lines < 2000) await run.step();
  await waitForAll();
  for (const [i, slow] of [[1, "a"], [0, "b"]] as const) {
    const next = run.deliver(openBody().stream, { key: slow });
    assert.deepEqual(await run.until(answers[i]!), {
      kind: "broken",
      why: "too-slow",
      lines: bytes[i],
    });
    for (let j = 0; j < 20; j++) await null;
    assert.equal(run.source.counts.open, 3);
    void next;
  }
  assert.deepEqual(await run.deliver(TEXT), { kind: "overloaded" }, "the others are fast enough");
  const { limitCounter } = run;
  assert.deepEqual([limitCounter.count("deliveryPace"), limitCounter.count("deliveries")], [2, 2]);
  await run.stop();
});

// S-57
Deno.test("DeliverySource keeps slow senders as long as there are places", async () => {
  const run = new DeliveryRun({ limits: { deliveries: 2, deliveryPace: 1000 } });
  const { stream, send } = openBody();
  const answer = run.deliver(stream);
  for (let i = 0; i < 100; i++) {
    await run.clock.whenWaiting();
    run.clock.advance(DEFAULT_LIMITS.deliverySilence - 1);
    send(1);
    while (run.totals.lines < 6 * i + 1) await run.step();
    assert.equal((await run.until(run.deliver(TEXT))).kind, "delivered");
  }
  assert.equal(run.limitCounter.count("deliveryPace"), 0);
  await run.stop();
  void answer;
});

// S-57
Deno.test("DeliverySource counts the lines before the place where a body is too long", async () => {
  const run = new DeliveryRun({ limits: { httpBodyBytes: TEXT.length } });
  for (const isGzip of [false, true]) {
    const bytes = async (text: string) => isGzip ? await gzip(text) : text;
    const fits = await run.until(run.deliver(await bytes(TEXT), { isGzip }));
    assert.equal(fits.kind, "delivered");
    const cut = await run.until(run.deliver(await bytes(`${TEXT}x`), { isGzip }));
    assert.deepEqual(cut, { kind: "broken", why: "too-long", lines: 5 });
  }
  assert.equal(run.totals.lines, 20);
  assert.equal(run.limitCounter.count("httpBodyBytes"), 2);
  await run.stop();
});

// S-56
Deno.test("DeliverySource counts a repeated key once, and tells what it had counted", async () => {
  const run = new DeliveryRun();
  const first = await run.until(run.deliver(TEXT, { key: "k" }));
  const again = await run.deliver(await gzip(TEXT), { key: "k", isGzip: true });
  assert.deepEqual(again, { ...first, isRepeated: true });
  assert.deepEqual(await run.deliver(`${TEXT} `, { key: "k" }), { kind: "other-body" });
  assert.deepEqual(await run.deliver(TEXT.slice(0, -1), { key: "k" }), { kind: "other-body" });
  assert.deepEqual([run.totals.lines, run.source.counts.repeated], [5, 1]);
  await run.until(run.deliver(TEXT, { key: "l" }));
  assert.deepEqual([run.totals.lines, run.source.counts.keys], [10, 2]);
  await run.stop();
});

// S-56
Deno.test("DeliverySource refuses a key whose request is on its way, until that is durable", async () => {
  const run = new DeliveryRun();
  const first = run.deliver(TEXT, { key: "k" });
  const isInUse = async () => (await run.deliver(TEXT, { key: "k" })).kind === "key-in-use";
  assert.ok(await isInUse());
  await run.stepToEndOf(1);
  assert.equal(run.totals.lines, 5);
  assert.ok(await isInUse(), "counted, but not durable");
  run.save();
  await first;
  assert.equal((await run.deliver(TEXT, { key: "k" })).kind, "delivered");
  assert.equal(run.totals.lines, 5);
  await run.stop();
});

// S-56
Deno.test("DeliverySource goes on behind what was counted under the key of a body that broke off", async () => {
  const run = new DeliveryRun();
  for (let cut = 0; cut < TEXT.length; cut++) {
    const key = `k${cut}`;
    const before = run.totals.lines;
    const broken = await run.until(
      run.deliver(bodyOf([TEXT.slice(0, cut)], new Error("reset")), { key }),
    );
    assert.equal(broken.kind, "broken");
    assert.equal(run.totals.partial, 0);
    const other = await run.until(run.deliver(`x${TEXT}`, { key: `k${cut}` }));
    // Of a body of which no line was counted, nothing is known.
    if (run.totals.lines > before && other.kind === "delivered") continue;
    assert.equal(other.kind, "other-body");
    const whole = await run.until(run.deliver(TEXT, { key }));
    assert.ok(whole.kind === "delivered");
    assert.deepEqual(countsOf(whole.totals), { lines: 5, valid: 3, partial: 0, errors: 2 });
    assert.equal(run.totals.lines, before + 5);
  }
  await run.stop();
});

Deno.test("DeliverySource.receive() says that the program stops, and refuses what comes then", async () => {
  const run = new DeliveryRun();
  const open = run.deliver(bodyOf([TEXT], "open"));
  const ended = run.deliver(TEXT);
  for (let i = 0; i < 3; i++) await run.step();
  await run.stop();
  assert.deepEqual([await open, await ended], [{ kind: "stopped" }, { kind: "stopped" }]);
  assert.deepEqual(await run.deliver(TEXT), { kind: "stopped" });
  assert.equal(run.totals.lines, 10, "what was read is counted");
});

Deno.test("DeliverySource tells at the last checkpoint that a delivery is durable", async () => {
  const run = new DeliveryRun();
  const answer = run.deliver(TEXT);
  while (!run.kinds.includes("delivery-ended")) await run.step();
  run.controller.abort();
  while (await run.step());
  run.save();
  run.source.stop();
  assert.equal((await answer).kind, "delivered");
});

// S-56
Deno.test("DeliverySource: crashed anywhere, restored and repeated, a key counts each record once", async () => {
  const line = fc.constantFrom(
    ...LINES,
    "timestamp,ip,method,url,status",
    "status,url,method,ip,timestamp",
    `${BASE_MS},192.0.2.1,GET,"/a,b",404`,
    `503,/b,GET,192.0.2.9,${BASE_MS + 40_000}`,
    "x".repeat(1001),
  );
  const property = fc.asyncProperty(
    fc.array(line, { minLength: 1, maxLength: 30 }),
    fc.constantFrom("json", "csv"),
    fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
    // For each attempt: where the body breaks, after how many elements the program crashes, and
    // at which of those it had saved its last checkpoint.
    fc.array(fc.tuple(fc.nat(3000), fc.nat(12), fc.nat(12)), { maxLength: 4 }),
    fc.boolean(),
    async (lines, format, sizes, attempts, endsInNewline) => {
      const bytes = endsInNewline ? toBytes(lines) : toBytes(lines).subarray(0, -1);
      const chunksOf = (bytes: Uint8Array) => {
        const chunks = [];
        for (let start = 0, i = 0; start < bytes.length; i++) {
          chunks.push(bytes.subarray(start, start += sizes[i % sizes.length]!));
        }
        return chunks;
      };
      const reference = new DeliveryRun();
      const expected = await reference.until(reference.deliver(bytes, { key: "k", format }));
      assert.ok(expected.kind === "delivered");
      await reference.stop();

      let saved: SavedRun | undefined;
      for (const [breakAt, crashAfter, saveAt] of attempts) {
        const run = new DeliveryRun({ ...(saved === undefined ? {} : { restored: saved }) });
        const answer = run.deliver(
          bodyOf(chunksOf(bytes.subarray(0, breakAt)), new Error("reset")),
          { key: "k", format },
        );
        let isAnswered = false;
        void answer.then(() => isAnswered = true);
        for (let i = 0; i < crashAfter && !isAnswered; i++) {
          await Promise.race([run.step(), answer]);
          if (i === saveAt) saved = run.save();
        }
        // The crash: nothing of the run is left but its last checkpoint.
        await run.stop();
      }
      const last = new DeliveryRun({ ...(saved === undefined ? {} : { restored: saved }) });
      const answer = await last.until(
        last.deliver(bodyOf(chunksOf(bytes)), { key: "k", format }),
      );
      assert.ok(answer.kind === "delivered");
      assert.equal(answer.totals.lines, expected.totals.lines);
      assert.deepEqual(withoutPlaces(answer.totals), withoutPlaces(expected.totals));
      assert.deepEqual(last.totals, answer.totals);
      await last.stop();
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

/**
 * Which rows are late depends on the windows that were open, and the runs of this test do not keep
 * those; everything else has to be the same.
 */
function withoutPlaces(totals: Totals) {
  const { inWindows: _, late: __, errorsInWindows: ___, lateErrors: ____, ...rest } = totals;
  return rest;
}
