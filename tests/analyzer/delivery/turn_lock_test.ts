import assert from "node:assert/strict";
import { TurnLock } from "../../../analyzer/delivery/turn_lock.ts";
import { ManualClock } from "../../support/manual_clock.ts";

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await null;
}

Deno.test("TurnLock is held by one at a time, in the order in which they came", async () => {
  const lock = new TurnLock(new ManualClock(), () => 20);
  const held: number[] = [];
  for (let i = 0; i < 4; i++) void lock.acquire().then(() => held.push(i));
  for (const expected of [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3]]) {
    await settle();
    assert.deepEqual(held, expected);
    lock.release();
  }
  await lock.acquire();
  void lock.acquire().then(() => held.push(4));
  await settle();
  assert.equal(held.length, 4);
  lock.release();
  await settle();
  assert.equal(held.length, 5);
});

Deno.test("TurnLock gives the event loop a turn once it is due, whoever has worked meanwhile", async () => {
  const clock = new ManualClock();
  let turnIntervalMs = 20;
  const lock = new TurnLock(clock, () => turnIntervalMs);
  const work = async (durationMs: number) => {
    await lock.acquire();
    clock.advance(durationMs);
    lock.release();
    return clock.turnCount;
  };
  assert.equal(await work(19), 0);
  assert.equal(await work(1), 0);
  assert.equal(await work(5), 1, "20 ms of two holders");
  assert.equal(await work(5), 1);
  turnIntervalMs = 10;
  assert.equal(await work(0), 2, "asked each time");
  turnIntervalMs = 0;
  assert.equal(await work(1), 2);
  assert.equal(await work(1), 2, "not for each small piece");
  assert.equal(await work(0), 3);
});
