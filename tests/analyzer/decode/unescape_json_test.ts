import assert from "node:assert/strict";
import fc from "fast-check";
import { unescapeJson } from "../../../analyzer/decode/unescape_json.ts";

const encoder = new TextEncoder();

/** The piece between the quotes of a JSON string, in the middle of other bytes. */
function unescaped(piece: string): Uint8Array {
  const bytes = encoder.encode(`xx${piece}"`);
  const target = new Uint8Array(bytes.length).fill(0xa5);
  const written = unescapeJson(new DataView(bytes.buffer), 2, bytes.length - 1, target);
  assert.ok(written <= bytes.length - 3, "never more than the piece has");
  return target.subarray(0, written);
}

Deno.test("unescapeJson() reads every escape as JSON.parse() does", () => {
  const pieces = ["", "/a", ...Array.from('"\\/bfnrt', (letter) => `\\${letter}`)];
  pieces.push("\\u0041", "a\\u20AC", "\\ud83d\\ude00", "\\ud83d", "\\n\\ude00x", "\\u0000");
  pieces.push("\ufeffa\\u0041", "\u00e9\\/\u{1f600}");
  for (const piece of pieces) {
    assert.deepEqual(unescaped(piece), encoder.encode(JSON.parse(`"${piece}"`)), piece);
  }
});

Deno.test("unescapeJson() gives back what JSON.stringify() has escaped", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    const piece = JSON.stringify(text).slice(1, -1);
    assert.deepEqual(unescaped(piece), encoder.encode(text));
    const slashes = piece.replaceAll("/", "\\/");
    assert.deepEqual(unescaped(slashes), encoder.encode(text));
  }));
});
