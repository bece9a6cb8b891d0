import assert from "node:assert/strict";
import { StorageException } from "../../../analyzer/exceptions.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { RecordedTracing } from "../../support/recorded_tracing.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";

/** Lets everything run that needs no time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

function setUp() {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const notices: string[] = [];
  const tracing = new RecordedTracing();
  const retrier = storageRetrier({
    clock,
    signal: stopping.signal,
    notice: (line) => notices.push(line),
    tracing,
  });
  let attempts = 0;
  let isFull = true;
  const attempt = () => {
    attempts++;
    if (isFull) throw new StorageException("Cannot write /a: no room");
    return attempts;
  };
  return {
    ...{ clock, notices, retrier, attempt, traced: tracing.log },
    attempts: () => attempts,
    stop: () => stopping.abort(),
    makeRoom: () => isFull = false,
  };
}

// S-48
Deno.test("StorageRetrier.retry() tries for as long as it takes, at most a second apart", async () => {
  const { clock, notices, retrier, attempt, attempts, makeRoom } = setUp();
  const done = retrier.retry(attempt);
  await settle();
  assert.equal(attempts(), 1);
  assert.equal(retrier.fault, "Cannot write /a: no room");
  const delays: number[] = [];
  for (let i = 0; i < 20; i++) {
    delays.push(clock.nextDelayMs!);
    clock.advance(clock.nextDelayMs!);
    await settle();
  }
  assert.deepEqual(delays.slice(0, 6), [50, 100, 200, 400, 800, 1000]);
  assert.ok(delays.slice(6).every((delay) => delay === 1000));
  assert.equal(attempts(), 21);
  makeRoom();
  clock.advance(1000);
  assert.equal(await done, 22);
  assert.equal(retrier.fault, "");
  assert.equal(retrier.refusalCount, 21);
  assert.deepEqual(notices, [
    "Cannot write /a: no room; nothing more is read, trying again until it works",
    "Writing again, after 18s: nothing is lost",
  ]);
});

Deno.test("StorageRetrier.retry() says nothing of what works at the second attempt at once", async () => {
  const { notices, retrier, attempt, makeRoom } = setUp();
  makeRoom();
  assert.equal(await retrier.retry(attempt), 1);
  assert.equal(await retrier.retry(attempt, new StorageException("before")), 2);
  assert.deepEqual([retrier.fault, retrier.refusalCount, notices.length], ["", 1, 0]);
});

Deno.test("StorageRetrier.retry() waits for nothing once the run is to stop", async () => {
  const { retrier, attempt, attempts, stop } = setUp();
  const done = retrier.retry(attempt);
  await settle();
  stop();
  await assert.rejects(done, StorageException);
  assert.equal(attempts(), 2, "one attempt more, since it may be over");
  await assert.rejects(retrier.retry(attempt), StorageException);
  assert.equal(attempts(), 3);
});

Deno.test("StorageRetrier.retry() passes on what no other attempt can mend", async () => {
  const { retrier, notices } = setUp();
  await assert.rejects(retrier.retry(() => Promise.reject(new TypeError("ours"))), TypeError);
  assert.deepEqual([retrier.fault, notices.length], ["", 0]);
});

Deno.test("StorageRetrier.retry() traces an outage, and nothing where all is well", async () => {
  const { clock, retrier, attempt, makeRoom, stop, traced } = setUp();
  const begin = 'begin storage outage {"vigie.reason":"Cannot write /a: no room"}';
  const done = retrier.retry(attempt);
  await settle();
  clock.advance(50);
  await settle();
  makeRoom();
  clock.advance(100);
  await done;
  assert.deepEqual(traced, [begin, 'end {"vigie.failures":2}']);
  await retrier.retry(attempt);
  assert.equal(traced.length, 2);
  const full = setUp();
  full.stop();
  await assert.rejects(full.retrier.retry(full.attempt), StorageException);
  assert.deepEqual(full.traced, [begin, 'fail Cannot write /a: no room {"vigie.failures":1}']);
  stop();
});
