import assert from "node:assert/strict";
import fc from "fast-check";
import { renderOpenMetrics, renderPrometheusText } from "../../../analyzer/metrics/exposition.ts";
import type { Metric, MetricFacts, Sample } from "../../../analyzer/metrics/metric.ts";
import { liveView } from "../../support/window_fixtures.ts";
import { testLimits } from "../../support/limits.ts";

const FACTS: MetricFacts = {
  view: liveView(),
  nowMs: 0,
  startedAtMs: 0,
  version: "0.1.0",
  writerIdleMs: 0,
  isInputWaiting: false,
  hasWriterFault: false,
  writerRefusals: 0,
  http: { exceptions: 0, refused: {}, deliveriesByStatus: new Map() },
  deliveries: undefined,
  events: { clients: 0, dropped: 0, bytes: 0 },
  ...testLimits(),
};

const METRICS: readonly Metric[] = [
  metric({ name: "read_bytes", type: "counter", unit: "bytes" }, [
    { labelValues: [], value: 131072 },
  ]),
  metric({ name: "lag_seconds", type: "gauge", unit: "seconds" }, [
    { labelValues: [], value: -0.5 },
  ]),
  metric({ name: "lines", type: "counter", labels: ["outcome", "source"] }, [
    { labelValues: ["valid", "-"], value: 2 },
    { labelValues: ["empty", "-"], value: 0 },
  ]),
  metric({ name: "build", type: "info", labels: ["version"] }, [
    { labelValues: ["0.1.0"], value: 1 },
  ]),
  metric({ name: "unknown_yet", type: "gauge" }, []),
];

Deno.test("renderPrometheusText() writes format 0.0.4", () => {
  assert.equal(
    renderPrometheusText(METRICS, FACTS),
    `# HELP read_bytes_total What it is.
# TYPE read_bytes_total counter
read_bytes_total 131072
# HELP lag_seconds What it is.
# TYPE lag_seconds gauge
lag_seconds -0.5
# HELP lines_total What it is.
# TYPE lines_total counter
lines_total{outcome="valid",source="-"} 2
lines_total{outcome="empty",source="-"} 0
# HELP build_info What it is.
# TYPE build_info gauge
build_info{version="0.1.0"} 1
# HELP unknown_yet What it is.
# TYPE unknown_yet gauge
`,
  );
});

Deno.test("renderOpenMetrics() writes OpenMetrics 1.0", () => {
  assert.equal(
    renderOpenMetrics(METRICS, FACTS),
    `# TYPE read_bytes counter
# UNIT read_bytes bytes
# HELP read_bytes What it is.
read_bytes_total 131072
# TYPE lag_seconds gauge
# UNIT lag_seconds seconds
# HELP lag_seconds What it is.
lag_seconds -0.5
# TYPE lines counter
# HELP lines What it is.
lines_total{outcome="valid",source="-"} 2
lines_total{outcome="empty",source="-"} 0
# TYPE build info
# HELP build What it is.
build_info{version="0.1.0"} 1
# TYPE unknown_yet gauge
# HELP unknown_yet What it is.
# EOF
`,
  );
});

Deno.test("renderPrometheusText() escapes label values so that any text comes back", () => {
  // Printable text rarely holds the three characters that matter: they are drawn on purpose.
  const text = fc.string({ unit: fc.constantFrom("\\", '"', "\n", "n", "é", " ") });
  fc.assert(fc.property(text, (value) => {
    const one = metric({ name: "a_b", type: "gauge", labels: ["source"] }, [
      { labelValues: [value], value: 1 },
    ]);
    const lines = renderPrometheusText([one], FACTS).split("\n");
    assert.equal(lines.length, 4);
    const escaped = /^a_b\{source="((?:[^"\\]|\\[\\"n])*)"\} 1$/.exec(lines[2]!)?.[1];
    assert.ok(escaped !== undefined, lines[2]);
    const unescaped = escaped.replace(/\\(.)/g, (_, letter) => letter === "n" ? "\n" : letter);
    assert.equal(unescaped, value);
  }));
});

function metric(
  declared: Pick<Metric, "name" | "type"> & Partial<Metric>,
  samples: readonly Sample[],
): Metric {
  return { unit: "", help: "What it is.", labels: [], ...declared, samples: () => samples };
}
