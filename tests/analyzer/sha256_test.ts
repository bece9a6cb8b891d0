import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { sha256 } from "../../analyzer/sha256.ts";

Deno.test("sha256() is what another implementation makes of the same bytes", async () => {
  for (const length of [0, 1, 55, 56, 64, 1000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => 7 * i);
    assert.equal(await sha256(bytes), createHash("sha256").update(bytes).digest("hex"));
  }
});
