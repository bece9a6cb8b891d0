import assert from "node:assert/strict";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { sipHash128 } from "../../../analyzer/sketch/sip_hash.ts";

/** Key and input of the paper's appendix: 0, 1, 2, … */
const KEY = new Uint32Array(Uint8Array.from({ length: 16 }, (_, i) => i).buffer);
const INPUT = Uint8Array.from({ length: 64 }, (_, i) => i);

/**
 * What the reference implementation makes of the first bytes of the input, by their number; each
 * length of the last word is among them, and none, one and several words before it.
 */
const VECTORS: Readonly<Record<number, string>> = {
  0: "a3817f04ba25a8e66df67214c7550293",
  1: "da87c1d86b99af44347659119b22fc45",
  2: "8177228da4a45dc7fca38bdef60affe4",
  3: "9c70b60c5267a94e5f33b6b02985ed51",
  4: "f88164c12d9c8faf7d0f6e7c7bcd5579",
  5: "1368875980776f8854527a07690e9627",
  6: "14eeca338b208613485ea0308fd7a15e",
  7: "a1f1ebbed8dbc153c0b84aa61ff08239",
  8: "3b62a9ba6258f5610f83e264f31497b4",
  15: "5493e99933b0a8117e08ec0f97cfc3d9",
  16: "6ee2a4ca67b054bbfd3315bf85230577",
  63: "5150d1772f50834a503e069a973fbd7c",
};

function hashOf(bytes: Uint8Array, key = KEY): string {
  const out = new Uint32Array(4);
  sipHash128(key, padBytes(bytes), 0, bytes.length, out);
  return new Uint8Array(out.buffer).toHex();
}

Deno.test("sipHash128() gives what the reference implementation gives", () => {
  for (const [length, hash] of Object.entries(VECTORS)) {
    assert.equal(hashOf(INPUT.subarray(0, Number(length))), hash, `${length} bytes`);
  }
});

Deno.test("sipHash128() does not care where the bytes stand, nor what stands around them", () => {
  for (let length = 0; length <= 20; length++) {
    const bytes = new Uint8Array(64).fill(0xaa);
    bytes.set(INPUT.subarray(0, length), 5);
    const out = new Uint32Array(4);
    sipHash128(KEY, new DataView(bytes.buffer), 5, 5 + length, out);
    assert.equal(new Uint8Array(out.buffer).toHex(), hashOf(INPUT.subarray(0, length)));
  }
});

Deno.test("sipHash128() gives something else for every other key", () => {
  const hashes = Array.from({ length: 4 * 32 }, (_, bit) => {
    const key = KEY.slice();
    key[bit >> 5]! ^= 1 << (bit & 31);
    return hashOf(INPUT, key);
  });
  assert.equal(new Set([...hashes, hashOf(INPUT)]).size, hashes.length + 1);
});
