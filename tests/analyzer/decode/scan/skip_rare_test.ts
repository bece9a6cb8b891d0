import assert from "node:assert/strict";
import { skipEscapeOrUtf8, skipUtf8 } from "../../../../analyzer/decode/scan/skip_rare.ts";

const encoder = new TextEncoder();

/** Whether a strict decoder takes the bytes. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("skipUtf8() takes what a strict decoder takes: all pairs, and all edges of longer ones", () => {
  const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
  let count = 0;
  const check = (...bytes: number[]) => {
    const sequence = Uint8Array.from(bytes);
    const end = skipUtf8(Uint8Array.of(0x2f, ...bytes, 0x22), 1);
    const expected = isUtf8(sequence) ? 1 + bytes.length : -1;
    // A shorter character with others behind it is one too; only whole sequences are compared.
    if (end === 1 + bytes.length || expected !== -1) assert.equal(end, expected, String(bytes));
    count++;
  };
  for (let first = 0x80; first <= 0xff; first++) {
    for (let second = 0; second <= 0xff; second++) check(first, second);
    for (const second of edges) {
      for (const third of edges) {
        if (first >= 0xe0) check(first, second, third);
        if (first >= 0xf0) { for (const fourth of edges) check(first, second, third, fourth); }
      }
    }
  }
  assert.ok(count > 40_000);
});

Deno.test("skipUtf8() refuses a character that ends with the bytes, and one that begins nowhere", () => {
  for (const text of ["\u00e9", "\u20ac", "\u{1f600}"]) {
    const bytes = encoder.encode(text);
    assert.equal(skipUtf8(bytes, 0), bytes.length);
    assert.equal(skipUtf8(bytes.subarray(0, -1), 0), -1);
    assert.equal(skipUtf8(bytes, 1), -1);
  }
});

Deno.test("skipEscapeOrUtf8() takes the escapes that JSON.parse() takes", () => {
  for (let code = 0; code < 128; code++) {
    for (const rest of ["", "0", "00", "0041", "00g1", "D83d", "-041", "004\u00e9"]) {
      const escape = `\\${String.fromCharCode(code)}${rest}`;
      const end = skipEscapeOrUtf8(encoder.encode(`${escape}"    `), 0);
      let expected = -1;
      for (const length of [2, 6]) {
        try {
          const text = JSON.parse(`"${escape.slice(0, length)}"`);
          if (text.length === 1) expected = Math.min(length, escape.length);
        } catch {
          // Not an escape of that length.
        }
        if (expected >= 0) break;
      }
      assert.equal(end, expected, escape);
    }
  }
  assert.equal(skipEscapeOrUtf8(encoder.encode('\u20ac"'), 0), 3);
  assert.equal(skipEscapeOrUtf8(Uint8Array.of(0x1f, 0x22), 0), -1);
});
