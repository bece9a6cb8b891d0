import assert from "node:assert/strict";
import { StorageRetrier, type StorageRetrierOptions } from "../../analyzer/sink/storage_retrier.ts";
import { ManualClock } from "./manual_clock.ts";

/** A retrier that has nobody to tell: by default a test fails where the storage refuses anything. */
export function storageRetrier(options: Partial<StorageRetrierOptions> = {}): StorageRetrier {
  return new StorageRetrier({
    clock: new ManualClock(),
    signal: new AbortController().signal,
    notice: (line) => assert.fail(line),
    ...options,
  });
}
