import assert from "node:assert/strict";
import fc from "fast-check";
import { decodePageCursor, encodePageCursor } from "../../../analyzer/http/page_cursor.ts";

Deno.test("decodePageCursor() gives back what encodePageCursor() was given", () => {
  fc.assert(fc.property(fc.maxSafeInteger(), (beforeMs) => {
    const cursor = encodePageCursor(beforeMs);
    assert.equal(decodePageCursor(cursor), beforeMs);
    assert.equal(encodeURIComponent(cursor), cursor, "needs no escaping in an address");
  }));
});

Deno.test("decodePageCursor() refuses every text that encodePageCursor() does not make", () => {
  const tail = fc.string({ unit: fc.constantFrom("0", "1", "z", "Z", "-", "+", ".", " ", "é") });
  fc.assert(fc.property(fc.constantFrom("", "before", "before."), tail, (head, tail) => {
    const beforeMs = decodePageCursor(head + tail);
    if (beforeMs !== undefined) assert.equal(encodePageCursor(beforeMs), head + tail);
  }));
  for (
    const text of ["", "before.", "before.01", "before.-0", "before.1x ", "before.zzzzzzzzzzzz"]
  ) {
    assert.equal(decodePageCursor(text), undefined, text);
  }
});
