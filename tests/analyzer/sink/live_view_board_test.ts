import assert from "node:assert/strict";
import type { LiveView } from "../../../analyzer/sink/live_view.ts";
import { LiveViewBoard } from "../../../analyzer/sink/live_view_board.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { liveView, windowSummary } from "../../support/window_fixtures.ts";

const FIRST = liveView({ atMs: 1 });
const SECOND = liveView({ atMs: 2 });
const THIRD = liveView({ atMs: 3 });

function boardAndClock() {
  const clock = new ManualClock();
  const board = new LiveViewBoard(clock, FIRST);
  const counts = { requests: 0 };
  board.connect(() => counts.requests++);
  return { board, clock, counts };
}

/** What a promise holds by now; `undefined` while it is pending. */
async function settled(promise: Promise<LiveView>): Promise<LiveView | undefined> {
  let view: LiveView | undefined;
  promise.then((value) => view = value);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return view;
}

Deno.test("LiveViewBoard.latest is the view put up last", () => {
  const { board } = boardAndClock();
  assert.equal(board.latest, FIRST);
  board.publish(SECOND);
  assert.equal(board.latest, SECOND);
});

Deno.test("LiveViewBoard.fresh() sends a request and waits for the answer", async () => {
  const { board, clock, counts } = boardAndClock();
  const fresh = board.fresh();
  assert.equal(counts.requests, 1);
  assert.equal(await settled(fresh), undefined);
  board.publish(SECOND);
  assert.equal(await fresh, SECOND);
  assert.equal(clock.pendingCount, 0, "no timer is left");
});

Deno.test("LiveViewBoard.fresh() shares a request that is not answered yet, and no other", async () => {
  const { board, counts } = boardAndClock();
  const together = [board.fresh(), board.fresh(), board.fresh()];
  assert.equal(counts.requests, 1);
  board.publish(SECOND);
  assert.deepEqual(await Promise.all(together), [SECOND, SECOND, SECOND]);
  const later = board.fresh();
  assert.equal(counts.requests, 2);
  board.publish(THIRD);
  assert.equal(await later, THIRD);
});

Deno.test("LiveViewBoard.fresh() gives the last view once the writer takes too long", async () => {
  const { board, clock, counts } = boardAndClock();
  const fresh = board.fresh();
  clock.advance(24);
  assert.equal(await settled(fresh), undefined);
  clock.advance(1);
  assert.equal(await settled(fresh), FIRST);

  const next = board.fresh();
  assert.equal(counts.requests, 1, "the first request is still on its way");
  board.publish(SECOND);
  assert.equal(await next, SECOND);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("LiveViewBoard.connect() sends the request of a reader who came before", async () => {
  const board = new LiveViewBoard(new ManualClock(), FIRST);
  let requests = 0;
  const fresh = board.fresh();
  board.connect(() => requests++);
  assert.equal(requests, 1);
  board.publish(SECOND);
  assert.equal(await fresh, SECOND);
  board.connect(() => requests++);
  assert.equal(requests, 1, "nobody waits any more");
});

Deno.test("LiveViewBoard.fresh() works where the request is answered at once", async () => {
  const board = new LiveViewBoard(new ManualClock(), FIRST);
  board.connect(() => board.publish(SECOND));
  assert.equal(await settled(board.fresh()), SECOND);
});

Deno.test("LiveViewBoard.publishLast() answers who waits and everyone after, without a request", async () => {
  const { board, clock, counts } = boardAndClock();
  const waiting = board.fresh();
  board.publishLast(SECOND);
  assert.equal(await waiting, SECOND);
  assert.equal(await settled(board.fresh()), SECOND);
  assert.equal(counts.requests, 1);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("LiveViewBoard.watchClosed() tells of each window until it is ended", () => {
  const { board } = boardAndClock();
  const told: number[] = [];
  const stop = board.watchClosed(({ startMs }) => told.push(startMs));
  const close = (startMs: number) =>
    board.windowClosed({ ...windowSummary({ startMs }), state: "closed", ipSketches: [] });
  close(1);
  close(2);
  stop();
  close(3);
  assert.deepEqual(told, [1, 2]);
});
