import assert from "node:assert/strict";
import type { RatesJson } from "../../../analyzer/http/error_rates.ts";
import { toSourceJson, toTotalsJson } from "../../../analyzer/http/live_json.ts";
import { toStatusEventJson } from "../../../analyzer/http/status_event.ts";
import { liveView, START_MS } from "../../support/window_fixtures.ts";

const RATES: RatesJson = {
  from: "2025-05-30T18:52:30.000Z",
  to: "2025-05-30T18:53:30.000Z",
  errors_per_minute: 3,
  error_rate: 0.05,
  hour_before_from: null,
  errors_per_minute_hour_before: null,
  error_rate_hour_before: null,
};

const OPTIONS = { eventsPerSecond: 1, rates: RATES, showsSamples: true };

Deno.test("toStatusEventJson() has the documented keys, and null for what is not known yet", () => {
  const view = liveView();
  assert.deepEqual(toStatusEventJson(view, { ...OPTIONS, eventsPerSecond: undefined }), {
    at: "2025-05-30T18:53:01.000Z",
    totals: toTotalsJson(view.totals),
    sources: view.sources.map(toSourceJson),
    watermark: null,
    events_per_second: null,
    rates: RATES,
    samples: [],
  });
  const later = toStatusEventJson(liveView({ watermarkMs: START_MS }), {
    ...OPTIONS,
    eventsPerSecond: 0,
  });
  assert.equal(later.watermark, "2025-05-30T18:52:30.000Z");
  assert.equal(later.events_per_second, 0);
});

Deno.test("toStatusEventJson() escapes and cuts what strangers have written", () => {
  const view = liveView({
    samples: [
      { kind: "not_json", text: "\x1b[2J\u202egnp.exe\n" },
      { kind: "oversized", text: "\0".repeat(300) },
    ],
  });
  const { samples } = toStatusEventJson(view, OPTIONS);
  assert.deepEqual(samples[0], { kind: "not_json", text: "\\x1b[2J\\u202egnp.exe\\x0a" });
  assert.equal(samples[1]!.text!.length, 197, "a whole number of escapes, and …");
});

Deno.test("toStatusEventJson() shows no line that may hold an address where those are masked", () => {
  const view = liveView({ samples: [{ kind: "bad_status", text: "192.0.2.1 GET /" }] });
  const { samples } = toStatusEventJson(view, { ...OPTIONS, showsSamples: false });
  assert.deepEqual(samples, [{ kind: "bad_status", text: null }]);
});
