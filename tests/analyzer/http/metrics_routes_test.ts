import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { emptyTotals, type Totals } from "../../../analyzer/sink/totals.ts";
import { toWindowJson } from "../../../analyzer/window/window_json.ts";
import {
  appDeps,
  type AppFixture,
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  sourceState,
  START_MS,
  windowSummary,
} from "../../support/window_fixtures.ts";

Deno.test("GET /metrics answers totals in which every line is accounted for", async () => {
  const body = await getJson({ view: liveView({ totals: TOTALS }) });
  assert.deepEqual(Object.keys(body), ["totals", "sources", "open", "closed"]);
  assert.deepEqual(body.totals, {
    bytes: 1,
    lines: 2,
    valid: 3,
    malformed: { ...emptyTotals().malformed, bad_ip: 4 },
    oversized: 5,
    empty: 6,
    header: 7,
    partial: 8,
    in_windows: 9,
    late: 10,
    future: 11,
    errors: 12,
    errors_in_windows: 13,
    late_errors: 14,
    future_errors: 15,
    errors_by_status: { 404: 16, 503: 17 },
  });
});

Deno.test("GET /metrics has every field of Totals, in snake_case", async () => {
  const body = await getJson({ view: liveView({ totals: TOTALS }) });
  const expected = Object.keys(emptyTotals()).map((name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  );
  assert.deepEqual(Object.keys(body.totals), expected);
});

Deno.test("GET /metrics answers the state of each source", async () => {
  const sources = [
    sourceState(),
    sourceState({
      name: "file:a.jsonl",
      phase: "waiting",
      connections: 0,
      connectionsTotal: 2,
      reason: "connection refused",
      lastRowAtMs: undefined,
    }),
  ];
  assert.deepEqual((await getJson({ view: liveView({ sources }) })).sources, [
    {
      name: "tcp://127.0.0.1:9999",
      phase: "connected",
      connections: 1,
      connections_total: 1,
      reason: "",
      last_row_at: "2025-05-30T18:53:01.000Z",
    },
    {
      name: "file:a.jsonl",
      phase: "waiting",
      connections: 0,
      connections_total: 2,
      reason: "connection refused",
      last_row_at: null,
    },
  ]);
});

Deno.test("GET /metrics answers open windows and the latest ten closed ones", async () => {
  const closed = Array.from(
    { length: 11 },
    (_, i) => windowSummary({ startMs: START_MS + i * LENGTH_MS }),
  );
  const open = [windowSummary({ startMs: START_MS + 11 * LENGTH_MS, state: "open" })];
  const body = await getJson({ view: liveView({ open }), history: new InMemoryHistory(closed) });
  const options = { urlsMax: 20 };
  assert.deepEqual(body.open, open.map((window) => toWindowJson(window, options)));
  const latest = closed.slice(1).reverse();
  assert.deepEqual(body.closed, latest.map((window) => toWindowJson(window, options)));
});

Deno.test("GET /metrics shows a window once that closes while it answers", async () => {
  const open = [windowSummary({ state: "open" })];
  const history = new InMemoryHistory([windowSummary()]);
  const body = await getJson({ view: liveView({ open }), history });
  assert.equal(body.open.length, 1);
  assert.deepEqual(body.closed, []);
});

Deno.test("GET /metrics chooses its format by Accept, and says that it does", async () => {
  const json = "application/json";
  const text = "text/plain; version=0.0.4; charset=utf-8";
  const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  const cases: [accept: string | undefined, contentType: string][] = [
    [undefined, json],
    ["*/*", json],
    ["application/json", json],
    ["text/plain", text],
    ["application/openmetrics-text", openMetrics],
    ["text/plain, */*;q=0.5", text],
    ["text/plain;q=0.1, application/json;q=0.2", json],
    // What Prometheus 3 and 2 send.
    [
      "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
      "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4," +
      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      openMetrics,
    ],
    ["text/plain;version=0.0.4;q=1,*/*;q=0.1", text],
    // What browsers send.
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", json],
  ];
  for (const [accept, contentType] of cases) {
    const response = await request(accept);
    assert.equal(response.status, 200, accept);
    assert.equal(response.headers.get("content-type"), contentType, accept);
    assert.equal(response.headers.get("vary"), "Accept", accept);
    const body = await response.text();
    if (contentType === json) assert.ok(JSON.parse(body).totals);
    else assert.match(body, /^# TYPE vigie_lines(_total)? counter$/m);
    assert.equal(body.endsWith("# EOF\n"), contentType === openMetrics, accept);
  }
});

Deno.test("GET /metrics answers 406 where none of its formats is acceptable", async () => {
  const response = await request("image/png");
  assert.equal(response.status, 406);
  assert.equal(response.headers.get("vary"), "Accept");
  const { error } = await response.json();
  assert.equal(error.code, "not_acceptable");
  assert.equal(error.value, "image/png");
  assert.equal(error.allowed, "application/json, application/openmetrics-text, text/plain");
});

Deno.test("GET /metrics as text measures against the clock, the start and the writer", async () => {
  const view = liveView({ watermarkMs: START_MS + 24_500 });
  const health = { writerIdleMs: 1500, inputWaiting: true };
  const body = await (await request("text/plain", { view, health })).text();
  const lines = body.split("\n");
  for (
    const line of [
      "vigie_watermark_lag_seconds 7.5",
      "vigie_writer_idle_seconds 1.5",
      "vigie_input_waiting 1",
      "process_start_time_seconds 1748631122",
      'vigie_build_info{version="0.1.0"} 1',
      'vigie_source_connected{source="tcp://127.0.0.1:9999"} 1',
    ]
  ) assert.ok(lines.includes(line), line);
});

Deno.test("GET /metrics as text counts from the start of the program, and as JSON from the first one", async () => {
  const view = liveView({ totals: { ...emptyTotals(), lines: 100, bytes: 5000, empty: 100 } });
  const totalsAtStart = { ...emptyTotals(), lines: 90, bytes: 4500, empty: 90 };
  const app = createApp({ ...appDeps({ view }), totalsAtStart });
  const text = await (await app.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.match(text, /^vigie_read_bytes_total 500$/m);
  assert.match(text, /^vigie_lines_total\{outcome="empty"\} 10$/m);
  assert.equal((await (await app.request("/metrics")).json()).totals.lines, 100);
});

/** Each count differs, so that two that are mixed up are seen. */
const TOTALS: Totals = {
  bytes: 1,
  lines: 2,
  valid: 3,
  malformed: { ...emptyTotals().malformed, bad_ip: 4 },
  oversized: 5,
  empty: 6,
  header: 7,
  partial: 8,
  inWindows: 9,
  late: 10,
  future: 11,
  errors: 12,
  errorsInWindows: 13,
  lateErrors: 14,
  futureErrors: 15,
  errorsByStatus: new Map([[503, 17], [404, 16]]),
};

async function request(accept: string | undefined, fixture: AppFixture = {}): Promise<Response> {
  const headers = accept === undefined ? {} : { accept };
  return await createApp(appDeps(fixture)).request("/metrics", { headers });
}

async function getJson(fixture: AppFixture) {
  return await (await request(undefined, fixture)).json();
}
