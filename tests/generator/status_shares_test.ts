import assert from "node:assert/strict";
import fc from "fast-check";
import { type Burst, statusPhaseAt, type StatusShares } from "../../generator/status_shares.ts";

const STANDARD: StatusShares = [0.9, 0.05, 0.05];
const BURST: Burst = { status: 500, factor: 10, periodMs: 120_000, lengthMs: 20_000 };

Deno.test("statusPhaseAt() without bursts holds for ever", () => {
  assert.deepEqual(statusPhaseAt(5e15, { statusShares: STANDARD, bursts: [] }), {
    shares: STANDARD,
    fromUs: -Infinity,
    untilUs: Infinity,
  });
});

Deno.test("statusPhaseAt() puts a burst at the start of each period, to the microsecond", () => {
  const traffic = { statusShares: STANDARD, bursts: [BURST] };
  const startUs = Date.UTC(2025, 4, 30, 18, 52) * 1000;
  const share500 = (timeUs: number) => +statusPhaseAt(timeUs, traffic).shares[2].toFixed(12);
  assert.equal(share500(startUs - 1), 0.05);
  assert.equal(share500(startUs), 0.5);
  assert.equal(share500(startUs + 20e6 - 1), 0.5);
  assert.equal(share500(startUs + 20e6), 0.05);
  assert.equal(share500(startUs + 120e6), 0.5);
});

Deno.test("statusPhaseAt() lets the other statuses give way in proportion", () => {
  const { shares } = statusPhaseAt(0, { statusShares: STANDARD, bursts: [BURST] });
  assert.deepEqual(shares.map((share) => +share.toFixed(9)), [0.473684211, 0.026315789, 0.5]);
});

Deno.test("statusPhaseAt() stops at the whole", () => {
  const over = statusPhaseAt(0, { statusShares: STANDARD, bursts: [{ ...BURST, factor: 100 }] });
  assert.deepEqual(over.shares, [0, 0, 1]);
  const all500 = statusPhaseAt(0, { statusShares: [0, 0, 1], bursts: [BURST] });
  assert.deepEqual(all500.shares, [0, 0, 1]);
  const both = [{ ...BURST, factor: 40 }, { ...BURST, status: 404 as const, factor: 40 }];
  assert.deepEqual(
    statusPhaseAt(0, { statusShares: STANDARD, bursts: both }).shares,
    [0, 0.5, 0.5],
  );
});

Deno.test("statusPhaseAt() gives shares that sum to 1 and hold within the whole phase", () => {
  const burst = fc.record({
    status: fc.constantFrom<200 | 404 | 500>(200, 404, 500),
    factor: fc.double({ min: 1, max: 50, noNaN: true }),
    periodMs: fc.integer({ min: 2, max: 100_000 }),
    lengthMs: fc.integer({ min: 1, max: 100_000 }),
  }).map((value) => ({ ...value, lengthMs: Math.min(value.lengthMs, value.periodMs) }));
  const bursts = fc.array(burst, { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(bursts, fc.integer({ min: 0, max: 2e12 }), (list, timeUs) => {
    const traffic = { statusShares: STANDARD, bursts: list };
    const phase = statusPhaseAt(timeUs, traffic);
    assert(phase.fromUs <= timeUs && timeUs < phase.untilUs);
    assert(Math.abs(phase.shares[0] + phase.shares[1] + phase.shares[2] - 1) < 1e-9);
    assert(phase.shares.every((share) => share >= 0 && share <= 1));
    for (const otherUs of [phase.fromUs, phase.untilUs - 1]) {
      assert.deepEqual(statusPhaseAt(otherUs, traffic).shares, phase.shares);
    }
  }));
});
