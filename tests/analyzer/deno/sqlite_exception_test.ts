import assert from "node:assert/strict";
import { asRefusal, isDamage } from "../../../analyzer/deno/sqlite_exception.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";

function sqliteError(errcode: number): Error {
  return Object.assign(new Error("why"), { code: "ERR_SQLITE_ERROR", errcode });
}

Deno.test("asRefusal() knows what may work another time, extended codes included", () => {
  for (const code of [5, 6, 7, 8, 10, 13, 14, 10 | 4 << 8, 5 | 2 << 8]) {
    const refusal = asRefusal("write /a", sqliteError(code));
    assert.ok(refusal instanceof StorageException, String(code));
    assert.equal(refusal.message, "Cannot write /a: why");
  }
  for (const other of [sqliteError(1), sqliteError(11), sqliteError(19), new TypeError("no"), 5]) {
    assert.equal(asRefusal("write /a", other), other);
  }
});

Deno.test("isDamage() knows a damaged file, and one that is no database", () => {
  for (const code of [11, 26, 11 | 1 << 8]) assert.ok(isDamage(sqliteError(code)));
  for (const other of [sqliteError(5), sqliteError(1), new SyntaxError("no")]) {
    assert.ok(!isDamage(other));
  }
});
