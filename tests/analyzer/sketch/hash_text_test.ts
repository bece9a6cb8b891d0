import assert from "node:assert/strict";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { hashBytes } from "../../../analyzer/sketch/hash.ts";
import { addText } from "../../../analyzer/sketch/hash_text.ts";

Deno.test("addText() adds the hash that the bytes of a log line would have", () => {
  for (const text of ["", "/a", "/ü😀", "x".repeat(100_000), "/b"]) {
    const bytes = new TextEncoder().encode(text);
    const hash = new Uint32Array(2);
    hashBytes(padBytes(bytes), 0, bytes.length, hash);
    const [expected, actual] = [new DistinctCounter(), new DistinctCounter()];
    expected.add(hash[0]!, hash[1]!);
    addText(actual, text);
    assert.deepEqual(actual.toBytes(), expected.toBytes());
  }
});
