import assert from "node:assert/strict";
import { checkCheckpoint } from "../../../analyzer/checkpoint/check_checkpoint.ts";
import type { Checkpoint } from "../../../analyzer/checkpoint/checkpoint.ts";
import { checkpoint } from "./checkpoints.ts";
import { FULL } from "./full_checkpoint.ts";

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
