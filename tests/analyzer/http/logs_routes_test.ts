import assert from "node:assert/strict";
import type {
  DeliveryAnswer,
  DeliveryReceiver,
  DeliveryRequest,
} from "../../../analyzer/delivery/delivery.ts";
import { createApp } from "../../../analyzer/http/app.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { testLimits } from "../../support/limits.ts";
import { appDeps, type AppFixture } from "../../support/window_fixtures.ts";
import { DeliveryRun, gzip } from "../delivery/delivery_run.ts";

const JSON_LINES = { "content-type": "application/x-ndjson" };
const LINE =
  '{"timestamp":1748631150000,"ip":"192.0.2.1","method":"GET","url":"/a","status":404}\n';

/** Gives one answer to everything, and remembers what it was asked. */
class FixedReceiver implements DeliveryReceiver {
  readonly counts = { open: 1, bytes: 2, repeated: 3, keys: 4 };
  readonly requests: DeliveryRequest[] = [];
  readonly #answer: DeliveryAnswer;

  constructor(answer: Partial<DeliveryAnswer> = {}) {
    this.#answer = {
      kind: "delivered",
      totals: { ...emptyTotals(), lines: 2 },
      isDurable: true,
      isRepeated: false,
      ...answer,
    } as DeliveryAnswer;
  }

  receive(request: DeliveryRequest): Promise<DeliveryAnswer> {
    this.requests.push(request);
    return Promise.resolve(this.#answer);
  }
}

async function post(
  headers: Record<string, string>,
  fixture: AppFixture & { readonly path?: string } = {},
  body: BodyInit | null = LINE,
): Promise<{ readonly response: Response; readonly json: ErrorOr }> {
  const app = createApp(appDeps({ deliveries: new FixedReceiver(), ...fixture }));
  const init = { method: "POST", headers, body };
  const response = await app.request(fixture.path ?? "/logs", init);
  return { response, json: await response.json() };
}

// deno-lint-ignore no-explicit-any -- what an answer holds is what the tests are about
type ErrorOr = any;

// S-54
Deno.test("POST /logs answers with the counts of the request, once they are durable", async () => {
  const run = new DeliveryRun();
  const app = createApp(appDeps({ deliveries: run.serve() }));
  const init = {
    method: "POST",
    headers: { ...JSON_LINES, "content-encoding": "gzip", "idempotency-key": '"a-1"' },
    body: await gzip(`${LINE}nothing\n`) as BodyInit,
  };
  const response = await app.request("/logs", init);
  assert.equal(response.status, 200);
  const { durable, repeated, totals } = await response.json();
  assert.deepEqual([durable, repeated], [true, false]);
  assert.deepEqual([totals.lines, totals.valid, totals.malformed.not_json, totals.errors], [
    2,
    1,
    1,
    1,
  ]);
  const again = await (await app.request("/logs", init)).json();
  assert.deepEqual(again, { durable, repeated: true, totals });
  await run.stop();
});

// S-55
Deno.test("POST /logs takes the format from the type, and refuses every other type", async () => {
  const receiver = new FixedReceiver();
  const fixture = { deliveries: receiver };
  for (
    const [type, format] of [
      ["application/x-ndjson", "json"],
      ["application/jsonl", "json"],
      ["Application/X-NDJSON; charset=utf-8", "json"],
      ["text/csv; header=present", "csv"],
    ] as const
  ) {
    const { response } = await post({ "content-type": type }, fixture);
    assert.equal(response.status, 200, type);
    assert.equal(receiver.requests.at(-1)!.format, format);
  }
  const asked = receiver.requests.length;
  // Those that a page of another site can send without asking are all among them.
  for (
    const type of [
      "text/plain",
      // What has this type is one value, and often an array.
      "application/json",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "text/csvx",
      "*/*",
    ]
  ) {
    const { response, json } = await post({ "content-type": type }, fixture);
    assert.equal(response.status, 415, type);
    assert.equal(json.error.code, "unsupported_type");
    assert.equal(
      json.error.allowed,
      "application/x-ndjson, application/jsonl, text/csv",
    );
  }
  const { response } = await post({}, fixture, new Uint8Array(3));
  assert.equal(response.status, 415, "no type at all");
  assert.equal(receiver.requests.length, asked, "nothing of them was read");
});

Deno.test("POST /logs takes gzip or nothing as the encoding", async () => {
  const receiver = new FixedReceiver();
  const fixture = { deliveries: receiver };
  for (
    const [encoding, isGzip] of [["gzip", true], ["X-GZIP", true], ["identity", false]] as const
  ) {
    const headers = { ...JSON_LINES, "content-encoding": encoding };
    assert.equal((await post(headers, fixture)).response.status, 200);
    assert.equal(receiver.requests.at(-1)!.isGzip, isGzip);
  }
  for (const encoding of ["br", "gzip, gzip", "deflate"]) {
    const headers = { ...JSON_LINES, "content-encoding": encoding };
    const { response, json } = await post(headers, fixture);
    assert.equal(response.status, 415);
    assert.deepEqual([json.error.code, json.error.allowed], [
      "unsupported_encoding",
      "gzip, identity",
    ]);
  }
});

