import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BLOCK_BYTES,
  type ErrorBlock,
  type ErrorBlockStore,
  ErrorIndex,
} from "../../../analyzer/sink/error_index.ts";

const LENGTH_MS = 30_000;
const NEWEST = { part: Infinity, bytes: Infinity };
const path = (part: number) => `errors/date=2025-05-30/part-${String(part).padStart(6, "0")}.jsonl`;

/** A store that remembers. */
class MemoryBlocks implements ErrorBlockStore {
  blocks: ErrorBlock[] = [];
  forgotten: number[] = [];

  constructor(blocks: readonly ErrorBlock[] = []) {
    this.blocks = [...blocks];
  }

  addErrorBlock(block: ErrorBlock): void {
    this.blocks.push(block);
  }

  learnErrorBlock(block: ErrorBlock): void {
    this.blocks.push(block);
  }

  forgetErrorPart(part: number): void {
    this.forgotten.push(part);
    this.blocks = this.blocks.filter((block) => block.part !== part);
  }

  errorBlocks(): readonly ErrorBlock[] {
    return this.blocks;
  }
}

function block(part: number, startBytes: number, endBytes: number, minMs = 0, maxMs = minMs) {
  return { part, path: path(part), startBytes, endBytes, minMs, maxMs };
}

/** All pieces in which there can be something, the last one first. */
function candidates(index: ErrorIndex, fromMs = -Infinity, toMs = Infinity) {
  const found = [];
  for (let place = NEWEST;;) {
    const candidate = index.lastBefore(place, fromMs, toMs);
    if (candidate === undefined) return found;
    const { part, startBytes, endBytes, isKnown } = candidate;
    found.push(`${part}: ${startBytes} to ${endBytes}${isKnown ? "" : "?"}`);
    place = { part, bytes: startBytes };
  }
}

Deno.test("ErrorIndex knows what the writer appends, at once, and stores whole blocks", () => {
  const store = new MemoryBlocks();
  const index = new ErrorIndex([], store, LENGTH_MS);
  index.append(path(1), 0, 100, { minMs: 30_000, maxMs: 30_000 });
  index.append(path(1), 100, 300, { minMs: 60_000, maxMs: 90_000 });
  assert.deepEqual(candidates(index), ["1: 0 to 300"]);
  assert.deepEqual(store.blocks, []);
  index.append(path(1), 300, BLOCK_BYTES, { minMs: 0, maxMs: 0 });
  assert.deepEqual(store.blocks, [block(1, 0, BLOCK_BYTES, 0, 90_000)]);
  index.append(path(1), BLOCK_BYTES, BLOCK_BYTES + 1, { minMs: 120_000, maxMs: 120_000 });
  assert.deepEqual(candidates(index), [
    `1: ${BLOCK_BYTES} to ${BLOCK_BYTES + 1}`,
    `1: 0 to ${BLOCK_BYTES}`,
  ]);
  index.append(path(3), 0, 10, { minMs: 0, maxMs: 0 });
  index.close(path(1));
  index.close(path(1));
  assert.equal(store.blocks.length, 2);
});

// The pair of edges: windows start at a block's times, and reach a window farther.
Deno.test("ErrorIndex.lastBefore() passes over what cannot hold times of the range", () => {
  const store = new MemoryBlocks([
    block(1, 0, 10, 60_000, 90_000),
    block(1, 10, 20, 120_000),
    block(1, 20, 30, 60_000, 150_000),
  ]);
  const index = new ErrorIndex([{ path: path(1), bytes: 30, modifiedAtMs: 0 }], store, LENGTH_MS);
  assert.deepEqual(candidates(index, 90_000, 120_000), ["1: 20 to 30", "1: 0 to 10"]);
  assert.deepEqual(candidates(index, 119_999, 120_000), ["1: 20 to 30", "1: 0 to 10"]);
  assert.deepEqual(candidates(index, 120_000, 120_001), ["1: 20 to 30", "1: 10 to 20"]);
  assert.deepEqual(candidates(index, 0, 60_000), []);
  assert.deepEqual(candidates(index, 0, 60_001), ["1: 20 to 30", "1: 0 to 10"]);
  assert.deepEqual(candidates(index, 180_000, 190_000), []);
  assert.deepEqual(candidates(index, 179_999, 190_000), ["1: 20 to 30"]);
});

