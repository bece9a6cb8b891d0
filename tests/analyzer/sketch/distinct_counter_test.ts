import assert from "node:assert/strict";
import fc from "fast-check";
import { DISTINCT_EXACT_MAX, DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { HyperLogLog } from "../../../analyzer/sketch/hyperloglog.ts";
import { createRandomWords } from "./random_words.ts";

type Hash = readonly [high: number, low: number];

/** Words that often repeat, share slots, or are 0, and some that are anything. */
const word = fc.oneof(
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(0xffffffff, 0x80000000, 1 << 13),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const hashes = fc.array(fc.tuple(word, word), { maxLength: 200, size: "max" });
/** Sets on both sides of the exact bound, as numbers of hashes and the seed that gives them. */
const largeSet = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  size: fc.oneof(
    fc.integer({ min: 0, max: 10 }),
    fc.integer({ min: 400, max: 700 }),
    fc.integer({ min: DISTINCT_EXACT_MAX - 2, max: DISTINCT_EXACT_MAX + 2 }),
    fc.integer({ min: 5000, max: 6000 }),
  ),
});

Deno.test("DistinctCounter.count() equals the size of a Set, whatever repeats", () => {
  fc.assert(fc.property(hashes, (added) => {
    const model = new Set<string>();
    const counter = new DistinctCounter();
    for (const [high, low] of added) {
      counter.add(high, low);
      model.add(`${high},${low}`);
      assert.equal(counter.count(), model.size);
    }
    assert.equal(counter.isExact, true);
  }));
});

// S-14
Deno.test("DistinctCounter is exact at its bound, repeats included, and estimates one above", () => {
  for (const withZero of [false, true]) {
    const set = randomHashes(7, DISTINCT_EXACT_MAX);
    if (withZero) set[0] = [0, 0];
    const counter = counterOf([...set, ...set]);
    assert.equal(counter.isExact, true);
    assert.equal(counter.count(), DISTINCT_EXACT_MAX);
    counter.add(1, 1);
    assert.equal(counter.isExact, false);
    assert.ok(Math.abs(counter.count() / (DISTINCT_EXACT_MAX + 1) - 1) < 4 * 0.0081);
  }
});

Deno.test("DistinctCounter.add() changes to registers when 0, 0 is the hash too many", () => {
  const set = randomHashes(7, DISTINCT_EXACT_MAX);
  const zeroLast = counterOf([...set, [0, 0]]);
  assert.equal(zeroLast.isExact, false);
  assert.deepEqual(zeroLast.toBytes(), counterOf([[0, 0], ...set]).toBytes());
});

Deno.test("DistinctCounter loses nothing in the change to registers", () => {
  const set = randomHashes(3, 5000);
  const counter = counterOf(set);
  const sketch = new HyperLogLog();
  for (const [high, low] of set) sketch.add(high, low);
  const packed = new Uint8Array(counter.toBytes().length);
  sketch.pack(packed, 2);
  assert.deepEqual(counter.toBytes().subarray(2), packed.subarray(2));
  assert.equal(counter.count(), sketch.count());
});

Deno.test("DistinctCounter.merge() gives what adding everything to one gives", () => {
  fc.assert(
    fc.property(largeSet, largeSet, fc.nat(600), (a, b, sharedCount) => {
      const first = randomHashes(a.seed, a.size);
      const second = [...first.slice(0, sharedCount), ...randomHashes(b.seed, b.size)];
      const merged = counterOf(first);
      const other = counterOf(second);
      const otherBytes = other.toBytes();
      merged.merge(other);
      assert.deepEqual(merged.toBytes(), counterOf([...first, ...second]).toBytes());
      assert.deepEqual(other.toBytes(), otherBytes);
      const unionSize = new Set([...first, ...second].map(String)).size;
      assert.equal(merged.isExact, unionSize <= DISTINCT_EXACT_MAX);
    }),
    { numRuns: 60 },
  );
});

Deno.test("DistinctCounter.merge() with itself changes nothing", () => {
  for (const size of [0, 5, DISTINCT_EXACT_MAX, 6000]) {
    const counter = counterOf(randomHashes(5, size));
    const before = counter.toBytes();
    counter.merge(counter);
    assert.deepEqual(counter.toBytes(), before);
  }
});

