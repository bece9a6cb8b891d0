import assert from "node:assert/strict";
import { kindOf, leftOut } from "../../../../analyzer/http/dashboard/sources_view.js";
import { toTotalsJson } from "../../../../analyzer/http/live_json.ts";
import { emptyTotals } from "../../../../analyzer/sink/totals.ts";

Deno.test("leftOut() counts every line that is in no window, but for those that say nothing", () => {
  const totals = toTotalsJson(emptyTotals());
  const counts = leftOut({
    ...totals,
    malformed: { ...totals.malformed, not_json: 3, bad_ip: 4 },
    late: 5,
    oversized: 6,
    partial: 7,
    future: 8,
  }).map(({ kind, count }) => [kind, count]);
  assert.deepEqual(counts, [["late", 5], ["malformed", 7], ["dropped", 13], ["future", 8]]);
});

Deno.test("kindOf() groups samples as the counts are", () => {
  const kinds = ["late", "future", "oversized", "partial", "not_json", "bad_ip"].map(kindOf);
  assert.deepEqual(kinds, ["late", "future", "dropped", "dropped", "malformed", "malformed"]);
});
