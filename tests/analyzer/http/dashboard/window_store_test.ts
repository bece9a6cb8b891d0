import assert from "node:assert/strict";
import { WindowStore } from "../../../../analyzer/http/dashboard/window_store.js";
import { toWindowJson, type WindowJson } from "../../../../analyzer/window/window_json.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../../../support/window_fixtures.ts";

const MINUTE = {
  fromMs: START_MS - LENGTH_MS,
  toMs: START_MS + 5 * LENGTH_MS,
  stepMs: 2 * LENGTH_MS,
};
const WINDOWS = { ...MINUTE, stepMs: LENGTH_MS };

function windowAt(index: number, overrides: Partial<WindowJson> = {}): WindowJson {
  const summary = windowSummary({ startMs: START_MS + index * LENGTH_MS });
  return { ...toWindowJson(summary, { urlsMax: 0 }), ...overrides };
}

Deno.test("WindowStore knows the length of windows and where now is", () => {
  const store = new WindowStore();
  assert.equal(store.newestEndMs, undefined);
  store.add(windowAt(1, { state: "open" }));
  store.add(windowAt(0));
  assert.equal(store.windowMs, LENGTH_MS);
  assert.equal(store.newestEndMs, START_MS + 2 * LENGTH_MS);
});

Deno.test("WindowStore.buckets() shows an open window until it has closed", () => {
  const store = new WindowStore();
  store.add(windowAt(0, { state: "open", error_count: 1 }));
  store.add(windowAt(0, { state: "open", error_count: 2 }));
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: true }).map((w) => w.error_count), [2]);
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: false }), []);
  store.add(windowAt(0));
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: true }), []);
  store.close(windowAt(0));
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: true }), [windowAt(0)]);
});

Deno.test("WindowStore.buckets() adds an open window to the bucket that it lies in", () => {
  const store = new WindowStore();
  // The bucket of a minute from -1 to 1, of which the server has counted the first half.
  const bucket = windowAt(-1, { length_ms: 2 * LENGTH_MS, end: windowAt(0).end });
  store.replaceFrom([bucket], MINUTE.fromMs);
  store.add(windowAt(0, { state: "open", total_count: 500, error_count: 25, unique_ips: 3 }));
  const aligned = { ...MINUTE, fromMs: START_MS - 3 * LENGTH_MS };
  const [sum] = store.buckets(aligned, { withOpen: true });
  assert.equal(sum!.state, "open");
  assert.equal(sum!.total_count, 1500);
  assert.equal(sum!.error_count, 75);
  assert.equal(sum!.error_rate, 0.05);
  // Distinct clients do not add up.
  assert.equal(sum!.unique_ips, 14);
  assert.deepEqual(sum!.statuses.map(({ error_count }) => error_count), [90, 10]);
});

Deno.test("WindowStore.replaceFrom() keeps what came by the stream while the answer was on the way", () => {
  const store = new WindowStore();
  for (const i of [0, 1, 2]) store.close(windowAt(i, { error_count: i }));
  store.replaceFrom([windowAt(1, { error_count: 100 })], START_MS);
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: false }).map((w) => w.error_count), [100, 2]);
  store.replaceFrom([], START_MS);
  assert.equal(store.buckets(WINDOWS, { withOpen: false }).length, 2);
});

Deno.test("WindowStore.forgetBefore() holds no more than the frame", () => {
  const store = new WindowStore();
  for (let i = 0; i < 5; i++) store.close(windowAt(i));
  store.forgetBefore(START_MS + 2 * LENGTH_MS);
  assert.equal(store.buckets(WINDOWS, { withOpen: true }).length, 3);
  store.clear();
  assert.deepEqual(store.buckets(WINDOWS, { withOpen: true }), []);
});
