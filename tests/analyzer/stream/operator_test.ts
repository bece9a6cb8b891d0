import assert from "node:assert/strict";
import { operatorStream } from "../../../analyzer/stream/operator.ts";

Deno.test("operatorStream() passes on all that the operator emits, in order", async () => {
  const stream = ReadableStream.from([1, 0, 3]).pipeThrough(operatorStream<number, string>({
    push(count, emit) {
      for (let i = 0; i < count; i++) emit(`${i} of ${count}`);
    },
  }));
  assert.deepEqual(await Array.fromAsync(stream), ["0 of 1", "0 of 3", "1 of 3", "2 of 3"]);
});

Deno.test("operatorStream() errors with what the operator throws", async () => {
  const broken = new Error("broken invariant");
  const stream = ReadableStream.from([1]).pipeThrough(operatorStream<number, number>({
    push() {
      throw broken;
    },
  }));
  await assert.rejects(Array.fromAsync(stream), broken);
});
