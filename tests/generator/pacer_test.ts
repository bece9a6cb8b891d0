import assert from "node:assert/strict";
import { Pacer, TICK_MS } from "../../generator/pacer.ts";
import { ManualClock, settle } from "./manual_clock.ts";

const never = new AbortController().signal;

for (const recordsPerSecond of [0.5, 1, 3, 1000, 1e6]) {
  Deno.test(`Pacer.dueCount() keeps each record within 10 ms, never early, at ${recordsPerSecond} a second`, async () => {
    const clock = new ManualClock();
    clock.jump(1234.5);
    const startMs = clock.nowMs();
    const pacer = new Pacer(clock, { startMs, recordsPerSecond });
    const durationMs = recordsPerSecond < 100 ? 600_000 : 3000;
    let sentCount = 0;
    const running = new AbortController();
    const sending = (async () => {
      while (true) {
        const dueCount = await pacer.dueCount(sentCount, running.signal);
        if (running.signal.aborted) return;
        const elapsedMs = clock.nowMs() - startMs;
        assert(dueCount > sentCount);
        assert(dueCount <= elapsedMs * recordsPerSecond / 1000 + 1e-6, "one is early");
        const firstDueMs = (sentCount + 1) * 1000 / recordsPerSecond;
        assert(elapsedMs - firstDueMs < 10, `${elapsedMs - firstDueMs} ms late`);
        sentCount = dueCount;
      }
    })();
    await clock.advance(durationMs + TICK_MS);
    const expected = durationMs * recordsPerSecond / 1000;
    const tickCount = (TICK_MS + 1) * recordsPerSecond / 1000;
    assert(sentCount >= expected && sentCount <= expected + tickCount + 1, `${sentCount}`);
    running.abort();
    await sending;
    assert.equal(clock.sleeperCount, 0);
  });
}

Deno.test("Pacer.dueCount() catches up after a stall, to the record", async () => {
  const clock = new ManualClock();
  const pacer = new Pacer(clock, { startMs: 0, recordsPerSecond: 1000 });
  clock.jump(60_000);
  assert.equal(await pacer.dueCount(0, never), 60_000);
  clock.jump(TICK_MS);
  assert.equal(await pacer.dueCount(60_000, never), 60_000 + TICK_MS);
});

Deno.test("Pacer.dueCount() looks at the clock no more often than a tick", async () => {
  const clock = new ManualClock();
  const pacer = new Pacer(clock, { startMs: 0, recordsPerSecond: 1e6 });
  clock.jump(100);
  const first = await pacer.dueCount(0, never);
  clock.jump(TICK_MS - 1);
  let second: number | undefined;
  const waiting = pacer.dueCount(first, never).then((count) => second = count);
  await settle();
  assert.equal(second, undefined);
  await clock.advance(1);
  await waiting;
  assert.equal(second, first + TICK_MS * 1000);
});

Deno.test("Pacer.dueCount() waits for days where timers reach 24 days only, and longer", async () => {
  const clock = new ManualClock();
  const dayMs = 86_400_000;
  const pacer = new Pacer(clock, { startMs: 0, recordsPerSecond: 1 / (60 * 86_400) });
  let dueCount: number | undefined;
  const waiting = pacer.dueCount(0, never).then((count) => dueCount = count);
  await clock.advance(60 * dayMs - 1);
  assert.equal(dueCount, undefined);
  await clock.advance(2);
  await waiting;
  assert.equal(dueCount, 1);
});

Deno.test("Pacer.dueCount() ends at once when aborted, and leaves no timer", async () => {
  const clock = new ManualClock();
  const pacer = new Pacer(clock, { startMs: 0, recordsPerSecond: 1 });
  const abort = new AbortController();
  const waiting = pacer.dueCount(5, abort.signal);
  await settle();
  assert.equal(clock.sleeperCount, 1);
  abort.abort();
  assert.equal(await waiting, 5);
  assert.equal(clock.sleeperCount, 0);
});
