import assert from "node:assert/strict";
import { decodeErrorCursor, encodeErrorCursor } from "../../../analyzer/http/error_cursor.ts";

Deno.test("decodeErrorCursor() reads what encodeErrorCursor() wrote", () => {
  for (const part of [1, 999_999, Number.MAX_SAFE_INTEGER]) {
    for (const bytes of [0, 134_217_728, Number.MAX_SAFE_INTEGER]) {
      assert.deepEqual(decodeErrorCursor(encodeErrorCursor({ part, bytes })), { part, bytes });
    }
  }
});

Deno.test("decodeErrorCursor() reads nothing else", () => {
  for (
    const text of [
      "",
      "before.",
      "before.1",
      "before.1.",
      "before..1",
      "before.01.1",
      "before.1.1.1",
      "before.A.1",
      "before.-1.1",
      "after.1.1",
      "before.zzzzzzzzzzz.1",
      " before.1.1",
      "before.mbb5u6k0",
    ]
  ) assert.equal(decodeErrorCursor(text), undefined, text);
});
