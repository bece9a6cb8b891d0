import assert from "node:assert/strict";
import fc from "fast-check";
import { UrlMerger } from "../../../analyzer/history/url_merger.ts";
import type { StatusPart, UrlColumns } from "../../../analyzer/history/window_range.ts";
import { DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { addText } from "../../../analyzer/sketch/hash_text.ts";

const LENGTH_MS = 1000;
const part = (startMs: number) => ({ startMs, endMs: startMs + LENGTH_MS, statuses: [] });

/** A list with its most frequent `kept` URLs, as a window has it. */
function listOf(counts: Readonly<Record<string, number>>, kept = Infinity): StatusPart {
  const sorted = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const listed = sorted.slice(0, kept);
  const columns: UrlColumns = {
    urls: listed.map(([url]) => url),
    counts: listed.map(([, count]) => count),
    countErrorsMax: [],
    firsts: [],
    lasts: [],
    unlistedMax: kept >= sorted.length ? 0 : listed.at(-1)?.[1] ?? 0,
  };
  const errorCount = sorted.reduce((sum, [, count]) => sum + count, 0);
  return {
    status: 404,
    errorCount,
    ipSketch: new Uint8Array(),
    urls: () => columns,
    urlsTotal: { count: sorted.length, isExact: true },
    urlSketch: undefined,
    urlsBytes: 0,
  };
}

// S-64
Deno.test("UrlMerger adds up whole lists, and knows first and last window and trend", () => {
  const merger = new UrlMerger(LENGTH_MS, 3);
  merger.add(part(5000), listOf({ "/a": 3, "/b": 5 }), 0);
  merger.add(part(2000), listOf({ "/a": 4 }), 2);
  assert.deepEqual(merger.top(10, 12), [
    { url: "/a", count: 7, countErrorMax: 0, firstMs: 2000, lastMs: 6000, trend: [3, 0, 4] },
    { url: "/b", count: 5, countErrorMax: 0, firstMs: 5000, lastMs: 6000, trend: [5, 0, 0] },
  ]);
  assert.deepEqual(merger.total(), { count: 2, isExact: true });
  assert.equal(merger.unlistedMax, 0);
});

const counts = fc.dictionary(
  fc.integer({ min: 1, max: 30 }).map((i) => `/${i}`),
  fc.integer({ min: 1, max: 100 }),
  { minKeys: 1 },
);

// S-64
Deno.test("UrlMerger keeps each count between the true one and as much more as it says", () => {
  fc.assert(fc.property(
    fc.array(fc.record({ counts, kept: fc.integer({ min: 1, max: 40 }) }), { maxLength: 8 }),
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 0, max: 8 }),
    (lists, limit, cutAfter) => {
      const merger = new UrlMerger(LENGTH_MS);
      const truth = new Map<string, number>();
      lists.forEach(({ counts, kept }, i) => {
        merger.add(part(i * LENGTH_MS), listOf(counts, kept));
        for (const [url, count] of Object.entries(counts)) {
          truth.set(url, (truth.get(url) ?? 0) + count);
        }
        if (i === cutAfter) merger.cut(limit);
      });
      const errorCount = [...truth.values()].reduce((sum, count) => sum + count, 0);
      const listed = merger.top(1000, errorCount);
      for (const { url, count, countErrorMax } of listed) {
        const true_ = truth.get(url)!;
        assert.ok(count >= true_ && count - countErrorMax <= true_, `${url}: ${count}, ${true_}`);
        assert.ok(count <= errorCount && countErrorMax >= 0);
      }
      const urls = new Set(listed.map(({ url }) => url));
      for (const [url, count] of truth) {
        if (!urls.has(url)) assert.ok(count <= merger.unlistedMax, `${url}: ${count}`);
      }
      const total = merger.total();
      if (total.isExact) assert.equal(total.count, truth.size);
      else assert.ok(total.count <= truth.size);
    },
  ));
});

Deno.test("UrlMerger.top() gives the most frequent, equal ones by URL", () => {
  const merger = new UrlMerger(LENGTH_MS);
  merger.add(part(0), listOf({ "/c": 1, "/a": 1, "/d": 2, "/b": 1 }));
  const top = (limit: number) => merger.top(limit, 5).map(({ url }) => url);
  assert.deepEqual(top(0), []);
  assert.deepEqual(top(2), ["/d", "/a"]);
  assert.deepEqual(top(4), ["/d", "/a", "/b", "/c"]);
  assert.deepEqual(top(Infinity), ["/d", "/a", "/b", "/c"]);
});

Deno.test("UrlMerger.addTotal() counts from a sketch where there is one, and lists nothing", () => {
  const merger = new UrlMerger(LENGTH_MS);
  merger.addTotal(listOf({ "/a": 1, "/b": 1 }));
  const urlSketch = new DistinctCounter();
  for (const url of ["/b", "/c", "/d"]) addText(urlSketch, url);
  const urls = () => assert.fail("not parsed");
  merger.addTotal({
    ...listOf({ "/b": 1, "/c": 1, "/d": 1 }),
    urls,
    urlSketch: urlSketch.toBytes(),
  });
  assert.deepEqual(merger.total(), { count: 4, isExact: true });
  assert.deepEqual(merger.top(10, 5), []);
  merger.addTotal(listOf({ "/e": 2, "/f": 1 }, 1));
  assert.deepEqual(merger.total(), { count: 5, isExact: false });
});