// S-57
Deno.test("POST /logs reads nothing of a body that says itself that it is too long", async () => {
  const receiver = new FixedReceiver();
  const { limits, limitCounter } = testLimits({ httpBodyBytes: 2000 });
  const app = createApp({ ...appDeps({ deliveries: receiver }), limits, limitCounter });
  for (const [length, status] of [[2000, 200], [2001, 413], ["9".repeat(400), 413]] as const) {
    const headers = { ...JSON_LINES, "content-length": String(length) };
    const response = await app.request("/logs", { method: "POST", headers, body: LINE });
    assert.equal(response.status, status);
    const { error } = await response.json();
    if (status === 413) {
      assert.deepEqual([error.code, error.allowed], ["body_too_long", "2000 bytes"]);
    }
  }
  assert.deepEqual([receiver.requests.length, limitCounter.count("httpBodyBytes")], [1, 2]);
});

// S-56
Deno.test("POST /logs takes keys of visible characters, with or without quotes", async () => {
  const receiver = new FixedReceiver();
  const fixture = { deliveries: receiver };
  for (
    const [header, key] of [
      ["a", "a"],
      ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', "8e03978e-40d5-43e8-bc93-6894a57f9324"],
      ['"a\\"b\\\\c"', 'a"b\\c'],
      ["~".repeat(255), "~".repeat(255)],
    ] as const
  ) {
    const { response } = await post({ ...JSON_LINES, "idempotency-key": header }, fixture);
    assert.equal(response.status, 200, header);
    assert.equal(receiver.requests.at(-1)!.key, key);
  }
  for (const header of ["", '""', "a b", "ü", "~".repeat(256)]) {
    const { response, json } = await post({ ...JSON_LINES, "idempotency-key": header }, fixture);
    assert.equal(response.status, 400, header);
    assert.equal(json.error.code, "invalid_key");
  }
  await post(JSON_LINES, fixture);
  assert.equal(receiver.requests.at(-1)!.key, undefined);
});

// S-57
Deno.test("POST /logs says why lines are not taken, and when to come back", async () => {
  const cases: readonly (readonly [DeliveryAnswer, number, string, string | null])[] = [
    [{ kind: "overloaded" }, 429, "too_many_deliveries", "1"],
    [{ kind: "key-in-use" }, 409, "key_in_use", "1"],
    [{ kind: "other-body" }, 422, "other_body", null],
    [{ kind: "stopped" }, 503, "stopping", "1"],
    [{ kind: "broken", why: "silent", lines: 1 }, 408, "silent", null],
    [{ kind: "broken", why: "too-slow", lines: 1 }, 408, "too_slow", "1"],
    [{ kind: "broken", why: "too-long", lines: 1 }, 413, "body_too_long", null],
    [{ kind: "broken", why: "encoding", lines: 3 }, 400, "broken_encoding", null],
    [{ kind: "broken", why: "lost", lines: 3 }, 400, "broken_body", null],
  ];
  for (const [answer, status, code, retryAfter] of cases) {
    const { response, json } = await post(JSON_LINES, { deliveries: new FixedReceiver(answer) });
    assert.equal(response.status, status);
    assert.equal(json.error.code, code);
    assert.equal(response.headers.get("retry-after"), retryAfter, code);
  }
  const broken = new FixedReceiver({ kind: "broken", why: "encoding", lines: 3 });
  const { json } = await post(JSON_LINES, { deliveries: broken });
  assert.match(json.error.message, /3 lines before that are counted$/);
});

// S-57
Deno.test("POST /logs takes nothing while the writer cannot write, or in a run that ends", async () => {
  const receiver = new FixedReceiver();
  const faulty = await post(JSON_LINES, {
    deliveries: receiver,
    health: { writerFault: "No space left on device" },
  });
  assert.deepEqual([faulty.response.status, faulty.json.error.code], [503, "writer_fault"]);
  assert.equal(faulty.response.headers.get("retry-after"), "5");
  const app = createApp(appDeps());
  const response = await app.request("/logs", { method: "POST", headers: JSON_LINES, body: LINE });
  assert.equal(response.status, 503);
  assert.equal((await response.json()).error.code, "not_accepting");
  assert.equal(receiver.requests.length, 0);
});

Deno.test("POST /logs has no parameters, and no other method", async () => {
  const { response, json } = await post(JSON_LINES, { path: "/logs?format=json" });
  assert.deepEqual([response.status, json.error.code], [400, "unknown_parameter"]);
  const app = createApp(appDeps({ deliveries: new FixedReceiver() }));
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
    const response = await app.request("/logs", { method });
    assert.equal(response.status, 405, method);
    assert.equal(response.headers.get("allow"), "POST");
    await response.body?.cancel();
  }
});

// S-57
Deno.test("POST /logs counts every answer by its status, refusals included", async () => {
  const app = createApp(appDeps({ deliveries: new FixedReceiver() }));
  const send = (headers: Record<string, string>, path = "/logs") =>
    app.request(path, { method: "POST", headers, body: LINE });
  await send(JSON_LINES);
  await send(JSON_LINES);
  await send({ "content-type": "text/plain" });
  await send(JSON_LINES, "/logs?x=1");
  const text = await (await app.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.deepEqual(text.match(/^vigie_deliveries_total.*$/gm), [
    'vigie_deliveries_total{status="200"} 2',
    'vigie_deliveries_total{status="400"} 1',
    'vigie_deliveries_total{status="415"} 1',
  ]);
  assert.match(text, /^vigie_repeated_deliveries_total 3$/m);
});
