import assert from "node:assert/strict";
import { counted } from "../../analyzer/counted.ts";

Deno.test("counted() gives one of a thing its singular, and none or several their plural", () => {
  const texts = [0, 1, 2, 1000].map((count) => counted(count, "open window"));
  assert.deepEqual(texts, [
    "0 open windows",
    "1 open window",
    "2 open windows",
    "1000 open windows",
  ]);
});
