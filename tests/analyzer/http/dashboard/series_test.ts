import assert from "node:assert/strict";
import { seriesOf, stack } from "../../../../analyzer/http/dashboard/series.js";
import type { WindowJson } from "../../../../analyzer/window/window_json.ts";
import { toWindowJson } from "../../../../analyzer/window/window_json.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../../../support/window_fixtures.ts";

const FRAME = { fromMs: START_MS - LENGTH_MS, toMs: START_MS + 2 * LENGTH_MS, stepMs: LENGTH_MS };

const WINDOW: WindowJson = toWindowJson(windowSummary(), { urlsMax: 10 });
const OPEN: WindowJson = {
  ...WINDOW,
  start: new Date(START_MS + LENGTH_MS).toISOString(),
  state: "open",
  statuses: [],
};

Deno.test("seriesOf() has a place for every bucket of the frame, and null where there is none", () => {
  const series = seriesOf([WINDOW, OPEN], { frame: FRAME, status: undefined, url: undefined });
  assert.deepEqual(series, {
    starts: [START_MS - LENGTH_MS, START_MS, START_MS + LENGTH_MS],
    open: [false, false, true],
    statuses: [
      { name: "500", status: 500, counts: [null, 5, null] },
      { name: "404", status: 404, counts: [null, 45, null] },
    ],
    errors: [null, 50, 0],
    rates: [null, 0.05, 0],
    clients: [null, 14, 14],
  });
});

Deno.test("seriesOf() counts one status alone, clients included", () => {
  const series = seriesOf([WINDOW, OPEN], { frame: FRAME, status: 404, url: undefined });
  assert.deepEqual(series.errors, [null, 45, 0]);
  assert.deepEqual(series.rates, [null, 0.045, 0]);
  assert.deepEqual(series.clients, [null, 12, 0]);
  assert.deepEqual(series.statuses.map(({ name }) => name), ["404"]);
});

Deno.test("seriesOf() counts one URL alone, whose clients nobody has counted", () => {
  const series = seriesOf([WINDOW], { frame: FRAME, status: undefined, url: "/resource/42" });
  assert.deepEqual(series.errors, [null, 30, null]);
  assert.deepEqual(series.clients, [null, null, null]);
  assert.deepEqual(seriesOf([WINDOW], { frame: FRAME, status: 500, url: "/resource/42" }).errors, [
    null,
    0,
    null,
  ]);
});

Deno.test("seriesOf() leaves out what lies beyond the frame", () => {
  const frame = { ...FRAME, toMs: START_MS };
  const series = seriesOf([WINDOW, OPEN], { frame, status: undefined, url: undefined });
  assert.deepEqual(series.errors, [null]);
});

Deno.test("seriesOf() draws rare statuses as one, and keeps the order as they come and go", () => {
  const statuses = [400, 401, 403, 404, 410, 429, 500, 502, 503].map((status, i) => ({
    ...WINDOW.statuses[0]!,
    status,
    error_count: 100 - i,
  }));
  const { statuses: series } = seriesOf([{ ...WINDOW, statuses }], {
    frame: FRAME,
    status: undefined,
    url: undefined,
  });
  assert.deepEqual(series.map(({ name }) => name), [
    ...["500", "400", "401", "403", "404", "410", "429"],
    "other",
  ]);
  assert.deepEqual(series.at(-1)!.counts, [null, 93 + 92, null]);
});

Deno.test("stack() puts each column on top of those before it", () => {
  const columns = [{ counts: [1, null, null] }, { counts: [2, 3, null] }, {
    counts: [null, 4, null],
  }];
  assert.deepEqual(stack(columns), [[1, null, null], [3, 3, null], [3, 7, null]]);
  assert.deepEqual(stack([]), []);
});
