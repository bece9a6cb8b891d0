import type { ErrorColumns } from "./record_batch.ts";

/*
 * Columns come and go with every batch, some hundred times a second. Made anew, their memory would
 * be filled with zeros that nobody reads, and wait for a collection of garbage that sees how little
 * the objects take and not how much lies behind them. So whoever is done with a batch says so, and
 * the next one is made of the same memory.
 */

/** Memory that is free, in no order. */
const free: ArrayBuffer[] = [];
let freeBytes = 0;

/** Less than that is not worth keeping. */
const SMALL_BYTES = 4096;

/** As much as a few batches of nothing but errors have; what comes back beyond that is freed. */
const FREE_BYTES_MAX = 8 * 1024 * 1024;

/** Memory of at least so many bytes, whatever is in it. */
export function takeMemory(bytesMin: number): ArrayBuffer {
  // Nothing that small is kept.
  if (2 * bytesMin < SMALL_BYTES) return new ArrayBuffer(bytesMin);
  let best = -1;
  for (let i = 0; i < free.length; i++) {
    const { byteLength } = free[i]!;
    // One that is much too large would be missed by whoever needs it.
    if (byteLength < bytesMin || byteLength > 2 * bytesMin) continue;
    if (best < 0 || byteLength < free[best]!.byteLength) best = i;
  }
  if (best < 0) return new ArrayBuffer(bytesMin);
  const memory = free[best]!;
  const last = free.pop()!;
  if (best < free.length) free[best] = last;
  freeBytes -= memory.byteLength;
  return memory;
}

/** Takes back the memory of a batch that nobody reads any more, but for that of its lines. */
export function giveBackColumns({ urlBytes, ipHashes }: ErrorColumns): void {
  for (const { buffer } of [urlBytes, ipHashes]) giveBack(buffer as ArrayBuffer);
}

/** Takes back that of the lines, which may be needed for longer. */
export function giveBackLines({ lineBytes }: ErrorColumns): void {
  giveBack(lineBytes.buffer as ArrayBuffer);
}

function giveBack(memory: ArrayBuffer): void {
  const { byteLength } = memory;
  if (byteLength < SMALL_BYTES) return;
  if (freeBytes + byteLength > FREE_BYTES_MAX) {
    // It is free at once then, for everybody.
    memory.transfer(0);
    return;
  }
  free.push(memory);
  freeBytes += byteLength;
}
