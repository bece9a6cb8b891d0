import assert from "node:assert/strict";
import { pauseAfter, Refresher } from "../../../../analyzer/http/dashboard/refresher.js";

/** Time enough for everything that is not waiting for something. */
async function settle() {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

Deno.test("Refresher.ask() calls at once, and makes one call of many askings", async () => {
  let callCount = 0;
  const second = Promise.withResolvers<void>();
  const refresher = new Refresher(() => {
    callCount++;
    if (callCount === 2) second.resolve();
    return Promise.resolve();
  }, 1);
  for (let i = 0; i < 5; i++) refresher.ask();
  await settle();
  assert.equal(callCount, 1);
  await second.promise;
  assert.equal(callCount, 2);
  refresher.stop();
});

Deno.test("Refresher.ask() does not call while the last call is under way", async () => {
  const calls: PromiseWithResolvers<void>[] = [];
  const refresher = new Refresher(() => {
    calls.push(Promise.withResolvers());
    return calls.at(-1)!.promise;
  }, 1_000_000);
  refresher.ask();
  refresher.ask();
  await settle();
  assert.equal(calls.length, 1);
  refresher.stop();
  calls[0]!.resolve();
  await settle();
  assert.equal(calls.length, 1);
});

Deno.test("pauseAfter() leaves a server that takes long alone for nine times as long", () => {
  assert.equal(pauseAfter(0, 2000), 2000);
  assert.equal(pauseAfter(222, 2000), 2000);
  assert.equal(pauseAfter(1000, 2000), 9000);
});

Deno.test("Refresher.hold() remembers what was asked", async () => {
  let callCount = 0;
  const refresher = new Refresher(() => {
    callCount++;
    return Promise.resolve();
  }, 1_000_000);
  refresher.hold(true);
  refresher.ask();
  await settle();
  assert.equal(callCount, 0);
  refresher.hold(false);
  await settle();
  assert.equal(callCount, 1);
  refresher.stop();
});
