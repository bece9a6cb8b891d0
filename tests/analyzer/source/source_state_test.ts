import assert from "node:assert/strict";
import { inputIdOf, sourceOf } from "../../../analyzer/source/source_state.ts";

Deno.test("inputIdOf() names the only input of a source like the source", () => {
  assert.equal(inputIdOf("tcp://127.0.0.1:9999"), "tcp://127.0.0.1:9999");
});

Deno.test("sourceOf() finds the source of each numbered connection", () => {
  const source = "tcp-listen://127.0.0.1:9999";
  const inputIds = [1, 2, 10].map((connection) => inputIdOf(source, connection));
  assert.equal(new Set(inputIds).size, 3);
  assert.deepEqual(inputIds.map(sourceOf), [source, source, source]);
});
