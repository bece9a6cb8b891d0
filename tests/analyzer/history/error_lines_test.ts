import assert from "node:assert/strict";
import fc from "fast-check";
import { type LineNeedles, linesFromEnd } from "../../../analyzer/history/error_lines.ts";

const encoder = new TextEncoder();

function read(lines: readonly string[], needles: LineNeedles = {}): string[] {
  const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""));
  return [...linesFromEnd(bytes, needles)].map(({ text, startBytes, endBytes }) => {
    assert.deepEqual(bytes.slice(startBytes, endBytes), encoder.encode(`${text}\n`));
    return text;
  });
}

Deno.test("linesFromEnd() gives each line with its place, the last one first", () => {
  assert.deepEqual(read([]), []);
  assert.deepEqual(read(["a"]), ["a"]);
  assert.deepEqual(read(["", "a", "", "b", ""]), ["", "b", "", "a", ""]);
  assert.deepEqual(read(["ü", "a", "😀"]), ["😀", "a", "ü"]);
});

Deno.test("linesFromEnd() passes over lines without the needle, and no other", () => {
  const piece = fc.constantFrom("a", "B", "b", "ab", "/x", "\\u0061", "ü", "", "x", "A");
  fc.assert(fc.property(
    fc.array(fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join("")), { maxLength: 12 }),
    fc.constantFrom(undefined, "a", "ab", "b", "ü", "abab", "\n", "a\n", "ababababab"),
    fc.constantFrom(undefined, "B", "/x", "ab"),
    (lines, anyCase, exact) => {
      const expected = lines.toReversed().filter((line) =>
        (anyCase === undefined || line.toLowerCase().includes(anyCase)) &&
        (exact === undefined || line.includes(exact) || line.includes("\\"))
      );
      assert.deepEqual(read(lines, { anyCase, exact }), expected);
    },
  ));
});
