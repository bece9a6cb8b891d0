import assert from "node:assert/strict";
import fc from "fast-check";
import { windowRunEnd } from "../../../analyzer/decode/record_batch.ts";
import { recordBatch } from "../../support/batches.ts";

Deno.test("windowRunEnd() cuts error rows where their window changes", () => {
  const times = fc.array(fc.constantFrom(0, 30_000, "future" as const), {
    maxLength: 30,
    size: "max",
  });
  fc.assert(fc.property(times, (times) => {
    const { errors } = recordBatch(
      times.map((time) => ({ time, status: 500, ip: "192.0.2.1", url: "/" })),
    );
    const runs: number[][] = [];
    for (let start = 0, end; start < errors.count; start = end) {
      end = windowRunEnd(errors, start);
      runs.push([...errors.windowIndexes.subarray(start, end)]);
    }
    assert.deepEqual(runs.flat(), [...errors.windowIndexes]);
    runs.forEach((run, i) => {
      assert.equal(new Set(run).size, 1);
      assert.notEqual(run[0], runs[i + 1]?.[0]);
    });
  }));
});
