import assert from "node:assert/strict";
import { FileBytes } from "../../../analyzer/source/file_bytes.ts";

Deno.test("FileBytes.readable gives the bytes from a place on, into the reader's own buffer", async () => {
  const file = Uint8Array.from({ length: 10 }, (_, i) => i);
  const read = (buffer: Uint8Array, atBytes: number) => {
    const bytes = file.subarray(atBytes, atBytes + Math.min(3, buffer.length));
    buffer.set(bytes);
    return Promise.resolve(bytes.length);
  };
  const bytes = new FileBytes(read, 2);
  assert.equal(bytes.endBytes, 2);
  const reader = bytes.readable.getReader({ mode: "byob" });
  const chunks: number[][] = [];
  for (let buffer = new Uint8Array(4);;) {
    const { done, value } = await reader.read(buffer);
    assert.equal(value!.buffer.byteLength, 4);
    if (done) break;
    chunks.push([...value]);
    buffer = new Uint8Array(value.buffer);
  }
  assert.deepEqual(chunks, [[2, 3, 4], [5, 6, 7], [8, 9]]);
  assert.equal(bytes.endBytes, 10);
  await bytes.settled();
});

Deno.test("FileBytes.readable breaks with what a read has thrown", async () => {
  const failure = new Error("input/output error");
  const bytes = new FileBytes(() => Promise.reject(failure), 0);
  const reader = bytes.readable.getReader({ mode: "byob" });
  await assert.rejects(reader.read(new Uint8Array(1)), failure);
  await bytes.settled();
});

Deno.test("FileBytes.settled() waits for the read that a cancelled stream has begun", async () => {
  const reading = Promise.withResolvers<number>();
  const begun = Promise.withResolvers<void>();
  const bytes = new FileBytes(() => {
    begun.resolve();
    return reading.promise;
  }, 0);
  const reader = bytes.readable.getReader({ mode: "byob" });
  const read = reader.read(new Uint8Array(1));
  await begun.promise;
  await reader.cancel();
  assert.equal((await read).done, true);
  let isSettled = false;
  const settled = bytes.settled().then(() => isSettled = true);
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(isSettled, false);
  reading.resolve(1);
  await settled;
});
