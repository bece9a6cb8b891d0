import assert from "node:assert/strict";
import { analyzerConfig, analyzerOptions } from "../../../analyzer/config.ts";
import { UnsavedResults } from "../../../analyzer/deno/unsaved_results.ts";
import { DEFAULT_LIMITS, LimitCounter } from "../../../analyzer/limits.ts";
import type { WindowHistory } from "../../../analyzer/sink/window_history.ts";
import { parseOptions } from "../../../command_line/deno/parse_options.ts";
import { LENGTH_MS, windowSummary } from "../../support/window_fixtures.ts";

function put(history: WindowHistory, startMs: number): void {
  const noSketch = new Uint8Array(2);
  history.put({ ...windowSummary({ startMs }), state: "closed", ipSketches: [noSketch, noSketch] });
}

function unsaved(
  args: readonly string[] = [],
  limitCounter = new LimitCounter(),
): UnsavedResults {
  return new UnsavedResults(
    analyzerConfig(parseOptions(analyzerOptions, ["--no-save", ...args])),
    limitCounter,
  );
}

// S-47
Deno.test("UnsavedResults begins anew, and has nothing to save", async () => {
  using results = unsaved();
  await results.reset();
  const { recovered, checkpoints, errors } = await results.open([]);
  assert.deepEqual([recovered.epoch, recovered.state, recovered.sources], [0, undefined, []]);
  assert.equal(
    await checkpoints.load({ notice: assert.fail, onNoneWhole: assert.fail }),
    undefined,
  );
  assert.deepEqual(errors.state(), { nextPart: 1, open: [] });
});

Deno.test("UnsavedResults keeps the latest windows, and no more than the limit", async () => {
  const limitCounter = new LimitCounter();
  using results = unsaved([], limitCounter);
  const { history } = await results.open([]);
  const max = DEFAULT_LIMITS.unsavedWindows;
  for (let i = 0; i < max; i++) put(history, i * LENGTH_MS);
  const count = () => history.query({ limit: 2 * max, urlsMax: 0 }).windows.length;
  assert.equal(count(), max);
  assert.notEqual(history.get(0, { urlsMax: 1 }), undefined);
  assert.equal(limitCounter.count("unsavedWindows"), 0);
  put(history, max * LENGTH_MS);
  assert.equal(count(), max);
  assert.equal(limitCounter.count("unsavedWindows"), 1);
  assert.equal(history.get(0, { urlsMax: 1 }), undefined);
  assert.equal(history.get(LENGTH_MS, { urlsMax: 1 })!.startMs, LENGTH_MS);
});

Deno.test("UnsavedResults keeps no windows where nobody can ask for them", async () => {
  using results = unsaved(["--no-http"]);
  const { history } = await results.open([]);
  put(history, 0);
  history.commit(1, 0);
  await history.sync();
  assert.deepEqual(history.query({ limit: 1, urlsMax: 0 }).windows, []);
  assert.equal(history.get(0, { urlsMax: 1 }), undefined);
});
