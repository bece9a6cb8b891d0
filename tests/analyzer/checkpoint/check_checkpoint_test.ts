import assert from "node:assert/strict";
import { checkCheckpoint } from "../../../analyzer/checkpoint/check_checkpoint.ts";
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

Deno.test("checkCheckpoint() takes what a run writes, with all there may be or with nothing", () => {
  checkCheckpoint(FULL);
  checkCheckpoint(checkpoint(0));
});

Deno.test("checkCheckpoint() names each field that is missing or of another kind", () => {
  // Of every value in the checkpoint, and everything that it must not be instead.
  const wrongValues = [undefined, null, true, "x", NaN, -1.5, Infinity, {}, [], Symbol("x")];
  let count = 0;
  for (const path of pathsOf(FULL)) {
    for (const wrong of wrongValues) {
      const changed = withValue(FULL, path, wrong);
      if (isAllowed(path, wrong)) {
        checkCheckpoint(changed);
        continue;
      }
      const place = `${path.join(".")} = ${String(wrong)}`;
      assert.throws(() => checkCheckpoint(changed), SyntaxError, place);
      count++;
    }
  }
  assert.ok(count > 400);
});

Deno.test("checkCheckpoint() refuses values that no run can have", () => {
  const { windows, totals, errorFiles } = FULL;
  const window = windows.windows[0]!;
  const changes: readonly [Partial<Record<keyof Checkpoint, unknown>>, RegExp][] = [
    [
      { windows: { ...windows, windows: [window, window] } },
      /windows\[1\]\.startMs cannot be -30000/,
    ],
    [{ windows: { ...windows, windows: [{ ...window, startMs: 1 }] } }, /startMs cannot be 1$/],
    [{ windows: { ...windows, closedUpToMs: 8.7e15 } }, /closedUpToMs/],
    [{ totals: { ...totals, errorsByStatus: new Map([["404", 1]]) } }, /errorsByStatus/],
    [{ totals: { ...totals, malformed: {} } }, /malformed\.invalid_utf8 cannot be undefined/],
    [
      {
        errorFiles: {
          ...errorFiles,
          open: [{ path: "errors/date=../../x/part-1.jsonl", bytes: 0 }],
        },
      },
      /errorFiles\.open\[0\]\.path cannot be errors\/date=/,
    ],
    [{ deliveryKeys: ["k [1]"] }, /deliveryKeys\[0\] is damaged/],
    [{ positions: new Map([[1, {}]]) }, /positions/],
    [{ epoch: "x".repeat(1000) }, /^.{1,100}$/],
  ];
  for (const [change, message] of changes) {
    assert.throws(() => checkCheckpoint({ ...FULL, ...change }), { name: "SyntaxError", message });
  }
});

type Path = readonly (string | number)[];

/** The way to every value of a checkpoint, maps and bytes as values of their own. */
function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (value instanceof Uint8Array || typeof value !== "object" || value === null) return;
  if (value instanceof Map) {
    for (const [key, element] of value) yield* pathsOf(element, [...path, key]);
  } else {
    for (const [key, element] of Object.entries(value)) yield* pathsOf(element, [...path, key]);
  }
}

function withValue(value: unknown, [key, ...rest]: Path, wrong: unknown): unknown {
  if (key === undefined) return wrong;
  if (value instanceof Map) return new Map(value).set(key, withValue(value.get(key), rest, wrong));
  const inner = (value as Record<string, unknown>)[key];
  const changed = withValue(inner, rest, wrong);
  if (!Array.isArray(value)) return { ...value as object, [key]: changed };
  return value.map((element, i) => i === Number(key) ? changed : element);
}

/** What is right all the same: other text, an empty list, what may be missing, a fraction. */
function isAllowed(path: Path, value: unknown): boolean {
  const name = String(path.at(-1));
  if (typeof value === "string") {
    return ["outputId", "inputId", "name", "hash"].includes(name);
  }
  if (Array.isArray(value)) {
    return ["inputs", "windows", "statuses", "open", "passed", "sources", "deliveryKeys"]
      .includes(name) && !(name === "windows" && path.length === 1);
  }
  if (value === undefined) {
    return ["file", "passed", "csvLayout", "modifiedAtMs", "deliveryKeys"].includes(name) &&
      !(name === "file" && path.includes("passed"));
  }
  if (value === Infinity) return name === "offsetBytes" && path.includes("passed");
  if (typeof value === "number" && !Number.isNaN(value)) {
    return ["modifiedAtMs", "device", "inode", "timeMs", "eventTimeMaxMs"].includes(name) ||
      name === "firstStartedAtMs" || name === "closedUpToMs";
  }
  return typeof value === "boolean" && (name === "isLive" || name === "isComplete");
}
