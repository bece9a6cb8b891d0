import assert from "node:assert/strict";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";

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
