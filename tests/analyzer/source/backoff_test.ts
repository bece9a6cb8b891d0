import assert from "node:assert/strict";
import { backoffMs } from "../../../analyzer/source/backoff.ts";

// S-46
Deno.test("backoffMs() doubles from 100 ms up to 5 s", () => {
  const fullMs = [1, 2, 3, 6, 7, 100, 10_000].map((failures) => backoffMs(failures, 1));
  assert.deepEqual(fullMs, [100, 200, 400, 3200, 5000, 5000, 5000]);
});

Deno.test("backoffMs() leaves out up to one half at random", () => {
  assert.equal(backoffMs(1, 0), 50);
  assert.equal(backoffMs(1, 0.5), 75);
  assert.equal(backoffMs(99, 0), 2500);
});
