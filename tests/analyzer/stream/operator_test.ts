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

Deno.test("operatorStream() queues as many elements as it may, and tells when it is full", async () => {
  for (const queuedMax of [1, 3]) {
    let pulled = 0;
    let full = 0;
    const source = new ReadableStream<number>(
      { pull: (controller) => controller.enqueue(++pulled) },
      { highWaterMark: 0 },
    );
    const stage = operatorStream<number, number>(
      { push: (element, emit) => emit(element) },
      { queuedMax, onFull: () => full++ },
    );
    const reader = source.pipeThrough(stage).getReader();
    await new Promise((resolve) => setTimeout(resolve, 0));
    // One more stands before the stage, which takes in nothing while there is no room.
    assert.deepEqual([pulled, full], [queuedMax + 1, 1]);
    assert.equal((await reader.read()).value, 1);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual([pulled, full], [queuedMax + 2, 2]);
    await reader.cancel();
  }
});
