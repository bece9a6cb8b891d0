import assert from "node:assert/strict";
import fc from "fast-check";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { hashBytes } from "../../../analyzer/sketch/hash.ts";

Deno.test("hashBytes() gives the first 64 bits of published MurmurHash3_x86_128 vectors", () => {
  const vectors = [
    ["", "0000000000000000"],
    ["0", "0ab2409ea5eb34f8"],
    ["The quick brown fox jumps over the lazy dog", "2f1583c3ecee2c67"],
    ["MurmurHash3 was written by Austin Appleby, and is placed in the public", "6d3583489d9d1e5a"],
  ];
  for (const [text, expected] of vectors) {
    const bytes = new TextEncoder().encode(text);
    const out = new Uint32Array(2);
    hashBytes(padBytes(bytes), 0, bytes.length, out);
    assert.equal(hex(out), expected, text);
  }
});

Deno.test("murmurHash3Model() passes the verification test of SMHasher", () => {
  // Keys of length n = 0 to 255 that hold 0, 1, 2, … are hashed with the seed 256 − n, and the
  // concatenated results with the seed 0.
  const key = Uint8Array.from({ length: 256 }, (_, i) => i);
  const results = new Uint32Array(4 * 256);
  for (let n = 0; n < 256; n++) {
    results.set(murmurHash3Model(key.subarray(0, n), 256 - n), 4 * n);
  }
  assert.equal(murmurHash3Model(new Uint8Array(results.buffer), 0)[0], 0xb3ece62a);
});

Deno.test("hashBytes() equals the model at every length and alignment", () => {
  const random = fc.sample(fc.uint8Array({ minLength: 80, maxLength: 80 }), {
    seed: 7,
    numRuns: 1,
  });
  const bytes = random[0];
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= start + 70; end++) {
      const out = new Uint32Array(2);
      hashBytes(padBytes(bytes), start, end, out);
      const expected = murmurHash3Model(bytes.slice(start, end), 0).slice(0, 2);
      assert.deepEqual([...out], expected, `bytes ${start} to ${end}`);
    }
  }
});

Deno.test("hashBytes() equals the model for any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), (bytes) => {
    const out = new Uint32Array(2);
    hashBytes(padBytes(bytes), 0, bytes.length, out);
    assert.deepEqual([...out], murmurHash3Model(bytes, 0).slice(0, 2));
  }));
});

function hex(words: Uint32Array): string {
  return Array.from(words, (word) => word.toString(16).padStart(8, "0")).join("");
}

/** The whole of MurmurHash3_x86_128, in arithmetic of any length: slow, and without bit tricks. */
function murmurHash3Model(bytes: Uint8Array, seed: number): number[] {
  const multiply = (a: number, b: number) => Number(BigInt(a) * BigInt(b) % 2n ** 32n);
  const add = (...terms: number[]) => terms.reduce((sum, term) => (sum + term) % 2 ** 32);
  const xor = (a: number, b: number) => Number(BigInt(a) ^ BigInt(b));
  const rotate = (a: number, bits: number) =>
    add(multiply(a, 2 ** bits), Math.floor(a / 2 ** (32 - bits)));
  const factors = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
  const wordRotations = [15, 16, 17, 18];
  const laneRotations = [19, 17, 15, 13];
  const laneTerms = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17];

  const lanes = [seed, seed, seed, seed];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const isFull = offset + 16 <= bytes.length;
    const block = new Uint8Array(16);
    block.set(bytes.subarray(offset, offset + 16));
    for (let i = 0; i < 4; i++) {
      const word = block.subarray(4 * i, 4 * i + 4).reduceRight((value, b) => 256 * value + b, 0);
      const scrambled = rotate(multiply(word, factors[i]), wordRotations[i]);
      lanes[i] = xor(lanes[i], multiply(scrambled, factors[(i + 1) % 4]));
      if (!isFull) continue;
      lanes[i] = add(rotate(lanes[i], laneRotations[i]), lanes[(i + 1) % 4]);
      lanes[i] = add(multiply(lanes[i], 5), laneTerms[i]);
    }
  }

  const spread = (values: number[]) => {
    const first = add(...values);
    return [first, ...values.slice(1).map((value) => add(value, first))];
  };
  const avalanche = (value: number) => {
    value = multiply(xor(value, Math.floor(value / 2 ** 16)), 0x85ebca6b);
    value = multiply(xor(value, Math.floor(value / 2 ** 13)), 0xc2b2ae35);
    return xor(value, Math.floor(value / 2 ** 16));
  };
  const ended = lanes.map((lane) => xor(lane, bytes.length));
  return spread(spread(ended).map(avalanche));
}
