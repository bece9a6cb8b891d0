import assert from "node:assert/strict";
import { escapeText } from "../../../../command_line/escape_text.ts";
import { cut, visible } from "../../../../analyzer/http/dashboard/text.js";
import { ATTACKS, UNSAFE_TO_SHOW } from "../../../hostile/attacks.ts";

Deno.test("visible() shows what the terminal shows", () => {
  for (const { text, name } of ATTACKS) {
    assert.equal(visible(text), escapeText(text), name);
    assert.doesNotMatch(visible(text), UNSAFE_TO_SHOW, name);
  }
  assert.equal(visible("/a\u202egpj.exe"), "/a\\u202egpj.exe");
});

Deno.test("cut() shows so much at most, safe where it was cut", () => {
  assert.equal(cut("/12345678", 9), "/12345678");
  assert.equal(cut("/123456789", 9), "/1234567…");
  assert.equal(cut("", 9), "");
  for (const { text, name } of ATTACKS) {
    for (let length = 1; length < Math.min(text.length + 2, 40); length++) {
      assert.ok(cut(text, length).length <= length, name);
      assert.doesNotMatch(cut(text, length), UNSAFE_TO_SHOW, name);
    }
  }
});
