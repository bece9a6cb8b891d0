import assert from "node:assert/strict";
import fc from "fast-check";
import { editDistance, nearest } from "../../command_line/nearest.ts";

const NAMES = ["rate", "urls", "ips", "format", "status-dist", "source", "no-http"];

Deno.test("nearest() finds the name that one mistake hides", () => {
  for (const typed of ["ratee", "rat", "tate", "arte", "RATE"]) {
    assert.equal(nearest(typed, NAMES), "rate");
  }
  assert.equal(nearest("noHttp", NAMES), "no-http");
});

Deno.test("nearest() allows one mistake in three letters, and no more", () => {
  assert.equal(nearest("ipx", NAMES), "ips");
  assert.equal(nearest("ixx", NAMES), undefined);
  assert.equal(nearest("fxxmat", NAMES), "format");
  assert.equal(nearest("fxxxat", NAMES), undefined);
});

Deno.test("nearest() takes the first of equals, and nothing from nothing", () => {
  assert.equal(nearest("bat", ["cat", "rat"]), "cat");
  assert.equal(nearest("rate", []), undefined);
  assert.equal(nearest("", NAMES), undefined);
});

Deno.test("nearest() skips names too different in length without comparing", () => {
  assert.equal(nearest("x".repeat(10_000_000), NAMES), undefined);
});

Deno.test("editDistance() counts insertions, deletions, substitutions and swaps of neighbours", () => {
  assert.equal(editDistance("", ""), 0);
  assert.equal(editDistance("abc", ""), 3);
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("rate", "rates"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
  // The restricted form: "ca" to "abc" would be 2 if a swapped pair could be edited again.
  assert.equal(editDistance("ca", "abc"), 3);
});

Deno.test("editDistance() equals the recursive definition", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
  fc.assert(fc.property(word, word, (a, b) => {
    assert.equal(editDistance(a, b), slowDistance(a, b));
  }));
});

function slowDistance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const [a1, b1] = [a.slice(0, -1), b.slice(0, -1)];
  const choices = [
    slowDistance(a1, b) + 1,
    slowDistance(a, b1) + 1,
    slowDistance(a1, b1) + (a.at(-1) === b.at(-1) ? 0 : 1),
  ];
  if (a.length > 1 && b.length > 1 && a.at(-1) === b.at(-2) && a.at(-2) === b.at(-1)) {
    choices.push(slowDistance(a.slice(0, -2), b.slice(0, -2)) + 1);
  }
  return Math.min(...choices);
}