Deno.test("ErrorIndex() takes for unknown what no block tells of, and drops blocks of lost files", () => {
  const store = new MemoryBlocks([
    block(1, 10, 20),
    block(1, 40, 50),
    block(2, 0, 10),
    block(7, 0, 10),
    // Cut short by somebody, and another one in its place.
    block(8, 0, 10),
    { ...block(9, 0, 10), path: "errors/date=2025-05-31/part-000009.jsonl" },
  ]);
  const file = (part: number, bytes: number) => ({ path: path(part), bytes, modifiedAtMs: 0 });
  const files = [
    file(9, 10),
    file(1, 60),
    file(2, 10),
    file(8, 9),
    { path: "errors/notes.txt", bytes: 5, modifiedAtMs: 0 },
  ];
  const index = new ErrorIndex(files, store, LENGTH_MS);
  assert.deepEqual(store.forgotten, [7]);
  assert.deepEqual(candidates(index, 1e9, 2e9), [
    "9: 0 to 10?",
    "8: 0 to 9?",
    "1: 50 to 60?",
    "1: 20 to 40?",
    "1: 0 to 10?",
  ]);
  index.append(path(1), 60, 70, { minMs: 1e9, maxMs: 1e9 });
  assert.deepEqual(candidates(index, 1e9, 2e9).slice(2, 4), ["1: 60 to 70", "1: 50 to 60?"]);
  index.remove(path(1));
  assert.deepEqual(candidates(index, 1e9, 2e9), ["9: 0 to 10?", "8: 0 to 9?"]);
  assert.deepEqual(store.forgotten, [7, 1]);
});

Deno.test("ErrorIndex.learn() makes known what somebody has looked into, piece by piece", () => {
  const store = new MemoryBlocks();
  const index = new ErrorIndex([{ path: path(1), bytes: 30, modifiedAtMs: 0 }], store, LENGTH_MS);
  index.learn(block(1, 20, 30, 60_000));
  // Somebody else at the same time, with another cut; and of a file that is gone.
  index.learn(block(1, 25, 30, 60_000));
  index.learn(block(2, 0, 30, 60_000));
  assert.deepEqual(candidates(index), ["1: 20 to 30", "1: 0 to 20?"]);
  index.learn(block(1, 0, 20, 30_000));
  assert.deepEqual(candidates(index), ["1: 20 to 30", "1: 0 to 20"]);
  assert.deepEqual(candidates(index, 0, 40_000), ["1: 0 to 20"]);
  assert.equal(store.blocks.length, 2);
});

Deno.test("ErrorIndex covers every byte once, whatever is appended, learned and stored", () => {
  fc.assert(fc.property(
    fc.array(
      fc.record({
        kind: fc.constantFrom("append", "close", "learn", "restart"),
        part: fc.integer({ min: 1, max: 3 }),
        bytes: fc.integer({ min: 1, max: BLOCK_BYTES }),
      }),
      { maxLength: 40 },
    ),
    (steps) => {
      const store = new MemoryBlocks();
      const lengths = new Map<number, number>();
      let index = new ErrorIndex([], store, LENGTH_MS);
      for (const { kind, part, bytes } of steps) {
        const length = lengths.get(part) ?? 0;
        if (kind === "append") {
          index.append(path(part), length, length + bytes, { minMs: 0, maxMs: 0 });
          lengths.set(part, length + bytes);
        } else if (kind === "close" && length > 0) {
          index.close(path(part));
        } else if (kind === "learn") {
          const candidate = index.lastBefore({ part, bytes: Infinity }, 0, 1);
          if (candidate?.isKnown !== false) continue;
          const startBytes = Math.max(candidate.startBytes, candidate.endBytes - bytes);
          index.learn({ ...candidate, startBytes, minMs: 0, maxMs: 0 });
        } else if (kind === "restart") {
          const sorted = [...store.blocks].sort((left, right) =>
            left.part - right.part || left.startBytes - right.startBytes
          );
          store.blocks = sorted;
          const files = [...lengths].map(([part, bytes]) => ({
            path: path(part),
            bytes,
            modifiedAtMs: 0,
          }));
          index = new ErrorIndex(files, store, LENGTH_MS);
        }
      }
      const covered = new Map<number, number>();
      let place = NEWEST;
      for (;;) {
        const candidate = index.lastBefore(place, -Infinity, Infinity);
        if (candidate === undefined) break;
        const { part, startBytes, endBytes } = candidate;
        assert.equal(endBytes, covered.has(part) ? place.bytes : lengths.get(part));
        covered.set(part, (covered.get(part) ?? 0) + endBytes - startBytes);
        place = { part, bytes: startBytes };
      }
      assert.deepEqual(new Map([...covered].sort()), new Map([...lengths].sort()));
    },
  ));
});
