import assert from "node:assert/strict";
import { copyPadded, padBytes, PADDING_BYTES } from "../../analyzer/padded_bytes.ts";

Deno.test("padBytes() puts a copy in front of bytes that may be read", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const view = padBytes(bytes);
  bytes[0] = 9;
  assert.equal(view.byteLength, 3 + PADDING_BYTES);
  assert.deepEqual([0, 1, 2, 3].map((i) => view.getUint8(i)), [1, 2, 3, 0]);
});

Deno.test("copyPadded() copies every length from and to every alignment", () => {
  const from = new DataView(Uint8Array.from({ length: 64 }, (_, i) => 200 + i).buffer);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= start + 40; end++) {
      for (let at = 0; at < 9; at++) {
        const to = new Uint8Array(64);
        copyPadded(from, start, end, new DataView(to.buffer), at);
        const copied = Array.from({ length: end - start }, (_, i) => (200 + start + i) & 0xff);
        assert.deepEqual([...to.subarray(at, at + end - start)], copied);
        assert.ok(to.subarray(0, at).every((byte) => byte === 0), "nothing before it changes");
        assert.ok(to.subarray(at + end - start + PADDING_BYTES).every((byte) => byte === 0));
      }
    }
  }
});
