import assert from "node:assert/strict";
import fc from "fast-check";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { hashBytes } from "../../../analyzer/sketch/hash.ts";
import { HyperLogLog, PACKED_BYTES } from "../../../analyzer/sketch/hyperloglog.ts";
import { createRandomWords } from "./random_words.ts";

const STANDARD_ERROR = 1.04 / Math.sqrt(2 ** 14);

Deno.test("HyperLogLog.count() is within 4 standard errors from 1e3 to 1e6 hashed addresses", () => {
  for (const seed of [1, 2, 3]) {
    const sketch = new HyperLogLog();
    const view = padBytes(new Uint8Array(8));
    const out = new Uint32Array(2);
    view.setUint32(0, seed);
    for (let added = 1; added <= 1_000_000; added++) {
      view.setUint32(4, added);
      hashBytes(view, 0, 8, out);
      sketch.add(out[0], out[1]);
      if ([1e3, 3e3, 1e4, 3e4, 4e4, 5e4, 1e5, 3e5, 1e6].includes(added)) {
        const relativeError = sketch.count() / added - 1;
        assert.ok(
          Math.abs(relativeError) <= 4 * STANDARD_ERROR,
          `seed ${seed}: ${relativeError} off at ${added}`,
        );
      }
    }
  }
});

Deno.test("HyperLogLog.count() has no bias worth a standard error over 40 sketches", () => {
  for (const size of [5_000, 40_000]) {
    let errorSum = 0;
    for (let seed = 0; seed < 40; seed++) errorSum += sketchOf(seed, size).count() / size - 1;
    assert.ok(Math.abs(errorSum / 40) < 4 * STANDARD_ERROR / Math.sqrt(40), `at ${size}`);
  }
});

Deno.test("HyperLogLog.count() is 0 when empty and 1 after one hash", () => {
  const sketch = new HyperLogLog();
  assert.equal(sketch.count(), 0);
  sketch.add(0x12345678, 0x9abcdef0);
  assert.equal(sketch.count(), 1);
});

Deno.test("HyperLogLog.count() stays an integer when every register is full", () => {
  const sketch = new HyperLogLog();
  for (let index = 0; index < 2 ** 14; index++) sketch.add((index << 18) >>> 0, 0);
  assert.equal(sketch.count(), Number.MAX_SAFE_INTEGER);
});

Deno.test("HyperLogLog.add() takes index and rank from the bits that a string model takes", () => {
  const edge = fc.constantFrom(0, 1, 2 ** 17, 2 ** 18, 2 ** 31, 0xfffc0000, 0xffffffff);
  const word = fc.oneof(edge, fc.integer({ min: 0, max: 0xffffffff }));
  fc.assert(fc.property(word, word, (high, low) => {
    const bits = high.toString(2).padStart(32, "0") + low.toString(2).padStart(32, "0");
    const index = parseInt(bits.slice(0, 14), 2);
    const rank = bits.slice(14).concat("1").indexOf("1") + 1;
    const sketch = new HyperLogLog();
    sketch.add(high, low);
    const registers = registersOf(sketch);
    assert.equal(registers[index], rank);
    assert.equal(registers.filter((register) => register !== 0).length, 1);
  }));
});

Deno.test("HyperLogLog.merge() gives what adding everything to one gives", () => {
  const merged = sketchOf(1, 20_000);
  merged.merge(sketchOf(2, 3_000));
  const whole = sketchOf(1, 20_000);
  addRandom(whole, 2, 3_000);
  assert.deepEqual(registersOf(merged), registersOf(whole));
});

Deno.test("HyperLogLog.unpack() restores what pack() wrote, at any offset", () => {
  const sketch = sketchOf(4, 100_000);
  const bytes = new Uint8Array(PACKED_BYTES + 7);
  sketch.pack(bytes, 7);
  const restored = HyperLogLog.unpack(bytes, 7);
  assert.deepEqual(registersOf(restored), registersOf(sketch));
  assert.equal(restored.count(), sketch.count());
});

Deno.test("HyperLogLog.unpack() takes the highest rank and refuses the next", () => {
  const bytes = new Uint8Array(PACKED_BYTES);
  bytes[PACKED_BYTES - 1] = 51;
  assert.equal(registersOf(HyperLogLog.unpack(bytes, 0)).at(-1), 51);
  bytes[PACKED_BYTES - 1] = 52;
  assert.throws(() => HyperLogLog.unpack(bytes, 0), {
    name: "RangeError",
    message: "Cannot read HyperLogLog: register 16383 is 52, highest is 51",
  });
});

function sketchOf(seed: number, size: number): HyperLogLog {
  const sketch = new HyperLogLog();
  addRandom(sketch, seed, size);
  return sketch;
}

function addRandom(sketch: HyperLogLog, seed: number, size: number): void {
  const next = createRandomWords(seed);
  for (let i = 0; i < size; i++) sketch.add(next(), next());
}

/** Reads the packed registers bit by bit. */
function registersOf(sketch: HyperLogLog): number[] {
  const bytes = new Uint8Array(PACKED_BYTES);
  sketch.pack(bytes, 0);
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from(
    { length: bits.length / 6 },
    (_, i) => parseInt(bits.slice(6 * i, 6 * i + 6), 2),
  );
}
