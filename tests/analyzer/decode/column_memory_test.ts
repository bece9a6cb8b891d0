import assert from "node:assert/strict";
import {
  giveBackColumns,
  giveBackLines,
  takeMemory,
} from "../../../analyzer/decode/column_memory.ts";
import type { ErrorColumns } from "../../../analyzer/decode/record_batch.ts";

const MEBIBYTE = 1024 * 1024;

/** Columns of which only the memory counts. */
function columns(lineBytes: ArrayBuffer, ...others: ArrayBuffer[]): ErrorColumns {
  const [urlBytes = new ArrayBuffer(0), hashes = new ArrayBuffer(0)] = others;
  return {
    count: 0,
    windowIndexes: new Uint16Array(hashes),
    statuses: new Uint16Array(hashes),
    ipHashes: new Int32Array(hashes),
    urlHashes: new Int32Array(hashes),
    urlOffsets: new Uint32Array(hashes),
    lineOffsets: new Uint32Array(hashes),
    urlBytes: new Uint8Array(urlBytes),
    lineBytes: new Uint8Array(lineBytes),
  };
}

/** Takes whatever is there of such a size, so that a test begins with nothing of it. */
function drain(bytes: number): void {
  while (new Uint8Array(takeMemory(bytes)).some((byte) => byte !== 0));
}

Deno.test("takeMemory() takes what was given back: the smallest that will do, and none that is much too large", () => {
  const [small, middle, large] = [40_000, 60_000, 200_000].map((bytes) => {
    drain(bytes);
    const memory = takeMemory(bytes);
    new Uint8Array(memory).fill(1);
    return memory;
  });
  const given = columns(large!, small!, middle!);
  giveBackColumns(given);
  assert.equal(takeMemory(36_000), small);
  assert.equal(takeMemory(36_000), middle);
  assert.notEqual(takeMemory(36_000), large);
  assert.notEqual(takeMemory(200_000), large);
  giveBackLines(given);
  assert.equal(takeMemory(200_000), large);
  assert.notEqual(takeMemory(200_000), large);
});

Deno.test("giveBackLines() keeps no more than a few batches have, and frees the rest at once", () => {
  const given = Array.from({ length: 20 }, () => new ArrayBuffer(MEBIBYTE));
  for (const memory of given) giveBackLines(columns(memory));
  const kept = given.filter((memory) => !memory.detached);
  assert.ok(kept.length > 0 && kept.length <= 8, `${kept.length} MiB`);
  for (let i = 0; i < kept.length; i++) assert.ok(kept.includes(takeMemory(MEBIBYTE)));
  assert.ok(!kept.includes(takeMemory(MEBIBYTE)));
});

Deno.test("giveBackLines() leaves alone what is too small to be worth keeping", () => {
  const tiny = new ArrayBuffer(64);
  giveBackLines(columns(tiny));
  assert.equal(tiny.detached, false);
  assert.notEqual(takeMemory(64), tiny);
});
