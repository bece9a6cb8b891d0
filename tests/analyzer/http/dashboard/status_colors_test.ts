import assert from "node:assert/strict";
import { colorsOf } from "../../../../analyzer/http/dashboard/status_colors.js";

Deno.test("colorsOf() gives frequent statuses their own colour, and others what is left", () => {
  assert.deepEqual([...colorsOf([500, 505, 404, 418, 302, 0])], [
    [500, "--status-5a"],
    [505, "--status-5b"],
    [404, "--status-4a"],
    [418, "--status-4b"],
    [302, "--status-other"],
    [0, "--status-other"],
  ]);
  // Whoever comes first does not take the colour of one who has a right to it.
  assert.equal(colorsOf([505, 500, 502]).get(505), "--status-5c");
});

Deno.test("colorsOf() has no colour twice as long as there are enough", () => {
  const statuses = [500, 501, 502, 505, 400, 401, 402, 404, 418];
  assert.equal(new Set(colorsOf(statuses).values()).size, statuses.length);
  assert.equal(colorsOf([...statuses, 506]).get(506), "--status-other");
});
