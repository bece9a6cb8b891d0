import assert from "node:assert/strict";
import { MEASUREMENT_MS, PaceMeter } from "../../../analyzer/delivery/pace_meter.ts";
import { ManualClock } from "../../support/manual_clock.ts";

function meter() {
  const clock = new ManualClock();
  const pace = new PaceMeter(clock);
  const wait = (durationMs: number, bytes: number) => {
    pace.beginWait();
    clock.advance(durationMs);
    pace.endWait(bytes);
  };
  return { clock, pace, wait };
}

Deno.test("PaceMeter knows nothing before a whole measurement, and then the pace", () => {
  const { clock, pace, wait } = meter();
  wait(MEASUREMENT_MS - 1, 500);
  assert.equal(pace.bytesPerSecond, Infinity);
  wait(1, 500);
  assert.equal(pace.bytesPerSecond, 100);
  pace.beginWait();
  clock.advance(MEASUREMENT_MS - 1);
  assert.equal(pace.bytesPerSecond, 100, "the latest that is known");
  clock.advance(1);
  assert.equal(pace.bytesPerSecond, 0, "while it is waited for");
});

Deno.test("PaceMeter does not count the time in which nobody waits for the sender", () => {
  const { clock, pace, wait } = meter();
  for (let i = 0; i < 100; i++) {
    wait(MEASUREMENT_MS / 100, 10);
    clock.advance(60_000);
  }
  assert.equal(pace.bytesPerSecond, 100);
});

Deno.test("PaceMeter lets nobody live on what came long before", () => {
  const { pace, wait } = meter();
  wait(MEASUREMENT_MS, 1e9);
  assert.equal(pace.bytesPerSecond, 1e8);
  wait(MEASUREMENT_MS, 1);
  assert.equal(pace.bytesPerSecond, 0.1);
});