Deno.test("DistinctCounter.toBytes() depends on the set, not on order or repeats", () => {
  fc.assert(
    fc.property(largeSet, fc.boolean(), ({ seed, size }, withZero) => {
      const set = randomHashes(seed, size);
      if (withZero) set.push([0, 0]);
      const turned = [...set.slice(size >> 1), ...set, ...set.slice(0, size >> 1)].reverse();
      assert.deepEqual(counterOf(turned).toBytes(), counterOf(set).toBytes());
    }),
    { numRuns: 60 },
  );
});

Deno.test("DistinctCounter.toBytes() has a stable format", () => {
  assert.deepEqual([...new DistinctCounter().toBytes()], [1, 0]);
  const bytes = counterOf([[0x01020304, 0x05060708], [0, 0], [0xffffffff, 0], [0x01020304, 9]])
    .toBytes();
  assert.deepEqual(
    [...bytes],
    [1, 0].concat(
      [0, 0, 0, 0, 0, 0, 0, 0],
      [9, 0, 0, 0, 4, 3, 2, 1],
      [8, 7, 6, 5, 4, 3, 2, 1],
      [0, 0, 0, 0, 255, 255, 255, 255],
    ),
  );
  assert.equal(counterOf(randomHashes(1, DISTINCT_EXACT_MAX + 1)).toBytes().length, 2 + 12_288);
});

Deno.test("DistinctCounter.fromBytes() gives a counter that goes on like the original", () => {
  fc.assert(
    fc.property(largeSet, largeSet, (before, after) => {
      const original = counterOf(randomHashes(before.seed, before.size));
      const stored = original.toBytes();
      // Somewhere inside a larger buffer, as a row of a database or a checkpoint gives it.
      const larger = new Uint8Array(stored.length + 5);
      larger.set(stored, 3);
      const restored = DistinctCounter.fromBytes(larger.subarray(3, 3 + stored.length));
      larger.fill(0xee);
      assert.equal(restored.isExact, original.isExact);
      assert.equal(restored.count(), original.count());
      for (const [high, low] of randomHashes(after.seed, after.size)) {
        original.add(high, low);
        restored.add(high, low);
      }
      assert.deepEqual(restored.toBytes(), original.toBytes());
      assert.equal(restored.count(), original.count());
    }),
    { numRuns: 60 },
  );
});

Deno.test("DistinctCounter.fromBytes() says what is wrong with damaged bytes", () => {
  const exact = counterOf([[1, 2], [3, 4]]).toBytes();
  const registers = counterOf(randomHashes(1, 5000)).toBytes();
  const fullRegister = registers.slice();
  fullRegister[2] = 52 << 2;
  const tooMany = new Uint8Array(2 + 8 * (DISTINCT_EXACT_MAX + 1));
  tooMany[0] = 1;
  const cases: [Uint8Array, string, string][] = [
    [new Uint8Array(0), "SyntaxError", "0 bytes, needs at least 2"],
    [exact.subarray(0, 1), "SyntaxError", "1 bytes, needs at least 2"],
    [changed(exact, 0, 3), "RangeError", "version is 3, supported is 1"],
    [changed(exact, 1, 2), "RangeError", "form is 2, known are 0 and 1"],
    [exact.subarray(0, 17), "SyntaxError", "15 bytes of hashes, not a multiple of 8"],
    [changed(exact, 14, 0), "SyntaxError", "hash 1 is not greater than the one before"],
    [new Uint8Array([...exact, ...exact.subarray(10)]), "SyntaxError", "hash 2 is not greater"],
    [tooMany, "RangeError", "4097 hashes, at most 4096"],
    [registers.subarray(0, -1), "SyntaxError", "12289 bytes with registers, must be 12290"],
    [new Uint8Array([...registers, 0]), "SyntaxError", "12291 bytes with registers"],
  ];
  for (const [bytes, name, message] of cases) {
    assert.throws(() => DistinctCounter.fromBytes(bytes), {
      name,
      message: new RegExp(`^Cannot read distinct counter: ${message}`),
    });
  }
  assert.throws(() => DistinctCounter.fromBytes(fullRegister), {
    name: "RangeError",
    message: "Cannot read HyperLogLog: register 0 is 52, highest is 51",
  });
});

function counterOf(added: readonly Hash[]): DistinctCounter {
  const counter = new DistinctCounter();
  for (const [high, low] of added) counter.add(high, low);
  return counter;
}

function randomHashes(seed: number, size: number): Hash[] {
  const next = createRandomWords(seed);
  return Array.from({ length: size }, () => [next(), next()] as const);
}

function changed(bytes: Uint8Array, index: number, value: number): Uint8Array {
  return bytes.with(index, value);
}
