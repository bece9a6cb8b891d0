import assert from "node:assert/strict";
import fc from "fast-check";
import { escapeText, toSafeJson } from "../../command_line/escape_text.ts";

const anyText = fc.string({ unit: "binary" });

Deno.test("escapeText() leaves what can be seen as it is", () => {
  for (const text of ["", "/resource/1?a=b&c=%20", "C:\\x", "naïve café", "日本語", "😀", "a b"]) {
    assert.equal(escapeText(text), text);
  }
});

Deno.test("escapeText() escapes what moves, reorders or hides", () => {
  const escapes: readonly (readonly [text: string, escaped: string])[] = [
    ["\x00", "\\x00"],
    ["\x1b[2J", "\\x1b[2J"],
    ["\t", "\\x09"],
    ["\r\n", "\\x0d\\x0a"],
    ["\x1f ", "\\x1f "],
    ["~\x7f", "~\\x7f"],
    ["\x80\x9f", "\\x80\\x9f"],
    ["\u061c", "\\u061c"],
    ["\u200b\u200c\u200d\u200e\u200f", "\\u200b\\u200c\\u200d\\u200e\\u200f"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"],
    ["\u2060", "\\u2060"],
    ["\u2066\u2067\u2068\u2069", "\\u2066\\u2067\\u2068\\u2069"],
    ["\ufeff", "\\ufeff"],
    ["\u00ad", "\\xad"],
    ["\u3164", "\\u3164"],
    ["\u{e0001}", "\\u{e0001}"],
    ["\ud800x", "\\ud800x"],
    ["x\udfff", "x\\udfff"],
  ];
  for (const [text, escaped] of escapes) assert.equal(escapeText(text), escaped);
});

Deno.test("escapeText() lets marks pile up on a letter only so far", () => {
  const [few, many] = [8, 9].map((count) => `a${"\u0301".repeat(count)}b\u0301`);
  assert.equal(escapeText(few!), few);
  assert.equal(escapeText(many!), `a${"\u0301".repeat(8)}\\u0301b\u0301`);
  // As people write: Vietnamese, Hebrew with its points and accents, Thai, Hindi.
  for (const text of ["Việt".normalize("NFD"), "בְּרֵאשִׁ֖ית", "ที่นี่", "हिन्दी"]) {
    assert.equal(escapeText(text), text);
  }
});

Deno.test("toSafeJson() gives the same value in characters that a terminal only shows", () => {
  const anything = fc.oneof(anyText, fc.json().map((json) => JSON.parse(json)), fc.object());
  fc.assert(fc.property(anything, (value) => {
    const json = toSafeJson(value);
    assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
    assert.doesNotMatch(json, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
  }));
});

Deno.test("toSafeJson() escapes what JSON.stringify() leaves, and nothing else", () => {
  const unsafe = "\x7f\x9b\u202e\u2028\ufeff\u{e0001}";
  assert.equal(toSafeJson(unsafe), '"\\u007f\\u009b\\u202e\\u2028\\ufeff\\udb40\\udc01"');
  for (const value of ["", '/a?b="c"\\', "é日本😀", 1, null, [true], { a: "\n\x1b" }]) {
    assert.equal(toSafeJson(value), JSON.stringify(value));
  }
});

Deno.test("escapeText() lets no control character through, and escaping twice changes nothing", () => {
  fc.assert(fc.property(anyText, (text) => {
    const escaped = escapeText(text);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(escaped, /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/);
    assert.ok(escaped.isWellFormed());
    assert.equal(escapeText(escaped), escaped);
  }));
});

Deno.test("escapeText() cuts at lengthMax code points, ellipsis included", () => {
  assert.equal(escapeText("abcd", { lengthMax: 4 }), "abcd");
  assert.equal(escapeText("abcde", { lengthMax: 4 }), "abc…");
  assert.equal(escapeText("😀😀", { lengthMax: 2 }), "😀😀");
  assert.equal(escapeText("😀😀😀", { lengthMax: 2 }), "😀…");
  assert.equal(escapeText("ab", { lengthMax: 1 }), "…");
});

Deno.test("escapeText() never cuts an escape in two", () => {
  assert.equal(escapeText("a\x1b", { lengthMax: 5 }), "a\\x1b");
  assert.equal(escapeText("a\x1bb", { lengthMax: 5 }), "a…");
  assert.equal(escapeText("a\x1bb", { lengthMax: 6 }), "a\\x1bb");
  assert.equal(escapeText("a\x1b", { lengthMax: 4 }), "a…");
});

Deno.test("escapeText() is whole where it fits, else a prefix and an ellipsis within the limit", () => {
  fc.assert(fc.property(anyText, fc.integer({ min: 1, max: 12 }), (text, lengthMax) => {
    const whole = escapeText(text);
    const cut = escapeText(text, { lengthMax });
    if ([...whole].length <= lengthMax) {
      assert.equal(cut, whole);
    } else {
      assert.ok([...cut].length <= lengthMax);
      assert.ok(cut.endsWith("…"));
      assert.ok(whole.startsWith(cut.slice(0, -1)));
    }
  }));
});
