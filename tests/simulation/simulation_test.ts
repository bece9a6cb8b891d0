import assert from "node:assert/strict";
import { simulate } from "./simulation.ts";

/** As many in every run of the tests; `deno task simulate --seeds N` runs others. */
const SEEDS = 500;

// S-30, S-37, S-39, S-40, S-44, S-45, S-48, S-54, S-51
Deno.test("the whole analyzer loses nothing and counts nothing twice, whatever happens", async () => {
  const happened = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      for (const [event] of await simulate(seed)) happened.add(event);
    } catch (exception) {
      throw new Error(`seed ${seed}: deno task simulate --seeds 1 --first ${seed}`, {
        cause: exception,
      });
    }
  }
  // What it is for has happened, or all that was for nothing.
  for (const event of MUST_HAPPEN) assert.ok(happened.has(event), event);
});

const MUST_HAPPEN = [
  "/readyz answered 200",
  "/readyz answered 503",
  "answered broken",
  "answered delivered",
  "bit flipped in a checkpoint",
  "bit flipped in an error file",
  "clock set",
  "connection lost",
  "crash",
  "database damaged",
  "day passed",
  "database full",
  "database locked",
  "database not made durable",
  "database set aside",
  "disk failing",
  "disk full",
  "error file removed",
  "failed start",
  "kill",
  "log rotated",
  "refused append",
  "refused replace",
  "refused sync",
  "refused write",
  "results set aside",
  "stop",
  "window removed",
];

Deno.test("simulate() does the same for the same seed, to the last event", async () => {
  for (const seed of [3, 7, 12]) {
    const [first, second] = [await simulate(seed), await simulate(seed)];
    assert.deepEqual([...second], [...first]);
  }
});
