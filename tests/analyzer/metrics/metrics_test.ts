import assert from "node:assert/strict";
import {
  type Metric,
  type MetricFacts,
  type Sample,
  sampleName,
} from "../../../analyzer/metrics/metric.ts";
import { METRICS } from "../../../analyzer/metrics/metrics.ts";
import { emptyTotals, type Totals } from "../../../analyzer/sink/totals.ts";
import { liveView, sourceState, START_MS, windowSummary } from "../../support/window_fixtures.ts";
import { testLimits } from "../../support/limits.ts";
import { LIMIT_NAMES } from "../../../analyzer/limits.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../../docs/METRICS.md", import.meta.url));

Deno.test("METRICS and docs/METRICS.md say the same", () => {
  const documented = DOCUMENT.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  const declared = METRICS.map((metric) => [
    `\`${sampleName(metric)}\``,
    metric.type,
    metric.unit,
    metric.labels.map((label) => `\`${label}\``).join(", "),
    metric.help,
  ]);
  assert.deepEqual(documented, declared);
});

Deno.test("METRICS keeps the rules of OpenMetrics for names, units and texts", () => {
  for (const { name, unit, help, labels } of METRICS) {
    assert.match(name, /^[a-z]+(_[a-z]+)+$/);
    assert.doesNotMatch(name, /_(total|info|created|count|sum|bucket)$/, name);
    if (unit !== "") assert.ok(name.endsWith(`_${unit}`), name);
    assert.match(help, /^[^"\\\n]+\.$/, name);
    for (const label of labels) assert.match(label, /^[a-z]+$/);
  }
  assert.equal(new Set(METRICS.map(({ name }) => name)).size, METRICS.length);
});

Deno.test("METRICS gives each sample one value a label, and no two samples the same labels", () => {
  for (const { name, labels, samples } of METRICS) {
    const all = samples(facts());
    assert.ok(all.length > 0, name);
    for (const { labelValues } of all) assert.equal(labelValues.length, labels.length, name);
    assert.equal(new Set(all.map(({ labelValues }) => labelValues.join())).size, all.length, name);
  }
});

Deno.test("METRICS counts lines, records and errors so that the outcomes add up", () => {
  assert.equal(sum("vigie_lines"), TOTALS.lines);
  assert.equal(sum("vigie_records"), TOTALS.valid);
  assert.equal(sum("vigie_errors"), TOTALS.errors);
  assert.equal(sum("vigie_status_errors"), TOTALS.errors);
  assert.equal(sum("vigie_malformed_lines"), valueOf("vigie_lines", "malformed"));
  assert.equal(valueOf("vigie_malformed_lines", "bad_status"), 2);
  assert.equal(valueOf("vigie_records", "future"), TOTALS.future);
  assert.equal(valueOf("vigie_errors", "late"), TOTALS.lateErrors);
  assert.equal(valueOf("vigie_read_bytes"), TOTALS.bytes);
});

Deno.test("METRICS lists statuses in ascending order", () => {
  const labels = samplesOf("vigie_status_errors").map(({ labelValues }) => labelValues[0]);
  assert.deepEqual(labels, ["404", "500"]);
});

Deno.test("METRICS measures the watermark against the time of the answer", () => {
  assert.equal(valueOf("vigie_watermark_lag_seconds"), 7.5);
  assert.equal(valueOf("vigie_watermark_timestamp_seconds"), START_MS / 1000 + 24.5);
});

Deno.test("METRICS has no watermark and no last row before the first row", () => {
  const sources = [sourceState({ lastRowAtMs: undefined })];
  const before = facts({ view: liveView({ sources }) });
  assert.deepEqual(samplesOf("vigie_watermark_lag_seconds", before), []);
  assert.deepEqual(samplesOf("vigie_watermark_timestamp_seconds", before), []);
  assert.deepEqual(samplesOf("vigie_source_last_row_timestamp_seconds", before), []);
});

Deno.test("METRICS tells of the window that closed last, where there is one", () => {
  assert.equal(valueOf("vigie_last_window_clients"), 14);
  assert.equal(valueOf("vigie_last_window_end_timestamp_seconds"), START_MS / 1000 + 30);
  const none = facts({ view: liveView() });
  assert.deepEqual(samplesOf("vigie_last_window_clients", none), []);
  assert.deepEqual(samplesOf("vigie_last_window_end_timestamp_seconds", none), []);
});

Deno.test("METRICS counts who was not let in, by source and reason", () => {
  const view = liveView({
    sources: [
      sourceState({ name: "tcp-listen://a", refused: { address: 3, limit: 0, tls: 1 } }),
      sourceState({ name: "tcp-listen://a" }),
    ],
  });
  const samples = samplesOf("vigie_source_refused_connections", facts({ view }));
  assert.deepEqual(samples.map(({ labelValues, value }) => [...labelValues, value]), [
    ["tcp-listen://a", "address", 3],
    ["tcp-listen://a", "limit", 0],
    ["tcp-listen://a", "tls", 1],
    ["tcp-listen://a #2", "address", 0],
    ["tcp-listen://a #2", "limit", 0],
    ["tcp-listen://a #2", "tls", 0],
  ]);
});

Deno.test("METRICS tells connected sources from those that wait", () => {
  const source = "tcp://127.0.0.1:9999";
  assert.equal(valueOf("vigie_source_connected", source), 1);
  assert.equal(valueOf("vigie_source_connected", `${source} #2`), 0);
  assert.equal(valueOf("vigie_source_open_connections", source), 1);
  assert.equal(valueOf("vigie_source_connections", `${source} #2`), 3);
  assert.equal(valueOf("vigie_source_last_row_timestamp_seconds", source), START_MS / 1000 + 31);
});

Deno.test("METRICS shows what a terminal would act on as text, and no two sources under one name", () => {
  const names = ["file:\x1b[2J\n", "file:\\x1b[2J\\x0a", "file:a"];
  const sources = names.map((name) => sourceState({ name }));
  const labels = samplesOf("vigie_source_connected", facts({ view: liveView({ sources }) }))
    .map(({ labelValues }) => labelValues[0]);
  assert.deepEqual(labels, [
    "file:\\x1b[2J\\x0a",
    "file:\\x1b[2J\\x0a #2",
    "file:a",
  ]);
});

Deno.test("METRICS reports the program itself", () => {
  assert.equal(valueOf("vigie_open_windows"), 1);
  assert.equal(valueOf("vigie_writer_idle_seconds"), 0.25);
  assert.equal(valueOf("vigie_input_waiting"), 1);
  assert.equal(valueOf("vigie_input_waiting", undefined, facts({ isInputWaiting: false })), 0);
  assert.equal(valueOf("vigie_writer_fault"), 1);
  assert.equal(valueOf("vigie_writer_fault", undefined, facts({ hasWriterFault: false })), 0);
  assert.equal(valueOf("vigie_writer_refusals"), 3);
  assert.equal(valueOf("vigie_http_exceptions"), 2);
  assert.equal(valueOf("process_start_time_seconds"), START_MS / 1000);
  assert.equal(valueOf("vigie_build", "0.1.0"), 1);
});

Deno.test("METRICS tells of the clients of the event stream", () => {
  assert.equal(valueOf("vigie_event_clients"), 7);
  assert.equal(valueOf("vigie_dropped_event_clients"), 2);
  assert.equal(valueOf("vigie_event_bytes"), 8192);
});

Deno.test("METRICS counts deliveries by the status of their answers", () => {
  const labels = samplesOf("vigie_deliveries").map(({ labelValues }) => labelValues[0]);
  assert.deepEqual(labels, ["200", "429"]);
  assert.equal(valueOf("vigie_deliveries", "200"), 7);
  assert.equal(valueOf("vigie_repeated_deliveries"), 2);
  assert.equal(valueOf("vigie_delivered_bytes"), 4096);
  assert.equal(valueOf("vigie_open_deliveries"), 3);
  assert.equal(valueOf("vigie_idempotency_keys"), 5);
  assert.equal(valueOf("vigie_open_deliveries", undefined, facts({ deliveries: undefined })), 0);
});

const TOTALS: Totals = {
  ...emptyTotals(),
  bytes: 131_072,
  lines: 1023,
  valid: 1009,
  malformed: { ...emptyTotals().malformed, not_json: 3, bad_status: 2 },
  oversized: 1,
  empty: 5,
  header: 1,
  partial: 2,
  inWindows: 1000,
  late: 6,
  future: 3,
  errors: 53,
  errorsInWindows: 50,
  lateErrors: 2,
  futureErrors: 1,
  // Not in order, as statuses do not occur in order.
  errorsByStatus: new Map([[500, 6], [404, 47]]),
};

function facts(overrides: Partial<MetricFacts> = {}): MetricFacts {
  return {
    view: liveView({
      totals: TOTALS,
      sources: [
        sourceState(),
        sourceState({ phase: "waiting", connections: 0, connectionsTotal: 3 }),
      ],
      open: [windowSummary({ state: "open" })],
      watermarkMs: START_MS + 24_500,
      lastWindow: { endMs: START_MS + 30_000, clientCount: 14 },
    }),
    nowMs: START_MS + 32_000,
    startedAtMs: START_MS,
    version: "0.1.0",
    writerIdleMs: 250,
    isInputWaiting: true,
    hasWriterFault: true,
    writerRefusals: 3,
    http: {
      exceptions: 2,
      refused: { host: 4, token: 6 },
      deliveriesByStatus: new Map([[429, 1], [200, 7]]),
    },
    deliveries: { open: 3, bytes: 4096, repeated: 2, keys: 5 },
    events: { clients: 7, dropped: 2, bytes: 8192 },
    ...testLimits(),
    ...overrides,
  };
}

function samplesOf(name: string, given = facts()): readonly Sample[] {
  const metric: Metric | undefined = METRICS.find((metric) => metric.name === name);
  assert.ok(metric, name);
  return metric.samples(given);
}

function valueOf(name: string, label?: string, given = facts()): number {
  const sample = samplesOf(name, given).find(({ labelValues }) => labelValues[0] === label);
  assert.ok(sample, `${name} ${label}`);
  return sample.value;
}

function sum(name: string): number {
  return samplesOf(name).reduce((total, { value }) => total + value, 0);
}

Deno.test("METRICS show every limit, and how often it had an effect", () => {
  const given = facts(testLimits({ lineBytes: 300, deliverySilence: 1500 }));
  given.limitCounter.reach("openWindows", 2);
  assert.equal(valueOf("vigie_limit_bytes", "line-bytes", given), 300);
  assert.equal(valueOf("vigie_limit_seconds", "delivery-silence", given), 1.5);
  assert.equal(valueOf("vigie_limit_reached", "open-windows", given), 2);
  assert.equal(valueOf("vigie_limit_reached", "line-bytes", given), 0);
  assert.equal(samplesOf("vigie_limit_reached", given).length, LIMIT_NAMES.length);
  const values = [
    "vigie_limit",
    "vigie_limit_bytes",
    "vigie_limit_bytes_per_second",
    "vigie_limit_seconds",
  ]
    .flatMap((name) => samplesOf(name, given));
  assert.equal(values.length, LIMIT_NAMES.length, "each has one value, in its unit");
});
