import assert from "node:assert/strict";
import fc from "fast-check";
import { blockKey, draw, mix32, recordState } from "../../generator/counter_random.ts";

Deno.test("mix32() is a bijection: neighbours and multiples of powers of two stay distinct", () => {
  for (const stride of [1, 256, 65536]) {
    const values = new Set(Array.from({ length: 65536 }, (_, i) => mix32(i * stride)));
    assert.equal(values.size, 65536);
  }
});

Deno.test("mix32() changes each bit of the output half of the time", () => {
  for (let bit = 0; bit < 32; bit++) {
    const flips = new Float64Array(32);
    for (let i = 0; i < 4000; i++) {
      const value = Math.imul(i, 0x2545f491);
      const difference = mix32(value) ^ mix32(value ^ (1 << bit));
      for (let j = 0; j < 32; j++) flips[j]! += difference >>> j & 1;
    }
    // 2000 expected, standard deviation 32: eight of them allow for 1024 cells and a small bias.
    for (const count of flips) assert(Math.abs(count - 2000) < 8 * 32, `bit ${bit}: ${count}`);
  }
});

Deno.test("draw() repeats values as often as chance does", () => {
  const key = blockKey(1, 0);
  const seen = new Set<number>();
  const count = 400_000;
  for (let i = 0; i < count; i++) seen.add(draw(recordState(key, i), i, 1));
  // count² / 2^33 = 18.6 pairs are expected; a bijection would have none.
  assert(count - seen.size > 2 && count - seen.size < 50, `${count - seen.size} repeated`);
});

Deno.test("draw() depends on seed, upper and lower index, and purpose", () => {
  const word = (seed: number, high: number, low: number, purpose: number) =>
    draw(recordState(blockKey(seed, high), low), low, purpose);
  const words = [
    word(1, 0, 5, 1),
    word(2, 0, 5, 1),
    word(1 + 2 ** 32, 0, 5, 1),
    word(1, 1, 5, 1),
    word(1, 0, 6, 1),
    word(1, 0, 5, 2),
  ];
  assert.equal(new Set(words).size, words.length);
});

Deno.test("draw() gives signed 32-bit integers, the same each time", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.nat(), fc.integer(), (seed, high, low) => {
    const word = () => draw(recordState(blockKey(seed, high), low), low, 3);
    assert.equal(word(), word() | 0);
  }));
});
