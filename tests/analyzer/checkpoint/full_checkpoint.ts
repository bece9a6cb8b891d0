import type { Checkpoint } from "../../../analyzer/checkpoint/checkpoint.ts";
import { encodeKeyRecord } from "../../../analyzer/delivery/key_record.ts";
import { DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { HeavyHitters } from "../../../analyzer/sketch/heavy_hitters.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { checkpoint } from "./checkpoints.ts";

const FILE = { device: 1, inode: 2, hashedBytes: 3, hash: "ab", modifiedAtMs: 0.5 };

/** A checkpoint that has everything which one may have. */
export const FULL: Checkpoint = checkpoint(3, {
  watermark: {
    timeMs: -Infinity,
    eventTimeMaxMs: 5,
    inputs: [{ inputId: "-", isLive: true, isComplete: false, eventTimeMaxMs: -Infinity }],
  },
  windows: {
    closedUpToMs: -Infinity,
    windows: [{
      startMs: -30_000,
      totalCount: 2,
      statuses: [{
        status: 404,
        errorCount: 1,
        ips: new DistinctCounter().toBytes(),
        urls: new HeavyHitters(3).toBytes(),
        urlsTotal: new DistinctCounter().toBytes(),
      }],
    }],
  },
  totals: { ...emptyTotals(), errorsByStatus: new Map([[404, 1]]) },
  errorFiles: {
    nextPart: 2,
    open: [{ path: "errors/date=2025-05-30/part-000001.jsonl", bytes: 9 }],
  },
  positions: new Map([["file:a", {
    offsetBytes: 1,
    file: FILE,
    passed: [{ file: FILE, offsetBytes: Infinity }],
    csvLayout: { fieldCount: 6, columns: [5, 0, 1, 2, 3] },
  }]]),
  sources: [{ name: "file:a", firstStartedAtMs: 0, file: FILE, passed: [] }],
  deliveryKeys: [encodeKeyRecord({
    key: "k",
    usedAtMs: 1,
    isComplete: true,
    headHash: [1, 2],
    csvLayout: undefined,
    totals: emptyTotals(),
  })],
});
