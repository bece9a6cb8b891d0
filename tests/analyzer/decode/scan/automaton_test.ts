import assert from "node:assert/strict";
import {
  ACCEPTED,
  REJECTED,
  Start,
  transitions,
} from "../../../../analyzer/decode/scan/automaton.ts";

const encoder = new TextEncoder();
const table = transitions();

/** What scanners do: the place behind what was read, or -1. */
function run(start: number, bytes: Uint8Array, position = 0): number {
  let state = start;
  while (state > REJECTED) state = table[256 * state + (bytes[position++] ?? 0x0a)]!;
  return state === ACCEPTED ? position : -1;
}

const skipUtf8 = (bytes: Uint8Array, position: number) => run(Start.character, bytes, position);
const skipEscapeOrUtf8 = (bytes: Uint8Array) => run(Start.characterOrEscape, bytes);

/** Whether a strict decoder takes the bytes. */
function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("the automaton takes for a character what a strict decoder takes: all pairs, and all edges of longer ones", () => {
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

Deno.test("the automaton refuses a character that ends with the bytes, and one that begins nowhere", () => {
  for (const text of ["\u00e9", "\u20ac", "\u{1f600}"]) {
    const bytes = encoder.encode(text);
    assert.equal(skipUtf8(bytes, 0), bytes.length);
    assert.equal(skipUtf8(bytes.subarray(0, -1), 0), -1);
    assert.equal(skipUtf8(bytes, 1), -1);
  }
});

Deno.test("the automaton takes the escapes that JSON.parse() takes", () => {
  for (let code = 0; code < 128; code++) {
    for (const rest of ["", "0", "00", "0041", "00g1", "D83d", "-041", "004\u00e9"]) {
      const escape = `\\${String.fromCharCode(code)}${rest}`;
      const end = skipEscapeOrUtf8(encoder.encode(`${escape}"    `));
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
  assert.equal(skipEscapeOrUtf8(encoder.encode('\u20ac"')), 3);
  assert.equal(skipEscapeOrUtf8(Uint8Array.of(0x1f, 0x22)), -1);
});

Deno.test("the automaton takes the numbers that JSON.parse() takes, and reads one byte more", () => {
  const parts = ["", "-", "0", "1", "12", ".", "5", "e", "E", "+", "-"];
  let count = 0;
  const check = (text: string) => {
    let isNumber = true;
    try {
      isNumber = typeof JSON.parse(text) === "number";
    } catch {
      isNumber = false;
    }
    const end = run(Start.number, encoder.encode(`${text},`));
    // A number may be followed by what makes it none, such as the second point of 1.5.2.
    if (isNumber) assert.equal(end, text.length + 1, text);
    else assert.notEqual(end, text.length + 1, text);
    count++;
  };
  const extend = (text: string, depth: number) => {
    check(text);
    if (depth > 0) { for (const part of parts) extend(text + part, depth - 1); }
  };
  extend("", 4);
  check("-0.5e-10");
  check("123456789012345678901234567890");
  assert.ok(count > 10_000);
});

Deno.test("the automaton takes true, false and null, and nothing else", () => {
  for (const word of ["true", "false", "null"]) {
    assert.equal(run(Start.word, encoder.encode(word)), word.length);
    for (let length = 0; length < word.length; length++) {
      assert.equal(run(Start.word, encoder.encode(`${word.slice(0, length)}x`)), -1);
    }
  }
  for (const other of ["True", "nul\n", "tnull", "1", '"']) {
    assert.equal(run(Start.word, encoder.encode(other)), -1, other);
  }
});

Deno.test("the automaton leaves no line", () => {
  for (let state = REJECTED + 1; state < table.length / 256; state++) {
    const next = table[256 * state + 0x0a]!;
    assert.ok(next <= REJECTED, `state ${state}`);
  }
});
