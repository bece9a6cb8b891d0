import assert from "node:assert/strict";
import { type StepQuery, windowsByStep } from "../../../analyzer/history/windows_by_step.ts";
import type { WindowSummary } from "../../../analyzer/window/window_summary.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

/** The start is 18:52:30: the second half of a minute. */
const MINUTE_MS = 60_000;
const MINUTE = START_MS - LENGTH_MS;

function read(history: InMemoryHistory, query: Partial<StepQuery> = {}) {
  const pieces = windowsByStep(history.ranges, {
    stepMs: MINUTE_MS,
    fromMs: -8.64e15,
    toMs: 8.64e15,
    beforeMs: Infinity,
    limit: 100,
    urlsMax: 10,
    closedUpToMs: Infinity,
    ...query,
  });
  const windows: WindowSummary[] = [];
  for (;;) {
    const step = pieces.next();
    if (step.done === true) {
      const starts = windows.map(({ startMs }) => (startMs - MINUTE) / MINUTE_MS);
      return { windows, starts, nextMs: step.value };
    }
    if (step.value !== undefined) windows.push(step.value);
  }
}

function historyOf(...indexes: readonly number[]): InMemoryHistory {
  return new InMemoryHistory(
    indexes.map((i) => windowSummary({ startMs: MINUTE + i * LENGTH_MS })),
  );
}

// S-64
Deno.test("windowsByStep() merges what starts in each step, newest first, and skips empty ones", () => {
  const { windows, starts, nextMs } = read(historyOf(0, 1, 2, 20, 21, 23));
  assert.deepEqual(starts, [11, 10, 1, 0]);
  assert.deepEqual(windows.map(({ totalCount }) => totalCount), [1000, 2000, 1000, 2000]);
  assert.ok(windows.every(({ lengthMs }) => lengthMs === MINUTE_MS));
  assert.equal(nextMs, undefined);
});

Deno.test("windowsByStep() merges whole steps where a range begins or ends in one", () => {
  const history = historyOf(0, 1, 2, 3, 4, 5);
  const range = { fromMs: MINUTE + MINUTE_MS - 1, toMs: MINUTE + MINUTE_MS + 1 };
  const { windows, starts } = read(history, range);
  assert.deepEqual(starts, [1, 0]);
  assert.deepEqual(windows.map(({ totalCount }) => totalCount), [2000, 2000]);
  assert.deepEqual(read(history, { ...range, fromMs: MINUTE + MINUTE_MS }).starts, [1]);
  assert.deepEqual(read(history, { ...range, toMs: MINUTE + MINUTE_MS }).starts, [0]);
});

Deno.test("windowsByStep() pages through everything once", () => {
  const history = historyOf(0, 2, 4, 6, 20);
  const pages: number[][] = [];
  let beforeMs: number | undefined = Infinity;
  while (beforeMs !== undefined) {
    const page: ReturnType<typeof read> = read(history, { limit: 2, beforeMs });
    pages.push(page.starts);
    beforeMs = page.nextMs;
  }
  assert.deepEqual(pages, [[10, 3], [2, 1], [0]]);
  assert.equal(read(history, { limit: 5 }).nextMs, undefined);
});

Deno.test("windowsByStep() says of a step whether more may come", () => {
  const history = historyOf(0, 1, 2);
  const states = (closedUpToMs: number) =>
    read(history, { closedUpToMs }).windows.map(({ state }) => state);
  assert.deepEqual(states(MINUTE + 2 * MINUTE_MS), ["closed", "closed"]);
  assert.deepEqual(states(MINUTE + 2 * MINUTE_MS - 1), ["open", "closed"]);
});

Deno.test("windowsByStep() by status leaves out steps without it", () => {
  const history = new InMemoryHistory([0, 2, 4].map((i) =>
    windowSummary({
      startMs: MINUTE + i * LENGTH_MS,
      ...(i === 2 ? { statuses: [statusSummary()] } : {}),
    })
  ));
  const { windows, starts } = read(history, { status: 500 });
  assert.deepEqual(starts, [2, 0]);
  assert.deepEqual(windows.map(({ statuses }) => statuses.map(({ status }) => status)), [[500], [
    500,
  ]]);
});
