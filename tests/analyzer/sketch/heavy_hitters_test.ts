import assert from "node:assert/strict";
import fc from "fast-check";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { hashBytes } from "../../../analyzer/sketch/hash.ts";
import { HeavyHitters } from "../../../analyzer/sketch/heavy_hitters.ts";
import type { UrlCount } from "../../../analyzer/window/window_summary.ts";
import { createRandomWords } from "./random_words.ts";

const encoder = new TextEncoder();

// Without a size fast-check makes arrays of at most ten elements, whatever their maxLength.
/** Few distinct keys, so that they repeat: of all lengths, some empty, some not ASCII. */
const key = fc.oneof(
  fc.nat(30).map((n) => `/resource/${n}`),
  fc.nat(12).map((n) => "/long".repeat(n)),
  fc.constantFrom("", "/é", "/\u{1F600}", "/\uFF5E", "\uFEFF/"),
);
const keys = fc.array(key, { maxLength: 300, size: "max" });
const capacity = fc.integer({ min: 1, max: 40 });

Deno.test("HeavyHitters.top() equals a Map while the keys fit, most frequent first", () => {
  fc.assert(fc.property(keys, fc.nat(60), (added, limit) => {
    const hitters = hittersOf(100, added);
    const expected = [...countKeys(added)]
      .map(([url, count]) => ({ url, count, countErrorMax: 0 }))
      .sort((a, b) => b.count - a.count || compareByCodeUnit(a.url, b.url));
    assert.deepEqual(hitters.top(limit), expected.slice(0, limit));
    assert.deepEqual(hitters.top(Infinity), expected);
    assert.equal(hitters.size, expected.length);
    assert.equal(hitters.isExact, true);
  }));
});

Deno.test("HeavyHitters is exact at its capacity and replaces a least frequent key one above", () => {
  const hitters = hittersOf(3, ["/a", "/a", "/b", "/b", "/b", "/c"]);
  assert.equal(hitters.isExact, true);
  add(hitters, "/d");
  assert.equal(hitters.isExact, false);
  assert.equal(hitters.size, 3);
  assert.deepEqual(hitters.top(9), [
    { url: "/b", count: 3, countErrorMax: 0 },
    { url: "/a", count: 2, countErrorMax: 0 },
    { url: "/d", count: 2, countErrorMax: 1 },
  ]);
});

// S-15
Deno.test("HeavyHitters.top() lists by code unit where counts are equal, the limit included", () => {
  // By code point, and by UTF-8 byte, the order of the last two is the other way around.
  const hitters = hittersOf(10, ["/\uFF5E", "/b", "/\u{1F600}", "/a", "/a"]);
  assert.deepEqual(urls(hitters.top(9)), ["/a", "/b", "/\u{1F600}", "/\uFF5E"]);
  assert.deepEqual(urls(hitters.top(3)), ["/a", "/b", "/\u{1F600}"]);
  assert.deepEqual(urls(hitters.top(1)), ["/a"]);
  assert.deepEqual(hitters.top(0), []);
  assert.deepEqual(new HeavyHitters(1).top(5), []);
});

