import assert from "node:assert/strict";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import { emptyTotals, type Totals, totalsSince } from "../../../analyzer/sink/totals.ts";

Deno.test("emptyTotals() counts nothing, under every reason there is", () => {
  const { malformed, errorsByStatus, ...counts } = emptyTotals();
  assert.deepEqual(Object.keys(malformed), [...MALFORMED_REASONS]);
  assert.deepEqual(new Set([...Object.values(malformed), ...Object.values(counts)]), new Set([0]));
  assert.equal(errorsByStatus.size, 0);
});

Deno.test("emptyTotals() gives each caller totals of its own", () => {
  assert.notEqual(emptyTotals().malformed, emptyTotals().malformed);
  assert.notEqual(emptyTotals().errorsByStatus, emptyTotals().errorsByStatus);
});

Deno.test("totalsSince() takes what was counted before from every count", () => {
  const counted = (factor: number, errorsByStatus: [number, number][]): Totals => {
    const totals = emptyTotals();
    const names = Object.keys(totals) as (keyof Totals)[];
    const numbers = names.filter((name) => typeof totals[name] === "number");
    return {
      ...totals,
      ...Object.fromEntries(numbers.map((name, i) => [name, factor * (i + 1)])),
      malformed: Object.fromEntries(
        MALFORMED_REASONS.map((reason, i) => [reason, factor * (i + 100)]),
      ) as Totals["malformed"],
      errorsByStatus: new Map(errorsByStatus),
    };
  };
  const before = counted(3, [[404, 6], [500, 2]]);
  const now = counted(10, [[404, 7], [500, 2], [503, 1]]);
  assert.deepEqual(totalsSince(before, now), counted(7, [[404, 1], [503, 1]]));
  assert.deepEqual(totalsSince(emptyTotals(), now), now);
});
