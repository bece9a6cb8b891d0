import assert from "node:assert/strict";
import { toWindowJson } from "../../../analyzer/window/window_json.ts";
import { START_MS, statusSummary, windowSummary } from "../../support/window_fixtures.ts";

Deno.test("toWindowJson() has the documented keys in the documented order", () => {
  const window = toWindowJson(windowSummary(), { urlsMax: 1 });
  assert.equal(
    JSON.stringify(window),
    '{"start":"2025-05-30T18:52:30.000Z","end":"2025-05-30T18:53:00.000Z","state":"closed",' +
      '"length_ms":30000,"total_count":1000,"error_count":50,"error_rate":0.05,' +
      '"unique_ips":14,"unique_ips_exact":true,"late_count":0,"late_error_count":0,' +
      '"statuses":[' +
      '{"status":404,"error_count":45,"unique_ips":12,"unique_ips_exact":true,' +
      '"urls":[{"url":"/resource/42","count":30}],"urls_total":3,"urls_total_exact":true},' +
      '{"status":500,"error_count":5,"unique_ips":3,"unique_ips_exact":true,' +
      '"urls":[{"url":"/resource/7","count":5}],"urls_total":1,"urls_total_exact":true}]}',
  );
});

Deno.test("toWindowJson() says 0 for the error rate of a window without rows", () => {
  const summary = windowSummary({ totalCount: 0, errorCount: 0, statuses: [] });
  assert.equal(toWindowJson(summary, { urlsMax: 1 }).error_rate, 0);
});

Deno.test("toWindowJson() gives the error of a count only where there is one", () => {
  const urls = [
    { url: "/exact", count: 3, countErrorMax: 0 },
    { url: "/estimated", count: 2, countErrorMax: 1 },
  ];
  const summary = windowSummary({ statuses: [statusSummary({ urls })] });
  assert.deepEqual(toWindowJson(summary, { urlsMax: 20 }).statuses[0]!.urls, [
    { url: "/exact", count: 3 },
    { url: "/estimated", count: 2, count_error_max: 1 },
  ]);
});

Deno.test("toWindowJson() lists no more URLs than asked for, and all where there are fewer", () => {
  const countListed = (urlsMax: number) =>
    toWindowJson(windowSummary(), { urlsMax }).statuses[0]!.urls.length;
  assert.deepEqual([0, 1, 2, 3].map(countListed), [0, 1, 2, 2]);
});

Deno.test("toWindowJson() marks estimates, and passes late counts and the state on", () => {
  const window = toWindowJson(
    windowSummary({
      startMs: START_MS + 1,
      state: "open",
      uniqueIps: { count: 70_000, isExact: false },
      lateCount: 4,
      lateErrorCount: 2,
      statuses: [statusSummary({
        uniqueIps: { count: 60_000, isExact: false },
        urlsTotal: { count: 5_000, isExact: false },
      })],
    }),
    { urlsMax: 20 },
  );
  assert.equal(window.start, "2025-05-30T18:52:30.001Z");
  assert.equal(window.state, "open");
  assert.deepEqual([window.unique_ips, window.unique_ips_exact], [70_000, false]);
  assert.deepEqual([window.late_count, window.late_error_count], [4, 2]);
  const status = window.statuses[0]!;
  assert.deepEqual([status.unique_ips, status.unique_ips_exact], [60_000, false]);
  assert.deepEqual([status.urls_total, status.urls_total_exact], [5_000, false]);
});
