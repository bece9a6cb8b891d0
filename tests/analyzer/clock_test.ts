import assert from "node:assert/strict";
import { sleep, systemClock, whenAborted } from "../../analyzer/clock.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("sleep() resolves after the delay and not a millisecond before", async () => {
  const clock = new ManualClock();
  let isAwake = false;
  const slept = sleep(clock, 100, new AbortController().signal).then(() => isAwake = true);
  clock.advance(99);
  await Promise.resolve();
  assert.equal(isAwake, false);
  clock.advance(1);
  await slept;
  assert.equal(clock.pendingCount, 0);
});

Deno.test("sleep() ends at once when the signal is aborted, and calls its timer off", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const slept = sleep(clock, 100, controller.signal);
  controller.abort();
  await slept;
  assert.equal(clock.pendingCount, 0);
  await sleep(clock, 100, controller.signal);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("systemClock tells the time of day, and calls back unless it is called off", async () => {
  assert.ok(Math.abs(systemClock.wallMs() - Date.now()) < 1000);
  const beforeMs = systemClock.monotonicMs();
  const { promise, resolve } = Promise.withResolvers<void>();
  const calledOff = systemClock.schedule(() => assert.fail("was called off"), 0);
  calledOff();
  systemClock.schedule(resolve, 0);
  await promise;
  assert.ok(systemClock.monotonicMs() >= beforeMs);
});

Deno.test("ManualClock.advance() runs what falls due in order, each at its own time", () => {
  const clock = new ManualClock({ wallMs: 1_000_000, monotonicMs: 10 });
  const calls: string[] = [];
  const call = (name: string) => () => calls.push(`${name} at ${clock.monotonicMs()}`);
  clock.schedule(call("late"), 20);
  clock.schedule(call("first"), 5);
  clock.schedule(call("second"), 5);
  clock.schedule(() => clock.schedule(call("nested"), 5), 5);
  clock.schedule(call("too late"), 21);
  clock.schedule(call("never"), 7)();
  clock.advance(20);
  assert.deepEqual(calls, ["first at 15", "second at 15", "nested at 20", "late at 30"]);
  assert.equal(clock.wallMs(), 1_000_020);
  assert.equal(clock.nextDelayMs, 1);
  clock.setWall(5);
  assert.deepEqual([clock.wallMs(), clock.monotonicMs()], [5, 30]);
});

Deno.test("whenAborted() resolves at the abort, and at once after it", async () => {
  const controller = new AbortController();
  let isResolved = false;
  const waiting = whenAborted(controller.signal).then(() => isResolved = true);
  await Promise.resolve();
  assert.equal(isResolved, false);
  controller.abort();
  await waiting;
  await whenAborted(controller.signal);
});

Deno.test("systemClock.turn() lets others run who wait for the system", async () => {
  // Turns by themselves must get there: a listening socket is one of those that wait.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let isAccepted = false;
  const accepting = listener.accept().then((connection) => {
    isAccepted = true;
    connection.close();
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  for (let turns = 0; turns < 1000 && !isAccepted; turns++) await systemClock.turn();
  assert.equal(isAccepted, true);
  await accepting;
  connection.close();
});
