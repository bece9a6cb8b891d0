import assert from "node:assert/strict";
import type { LiveView } from "../../../analyzer/sink/live_view.ts";
import { showStatus } from "../../../analyzer/sink/status_display.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { liveView } from "../../support/window_fixtures.ts";

function setUp() {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const statuses: string[] = [];
  const state = { lines: 0, color: false, answer: Promise.resolve() };
  const fresh = async (): Promise<LiveView> => {
    await state.answer;
    return liveView({ totals: { ...emptyTotals(), lines: state.lines } });
  };
  const screen = {
    columns: 200,
    color: false,
    setStatus: (line: string) => void statuses.push(line),
  };
  const show = () => showStatus({ fresh }, screen, clock, stopping.signal);
  return { clock, stopping, statuses, state, screen, show };
}

Deno.test("showStatus() refreshes twice a second, with the rate since the time before", async () => {
  const { clock, stopping, statuses, state, show } = setUp();
  state.lines = 100;
  show();
  await clock.whenWaiting();
  assert.equal(statuses.length, 1);
  assert.match(statuses[0]!, / · 0 events\/s · /);

  state.lines = 150;
  clock.advance(499);
  assert.equal(statuses.length, 1);
  clock.advance(1);
  await clock.whenWaiting();
  assert.equal(statuses.length, 2);
  assert.match(statuses[1]!, / · 100 events\/s · /);

  clock.advance(500);
  await clock.whenWaiting();
  assert.match(statuses[2]!, / · 0 events\/s · /);
  stopping.abort();
});

Deno.test("showStatus() measures the time that an answer took", async () => {
  const { clock, stopping, statuses, state, show } = setUp();
  show();
  await clock.whenWaiting();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.answer = promise;
  clock.advance(500);
  clock.advance(1500);
  state.lines = 100;
  resolve();
  await clock.whenWaiting();
  assert.match(statuses[1]!, / · 50 events\/s · /);
  stopping.abort();
});

Deno.test("showStatus() removes the line at the end, and never draws it again", async () => {
  const { clock, stopping, statuses, state, show } = setUp();
  show();
  await clock.whenWaiting();
  const { promise, resolve } = Promise.withResolvers<void>();
  state.answer = promise;
  clock.advance(500);
  // The end comes while an answer is on its way.
  stopping.abort();
  assert.equal(statuses.at(-1), "");
  resolve();
  // A turn of the event loop: everything that follows from the answer has happened.
  await new Promise((done) => setTimeout(done, 0));
  assert.equal(statuses.at(-1), "");
  assert.equal(clock.pendingCount, 0);
});

Deno.test("showStatus() leaves no timer behind", async () => {
  const { clock, stopping, statuses, show } = setUp();
  show();
  await clock.whenWaiting();
  stopping.abort();
  assert.equal(clock.pendingCount, 0);
  assert.deepEqual(statuses.slice(1), [""]);
});

Deno.test("showStatus() follows the width of the screen", async () => {
  const { clock, stopping, statuses, screen, show } = setUp();
  show();
  await clock.whenWaiting();
  screen.columns = 10;
  clock.advance(500);
  await clock.whenWaiting();
  assert.equal(statuses.at(-1), "tcp://127…");
  stopping.abort();
});
