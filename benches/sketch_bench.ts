/**
 * What the sketches cost an error row. One iteration passes over 100,000 hashes or keys, so 1 ms
 * reads as 10 ns an operation. Nanoseconds, as estimated and as measured with Deno 2.9 on a shared
 * machine of two cores:
 *
 * - hash of 13 bytes: 10, 15
 * - distinct counter, exact 10, 7; estimated 5, 6
 * - heavy hitters, hit while exact 30, 22 to 33; hit later 40, 65 to 81; every key new 150, 130;
 *   on the same machine 59, 138 and 186 before keys were compared a word at a time, hashes had a
 *   sign, and slots were a quarter full
 */
import { padBytes } from "../analyzer/padded_bytes.ts";
import { hashBytes } from "../analyzer/sketch/hash.ts";
import { DistinctCounter } from "../analyzer/sketch/distinct_counter.ts";
import { HeavyHitters } from "../analyzer/sketch/heavy_hitters.ts";

const KEY_COUNT = 100_000;
const SEED = 7;

/** `KEY_COUNT` keys of `distinct` kinds in random order, one after another, with their hashes. */
function createKeys(prefix: string, distinct: number) {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  const ends = new Uint32Array(KEY_COUNT + 1);
  let state = SEED;
  for (let i = 0; i < KEY_COUNT; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const part = encoder.encode(
      prefix + (100_000 + (distinct === KEY_COUNT ? i : state % distinct)),
    );
    parts.push(part);
    ends[i + 1] = ends[i] + part.length;
  }
  const bytes = new Uint8Array(ends[KEY_COUNT]);
  parts.forEach((part, i) => bytes.set(part, ends[i]));
  const view = padBytes(bytes);
  const hashes = new Uint32Array(2 * KEY_COUNT);
  for (let i = 0; i < KEY_COUNT; i++) {
    hashBytes(view, ends[i], ends[i + 1], hashes.subarray(2 * i));
  }
  return { view, ends, hashes: new Int32Array(hashes.buffer) };
}

/** Stops the bench when the work was not what it claims to be. */
function check(holds: boolean): void {
  if (!holds) throw new Error("Unexpected result: the bench does not measure what it says");
}

const ips = createKeys("10.20.1", KEY_COUNT);
const fewIps = createKeys("10.20.1", 1000);
const newUrls = createKeys("/resource/new/", KEY_COUNT);
const fewUrls = createKeys("/resource/new/", 1000);

const sumOfHighWords = ips.hashes.reduce((sum, h, i) => i % 2 === 0 ? (sum + h) >>> 0 : sum, 0);

Deno.bench("hashBytes() of 13 bytes", () => {
  const out = new Uint32Array(2);
  let sum = 0;
  for (let i = 0; i < KEY_COUNT; i++) {
    hashBytes(ips.view, ips.ends[i], ips.ends[i + 1], out);
    sum = (sum + out[0]) >>> 0;
  }
  check(ips.ends[1] === 13 && sum === sumOfHighWords);
});

Deno.bench("DistinctCounter.add(), exact", () => {
  const counter = new DistinctCounter();
  addAllHashes(counter, fewIps.hashes);
  check(counter.isExact && counter.count() === 1000);
});

Deno.bench("DistinctCounter.add(), estimated", () => {
  const counter = new DistinctCounter();
  addAllHashes(counter, ips.hashes);
  check(!counter.isExact && Math.abs(counter.count() / KEY_COUNT - 1) < 0.04);
});

Deno.bench("HeavyHitters.add(), hits, exact", () => {
  const hitters = new HeavyHitters(1000);
  addAllKeys(hitters, fewUrls);
  check(hitters.isExact && hitters.size === 1000);
});

Deno.bench("HeavyHitters.add(), hits, after a replacement", () => {
  const hitters = new HeavyHitters(1000);
  addAllKeys(hitters, fewUrls);
  hitters.add(0, 0, newUrls.view, 0, 0);
  const [{ count }] = hitters.top(1);
  addAllKeys(hitters, fewUrls);
  check(!hitters.isExact && hitters.top(1)[0].count === 2 * count);
});

Deno.bench("HeavyHitters.add(), every key new", () => {
  const hitters = new HeavyHitters(1000);
  addAllKeys(hitters, newUrls);
  check(!hitters.isExact && hitters.top(1)[0].count === KEY_COUNT / 1000);
});

function addAllHashes(counter: DistinctCounter, hashes: Int32Array): void {
  for (let i = 0; i < hashes.length; i += 2) counter.add(hashes[i], hashes[i + 1]);
}

function addAllKeys(hitters: HeavyHitters, { view, ends, hashes }: typeof newUrls): void {
  for (let i = 0; i < KEY_COUNT; i++) {
    hitters.add(hashes[2 * i], hashes[2 * i + 1], view, ends[i], ends[i + 1]);
  }
}
