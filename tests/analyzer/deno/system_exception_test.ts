import assert from "node:assert/strict";
import { isOfTheSystem, onStorage } from "../../../analyzer/deno/system_exception.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";

const FULL = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });

Deno.test("isOfTheSystem() tells what the machine refuses from a fault of the program", () => {
  assert.ok(isOfTheSystem(FULL));
  assert.ok(isOfTheSystem(new Deno.errors.NotFound("no")));
  assert.ok(!isOfTheSystem(new TypeError("no")));
  assert.ok(!isOfTheSystem(Object.assign(new Error("no"), { code: "ERR_INVALID_ARG_TYPE" })));
  assert.ok(!isOfTheSystem("ENOSPC"));
});

Deno.test("onStorage() makes one kind of exception of all that the machine refuses", async () => {
  assert.equal(await onStorage("write /a", () => Promise.resolve(1)), 1);
  await assert.rejects(onStorage("write /a", () => Promise.reject(FULL)), (exception) => {
    assert.ok(exception instanceof StorageException);
    assert.equal(exception.message, "Cannot write /a: No space left on device (os error 28)");
    assert.equal(exception.cause, FULL);
    return true;
  });
  for (const other of [new TypeError("ours"), new Deno.errors.NotCapable("another start")]) {
    await assert.rejects(onStorage("write /a", () => Promise.reject(other)), other);
  }
});