// S-15
Deno.test("HeavyHitters keeps the promises of space-saving", () => {
  fc.assert(
    fc.property(keys, capacity, (added, capacity) => {
      const hitters = hittersOf(capacity, added);
      const trueCounts = countKeys(added);
      const listed = hitters.top(Infinity);
      assert.equal(listed.length, Math.min(capacity, trueCounts.size));
      assert.equal(hitters.size, listed.length);
      assert.equal(hitters.isExact, trueCounts.size <= capacity);
      assert.equal(listed.reduce((sum, { count }) => sum + count, 0), added.length);
      for (const { url, count, countErrorMax } of listed) {
        const trueCount = trueCounts.get(url) ?? 0;
        assert.ok(count - countErrorMax <= trueCount && trueCount <= count, url);
        assert.ok(countErrorMax <= added.length / capacity, url);
      }
      const listedUrls = new Set(urls(listed));
      assert.equal(listedUrls.size, listed.length);
      for (const [url, trueCount] of trueCounts) {
        if (trueCount > added.length / capacity) assert.ok(listedUrls.has(url), url);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("HeavyHitters always replaces a key of the least count", () => {
  fc.assert(fc.property(keys, capacity, (added, capacity) => {
    const hitters = new HeavyHitters(capacity);
    let before = new Map<string, UrlCount>();
    for (const url of added) {
      add(hitters, url);
      const after = new Map(hitters.top(Infinity).map((entry) => [entry.url, entry]));
      const gone = [...before.values()].filter((entry) => !after.has(entry.url));
      if (before.has(url) || before.size < capacity) {
        assert.deepEqual(gone, []);
      } else {
        assert.equal(gone.length, 1);
        const leastCount = Math.min(...[...before.values()].map(({ count }) => count));
        assert.equal(gone[0].count, leastCount);
        assert.deepEqual(after.get(url), {
          url,
          count: leastCount + 1,
          countErrorMax: leastCount,
        });
      }
      before = after;
    }
  }));
});

Deno.test("HeavyHitters tells keys apart whose hashes are equal, through replacements", () => {
  fc.assert(
    fc.property(keys, capacity, fc.integer({ min: 1, max: 4 }), (added, capacity, hashCount) => {
      const hitters = new HeavyHitters(capacity);
      const reference = new HeavyHitters(capacity);
      for (const url of added) {
        const bytes = encoder.encode(url);
        const view = padBytes(bytes);
        // The slots at the end of the table, so that the probing goes around.
        hitters.add(7, 0xffffffff - (bytes.length % hashCount), view, 0, bytes.length);
        add(reference, url);
      }
      assert.deepEqual(hitters.top(Infinity), reference.top(Infinity));
    }),
  );
});

Deno.test("HeavyHitters tells keys of equal hashes apart that differ in one byte, wherever it is", () => {
  for (let length = 1; length <= 20; length++) {
    const hitters = new HeavyHitters(100);
    const bytes = new Uint8Array(length).fill(0x61);
    hitters.add(1, 2, padBytes(bytes), 0, length);
    for (let i = 0; i < length; i++) {
      const other = padBytes(bytes.with(i, 0x62));
      assert.equal(hitters.add(1, 2, other, 0, length), true, `byte ${i} of ${length}`);
      assert.equal(hitters.add(1, 2, other, 0, length), false);
    }
  }
});

Deno.test("HeavyHitters tells hashes apart that differ in one word only", () => {
  const hitters = new HeavyHitters(10);
  const bytes = padBytes(encoder.encode("/a/b"));
  hitters.add(1, 5, bytes, 0, 2);
  hitters.add(2, 5, bytes, 2, 4);
  hitters.add(1, 21, bytes, 0, 3);
  hitters.add(1, 5, bytes, 0, 2);
  assert.deepEqual(hitters.top(1), [{ url: "/a", count: 2, countErrorMax: 0 }]);
  assert.equal(hitters.size, 3);
});

Deno.test("HeavyHitters.add() copies the key", () => {
  const hitters = new HeavyHitters(2);
  const bytes = padBytes(encoder.encode("../a.."));
  hitters.add(1, 2, bytes, 2, 4);
  new Uint8Array(bytes.buffer).fill(0x78);
  assert.deepEqual(urls(hitters.top(1)), ["/a"]);
});

Deno.test("HeavyHitters stays within its capacity under a million new keys", () => {
  const hitters = new HeavyHitters(1000);
  const bytes = padBytes(new Uint8Array(40).fill(0x61));
  const next = createRandomWords(5);
  const keyBytesMax = 40;
  for (let i = 0; i < 1_000_000; i++) {
    bytes.setUint32(0, i);
    hitters.add(next(), next(), bytes, 0, 4 + i % (keyBytesMax - 3));
  }
  assert.equal(hitters.size, 1000);
  assert.equal(hitters.isExact, false);
  assert.ok(hitters.toBytes().length <= 10 + 1000 * (28 + keyBytesMax));
  const counts = hitters.top(1000).map(({ count }) => count);
  assert.deepEqual(counts, new Array(1000).fill(1000));
});

Deno.test("HeavyHitters.fromBytes() at any cut gives the same further behaviour", () => {
  fc.assert(
    fc.property(keys, capacity, fc.nat(300), (added, capacity, cut) => {
      const original = hittersOf(capacity, added.slice(0, cut));
      const stored = original.toBytes();
      const larger = new Uint8Array(stored.length + 5);
      larger.set(stored, 3);
      const restored = HeavyHitters.fromBytes(larger.subarray(3, 3 + stored.length));
      larger.fill(0xee);
      assert.deepEqual(restored.toBytes(), stored);
      assert.equal(restored.capacity, original.capacity);
      for (const url of added.slice(cut)) {
        add(original, url);
        add(restored, url);
        assert.equal(restored.isExact, original.isExact);
        assert.deepEqual(restored.toBytes(), original.toBytes());
      }
      assert.deepEqual(restored.top(Infinity), original.top(Infinity));
    }),
    { numRuns: 100 },
  );
});

Deno.test("HeavyHitters.toBytes() has a stable format", () => {
  const hitters = new HeavyHitters(258);
  hitters.add(0x01020304, 0xfffffffe, padBytes(encoder.encode("/a")), 0, 2);
  hitters.add(0x01020304, 0xfffffffe, padBytes(encoder.encode("/a")), 0, 2);
  assert.deepEqual(
    [...hitters.toBytes()],
    [1, 1, 2, 1, 0, 0, 1, 0, 0, 0].concat(
      [4, 3, 2, 1, 254, 255, 255, 255, 2, 0, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0],
      [0x2f, 0x61],
    ),
  );
});

Deno.test("HeavyHitters.fromBytes() refuses bytes that are cut anywhere, or too long", () => {
  const bytes = hittersOf(3, ["/a", "/bb", "", "/ccc"]).toBytes();
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => HeavyHitters.fromBytes(bytes.subarray(0, length)), {
      name: "SyntaxError",
      message: new RegExp(`^Cannot read heavy hitters: ${length} bytes, needs at least \\d+$`),
    });
  }
  assert.throws(() => HeavyHitters.fromBytes(new Uint8Array([...bytes, 0])), {
    name: "SyntaxError",
    message: `Cannot read heavy hitters: ${
      bytes.length + 1
    } bytes, entries end after ${bytes.length}`,
  });
});

Deno.test("HeavyHitters.fromBytes() says which value is wrong", () => {
  const exact = hittersOf(2, ["/a", "/b"]).toBytes();
  const replaced = hittersOf(2, ["/a", "/a", "/b", "/c", "/c"]).toBytes();
  const count = (bytes: Uint8Array, entry: number, value: number, field = 12) => {
    const changed = bytes.slice();
    new DataView(changed.buffer).setFloat64(10 + 30 * entry + field, value, true);
    return changed;
  };
  const twice = new Uint8Array([...exact.subarray(0, 40), ...exact.subarray(10, 40)]);
  const cases: [Uint8Array, string][] = [
    [exact.with(0, 2), "version is 2, supported is 1"],
    [exact.with(1, 2), "exactness is 2, must be 0 or 1"],
    [exact.with(2, 0), "capacity is 0, must be 1 to 16777216"],
    [exact.with(5, 255), "capacity is 4278190082, must be 1 to 16777216"],
    [exact.with(6, 3), "size is 3, capacity 2, exact: true"],
    [replaced.with(6, 1), "size is 1, capacity 2, exact: false"],
    [count(exact, 1, 0), "count of entry 1 is 0, must be a positive integer"],
    [count(exact, 1, 1.5), "count of entry 1 is 1.5, must be a positive integer"],
    [count(exact, 0, NaN), "count of entry 0 is NaN, must be a positive integer"],
    [count(exact, 1, 1, 20), "countErrorMax of entry 1 is 1, must be 0 to 0"],
    [count(replaced, 0, 2, 20), "countErrorMax of entry 0 is 2, must be 0 to 1"],
    [count(replaced, 1, -1, 20), "countErrorMax of entry 1 is -1, must be 0 to 2"],
    [count(replaced, 0, 9), "count of entry 1 is below that of its parent 0"],
    [twice, "key of entry 1 is there twice"],
  ];
  for (const [bytes, fact] of cases) {
    assert.throws(() => HeavyHitters.fromBytes(bytes), {
      name: "RangeError",
      message: `Cannot read heavy hitters: ${fact}`,
    });
  }
});

Deno.test("new HeavyHitters() takes a capacity from 1 to 2^24 and refuses others", () => {
  assert.equal(new HeavyHitters(1).capacity, 1);
  assert.equal(new HeavyHitters(2 ** 24).capacity, 2 ** 24);
  for (const wrong of [0, -1, 1.5, NaN, 2 ** 24 + 1]) {
    assert.throws(() => new HeavyHitters(wrong), {
      name: "RangeError",
      message:
        `Cannot create heavy hitters: capacity is ${wrong}, must be an integer from 1 to 16777216`,
    });
  }
});

function hittersOf(capacity: number, added: readonly string[]): HeavyHitters {
  const hitters = new HeavyHitters(capacity);
  for (const url of added) add(hitters, url);
  return hitters;
}

/** Adds the URL from the middle of a larger buffer, as a batch of rows holds it. */
function add(hitters: HeavyHitters, url: string): void {
  const bytes = encoder.encode(`<${url}>`);
  const hash = new Uint32Array(2);
  const view = padBytes(bytes);
  hashBytes(view, 1, bytes.length - 1, hash);
  hitters.add(hash[0], hash[1], view, 1, bytes.length - 1);
}

function countKeys(added: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const url of added) counts.set(url, (counts.get(url) ?? 0) + 1);
  return counts;
}

function urls(listed: readonly UrlCount[]): string[] {
  return listed.map(({ url }) => url);
}

function compareByCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
