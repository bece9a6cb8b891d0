import assert from "node:assert/strict";
import fc from "fast-check";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import { emptyTotals, type Totals } from "../../../analyzer/sink/totals.ts";
import { TotalsCounter } from "../../../analyzer/sink/totals_counter.ts";
import { analyzedBatch } from "../../support/batches.ts";
import { LENGTH_MS, START_MS } from "../../support/window_fixtures.ts";

Deno.test("TotalsCounter.add() counts each line under what became of it", () => {
  const counter = new TotalsCounter();
  counter.add(
    analyzedBatch([
      { time: START_MS, status: 200, line: "a" },
      { time: START_MS, status: 404, line: "b" },
      { time: START_MS, status: 500, line: "c" },
      { time: START_MS - 1, status: 404, line: "d" },
      { time: START_MS - 1, status: 301, line: "e" },
      { time: "future", status: 503, line: "f" },
      { time: "future", status: 204, line: "g" },
    ], {
      closedUpToMs: START_MS,
      others: ["bad_ip", "bad_ip", "invalid_utf8", "oversized", "empty", "header", "partial"],
    }),
  );
  assert.deepEqual(counter.snapshot(), {
    bytes: 7 * 2 + 7,
    lines: 14,
    valid: 7,
    malformed: { ...emptyTotals().malformed, bad_ip: 2, invalid_utf8: 1 },
    oversized: 1,
    empty: 1,
    header: 1,
    partial: 1,
    inWindows: 3,
    late: 2,
    future: 2,
    errors: 4,
    errorsInWindows: 2,
    lateErrors: 1,
    futureErrors: 1,
    errorsByStatus: new Map([[404, 2], [500, 1], [503, 1]]),
  });
});

Deno.test("TotalsCounter.snapshot() is not changed by what is added later", () => {
  const counter = new TotalsCounter();
  const batch = analyzedBatch([{ time: START_MS }], { others: ["not_json"] });
  counter.add(batch);
  const before = counter.snapshot();
  const copy = structuredClone(before);
  counter.add(batch);
  assert.deepEqual(before, copy);
  assert.equal(counter.snapshot().errorsByStatus.get(404), 2);
});

// S-31
Deno.test("TotalsCounter() goes on from restored totals and leaves them as they are", () => {
  const batch = analyzedBatch([{ time: START_MS }, { time: "future" }], { others: ["empty"] });
  const first = new TotalsCounter();
  first.add(batch);
  const saved = first.snapshot();
  const copy = structuredClone(saved);
  const second = new TotalsCounter(saved);
  second.add(batch);
  first.add(batch);
  assert.deepEqual(second.snapshot(), first.snapshot());
  assert.deepEqual(saved, copy);
});

// S-30
Deno.test("TotalsCounter.add() keeps the conservation rules, whatever comes", () => {
  const row = fc.record({
    time: fc.oneof(
      fc.constant("future" as const),
      fc.integer({ min: START_MS - 5 * LENGTH_MS, max: START_MS + 5 * LENGTH_MS }),
    ),
    status: fc.constantFrom(200, 301, 404, 500, 503),
  });
  const other = fc.constantFrom(
    ...MALFORMED_REASONS,
    "oversized" as const,
    "empty" as const,
    "header" as const,
    "partial" as const,
  );
  const batch = fc.record({
    rows: fc.array(row, { maxLength: 20 }),
    others: fc.array(other, { maxLength: 8 }),
    closedUpToMs: fc.constantFrom(-Infinity, START_MS - LENGTH_MS, START_MS, START_MS + LENGTH_MS),
  });
  fc.assert(fc.property(fc.array(batch, { maxLength: 6 }), (batches) => {
    const counter = new TotalsCounter();
    for (const { rows, ...fixture } of batches) {
      counter.add(analyzedBatch(rows, fixture));
      assertConserved(counter.snapshot());
    }
    const rows = batches.flatMap((batch) => batch.rows);
    const totals = counter.snapshot();
    assert.equal(totals.valid, rows.length);
    assert.equal(totals.errors, rows.filter(({ status }) => status >= 400).length);
    assert.equal(totals.lines - totals.valid, batches.flatMap(({ others }) => others).length);
  }));
});

function assertConserved(totals: Totals): void {
  const sum = (counts: Iterable<number>) => [...counts].reduce((a, b) => a + b, 0);
  const { lines, valid, oversized, empty, header, partial, inWindows, late, future } = totals;
  const { errors, errorsInWindows, lateErrors, futureErrors } = totals;
  const malformed = sum(Object.values(totals.malformed));
  assert.equal(lines, valid + malformed + oversized + empty + header + partial);
  assert.equal(valid, inWindows + late + future);
  assert.equal(errors, errorsInWindows + lateErrors + futureErrors);
  assert.equal(errors, sum(totals.errorsByStatus.values()));
}
