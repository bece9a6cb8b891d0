import assert from "node:assert/strict";
import { BodyHead } from "../../../analyzer/delivery/body_head.ts";
import { Delivery, type Settlement } from "../../../analyzer/delivery/delivery.ts";
import { DeliveryLedger } from "../../../analyzer/delivery/delivery_ledger.ts";
import { encodeKeyRecord, keyOfRecord } from "../../../analyzer/delivery/key_record.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { analyzedBatch } from "../../support/batches.ts";
import { START_MS } from "../../support/window_fixtures.ts";
import { testLimits } from "../../support/limits.ts";

const BATCH = analyzedBatch([{ time: START_MS }, { time: START_MS, status: 200 }]);
const BYTES = BATCH.batch.counts.bytes;

/** A delivery of which enough is known for any batch, and what became of it. */
function deliver(key?: string): { readonly delivery: Delivery; settlement?: Settlement } {
  const head = new BodyHead();
  head.add(new Uint8Array(2000));
  const sent: { delivery: Delivery; settlement?: Settlement } = {
    delivery: new Delivery(key, head),
  };
  void sent.delivery.settled.then((settlement) => sent.settlement = settlement);
  return sent;
}

function recordOf(key: string, usedAtMs: number): string {
  return encodeKeyRecord({
    key,
    usedAtMs,
    isComplete: true,
    headHash: [0, 0],
    csvLayout: undefined,
    totals: emptyTotals(),
  });
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await null;
}

Deno.test("DeliveryLedger settles a delivery only once it is durable", async () => {
  const ledger = new DeliveryLedger({ ...testLimits(), saves: true });
  const [first, second] = [deliver(), deliver()];
  for (const { delivery } of [first, second]) ledger.begin(delivery, undefined);
  ledger.add(first.delivery, BATCH, 0);
  assert.equal(ledger.end(first.delivery, true, 0), true);
  await settled();
  assert.equal(first.settlement, undefined);
  ledger.becameDurable();
  ledger.add(second.delivery, BATCH, 0);
  assert.equal(ledger.end(second.delivery, true, 0), true);
  await settled();
  const settlement = await first.delivery.settled;
  assert.ok(settlement.kind === "counted" && settlement.isDurable);
  assert.deepEqual([settlement.totals.lines, settlement.totals.errors], [2, 1]);
  assert.equal(second.settlement, undefined);
});

Deno.test("DeliveryLedger lets nobody wait where nothing is saved, or where a body broke off", async () => {
  for (const [saves, isComplete] of [[false, true], [true, false]] as const) {
    const ledger = new DeliveryLedger({ ...testLimits(), saves });
    const sent = deliver();
    ledger.begin(sent.delivery, undefined);
    assert.equal(ledger.end(sent.delivery, isComplete, 0), false);
    await settled();
    assert.deepEqual(sent.settlement, {
      kind: "counted",
      totals: emptyTotals(),
      isDurable: false,
    });
  }
});

Deno.test("DeliveryLedger.state() tells how far each key is counted, on its way or not", () => {
  const ledger = new DeliveryLedger({ ...testLimits(), saves: true });
  const { delivery } = deliver("k");
  ledger.begin(delivery, undefined);
  assert.deepEqual(ledger.state(), [], "nothing is counted yet");
  ledger.add(delivery, BATCH, 5);
  const restored = new DeliveryLedger({ ...testLimits(), saves: true, keys: ledger.state() });
  const onItsWay = restored.find("k", 5)!;
  assert.deepEqual([onItsWay.isComplete, onItsWay.totals.bytes, onItsWay.usedAtMs], [
    false,
    BYTES,
    5,
  ]);
  assert.deepEqual(onItsWay.headHash, delivery.head.hash(BYTES));

  const second = deliver("k").delivery;
  restored.begin(second, onItsWay);
  restored.add(second, BATCH, 9);
  assert.equal(restored.state().length, 1, "one record a key");
  restored.end(second, true, 10);
  const complete = restored.find("k", 10)!;
  assert.deepEqual([complete.isComplete, complete.totals.lines, complete.usedAtMs], [true, 4, 10]);
});

Deno.test("DeliveryLedger leaves a key alone under which nothing more was counted", () => {
  const ledger = new DeliveryLedger({ ...testLimits(), saves: true, keys: [recordOf("k", 7)] });
  const before = ledger.state();
  const { delivery } = deliver("k");
  ledger.begin(delivery, ledger.find("k", 8));
  ledger.end(delivery, false, 9);
  assert.deepEqual(ledger.state(), before);
});

// S-56
Deno.test("DeliveryLedger keeps so many keys and no more, those used last", () => {
  const max = DEFAULT_LIMITS.idempotencyKeys;
  const keys = Array.from({ length: max }, (_, i) => recordOf(`k${i}`, i));
  const limits = testLimits();
  const ledger = new DeliveryLedger({ ...limits, saves: true, keys });
  for (const key of ["k0", "new"]) {
    const { delivery } = deliver(key);
    ledger.begin(delivery, ledger.find(key, max));
    ledger.end(delivery, true, max);
  }
  assert.equal(ledger.keyCount, max);
  assert.equal(limits.limitCounter.count("idempotencyKeys"), 1);
  assert.equal(ledger.find("k1", max), undefined, "the one used longest ago");
  assert.ok(ledger.find("k2", max) && ledger.find("k0", max));
  assert.deepEqual(ledger.state().slice(-2).map(keyOfRecord), ["k0", "new"]);
});

// S-56
Deno.test("DeliveryLedger forgets keys after a day, to the millisecond", () => {
  const age = DEFAULT_LIMITS.idempotencyKeyAge;
  const limits = testLimits();
  const ledger = new DeliveryLedger({
    ...limits,
    saves: true,
    keys: [recordOf("a", 0), recordOf("b", 1)],
  });
  assert.ok(ledger.find("a", age - 1));
  assert.equal(ledger.find("a", age), undefined);
  const { delivery } = deliver("c");
  ledger.begin(delivery, undefined);
  ledger.end(delivery, true, age);
  assert.equal(limits.limitCounter.count("idempotencyKeyAge"), 1);
  assert.deepEqual(ledger.state().map(keyOfRecord), ["b", "c"]);
});

Deno.test("DeliveryLedger.stop() tells everyone who still waits", async () => {
  const ledger = new DeliveryLedger({ ...testLimits(), saves: true });
  const [ended, open] = [deliver(), deliver()];
  for (const { delivery } of [ended, open]) ledger.begin(delivery, undefined);
  ledger.end(ended.delivery, true, 0);
  ledger.stop();
  await settled();
  assert.deepEqual([ended.settlement, open.settlement], [{ kind: "stopped" }, { kind: "stopped" }]);
});
