import assert from "node:assert/strict";
import { fuzzParsers } from "./fuzz_parsers.ts";
import { fuzzRoutes } from "./fuzz_routes.ts";

// Lines: tests/analyzer/decode/scan/layout_scanner_test.ts. Far more of all: deno task fuzz.

function newSeed(): number {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  console.log(`seed ${seed}`);
  return seed;
}

Deno.test("every parser refuses in the documented way, or gives what is in its range", async () => {
  await fuzzParsers({ seed: newSeed(), cases: 3000 });
});

Deno.test("every route answers every request in a documented way", async () => {
  const statuses = await fuzzRoutes({ seed: newSeed(), cases: 600 });
  // Both sides are met: what is right, and what is refused, for every reason.
  for (const status of [200, 400, 404, 405, 415]) assert.ok(statuses.has(status), `${status}`);
});
