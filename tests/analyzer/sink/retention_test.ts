import assert from "node:assert/strict";
import { StorageException } from "../../../analyzer/exceptions.ts";
import { ErrorFiles, type ErrorFilesState } from "../../../analyzer/sink/error_files.ts";
import { ErrorIndex } from "../../../analyzer/sink/error_index.ts";
import { Retention } from "../../../analyzer/sink/retention.ts";
import type { Removal } from "../../../analyzer/sink/window_history.ts";
import { testLimits } from "../../support/limits.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryStorage } from "../../support/memory_storage.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** 2025-05-30T00:00:00Z */
const DAY = 1_748_563_200_000;
const RETENTION_MS = 10 * DAY_MS;
const NOTHING: Removal = { windows: 0, hasMore: false, isHeldBack: false };

function path(part: number, dayMs = DAY): string {
  const date = new Date(dayMs).toISOString().slice(0, 10);
  return `errors/date=${date}/part-${String(part).padStart(6, "0")}.jsonl`;
}

/** A retention, and what it works on; by default no checkpoint wants any file back. */
function setUp(options: {
  readonly open?: ErrorFilesState["open"];
  readonly refuses?: (operation: string) => boolean;
} = {}) {
  const operations: string[] = [];
  const storage = new MemoryStorage((operation) => {
    operations.push(operation);
    if (options.refuses?.(operation)) throw new StorageException(`Cannot ${operation}: no`);
  });
  const clock = new ManualClock({ wallMs: DAY });
  const open = options.open ?? [];
  const checkpoints: ErrorFilesState[] = [{ nextPart: 1000, open }, { nextPart: 1000, open }];
  const removals: Removal[] = [];
  const notices: string[] = [];
  const forgotten: number[] = [];
  const index = new ErrorIndex([], {
    addErrorBlock() {},
    learnErrorBlock() {},
    forgetErrorPart: (part) => void forgotten.push(part),
    errorBlocks: () => [],
  }, MINUTE_MS);
  const state = { nextPart: 1000, open };
  const errors = new ErrorFiles(storage, { ...testLimits(), index }, state, storageRetrier());
  const retention = new Retention({
    retentionMs: RETENTION_MS,
    clock,
    storage,
    errors,
    history: { removeOld: () => removals.shift() ?? NOTHING },
    checkpointedFiles: () => checkpoints,
    notice: (line) => notices.push(line),
  });
  const put = (name: string, modifiedAtMs: number) => {
    storage.set(name, "{}\n");
    storage.touch(name, modifiedAtMs);
  };
  /** Another look, a minute after the one before. */
  const stepAt = async (nowMs: number) => {
    clock.advance(MINUTE_MS);
    return await retention.step(nowMs);
  };
  return {
    ...{ errors, storage, clock, checkpoints, removals, notices, operations, retention },
    forgotten,
    put,
    stepAt,
  };
}

// S-49
Deno.test("Retention removes a part when its day and its last write are both long over", async () => {
  const { storage, put, stepAt, retention, operations, forgotten } = setUp();
  const endMs = DAY + DAY_MS;
  put(path(1), endMs - 1);
  assert.equal(await stepAt(endMs + RETENTION_MS), false);
  assert.deepEqual(storage.paths(), [path(1)]);
  assert.equal(await stepAt(endMs + RETENTION_MS + 1), false);
  assert.deepEqual(storage.paths(), []);
  assert.ok(operations.includes("removeDirectory errors/date=2025-05-30"));
  assert.deepEqual(retention.counts, { files: 1, bytes: 3, windows: 0, refusals: 0 });
  assert.deepEqual(forgotten, [1], "nobody looks for records there any more");
});

// S-49
Deno.test("Retention keeps what was read of an old log for as long as what is new", async () => {
  const { storage, put, stepAt } = setUp();
  const readMs = DAY + 365 * DAY_MS;
  put(path(1), readMs);
  await stepAt(readMs + RETENTION_MS);
  assert.deepEqual(storage.paths(), [path(1)]);
  await stepAt(readMs + RETENTION_MS + 1);
  assert.deepEqual(storage.paths(), []);
});

// S-49
Deno.test("Retention does not wait for the end of a day that is far ahead", async () => {
  const { storage, put, stepAt } = setUp();
  put(path(1, Date.UTC(9000, 0, 1)), DAY);
  await stepAt(DAY + RETENTION_MS);
  assert.equal(storage.paths().length, 1);
  await stepAt(DAY + RETENTION_MS + 1);
  assert.equal(storage.paths().length, 0);
});

// S-49
Deno.test("Retention does not take a clock that was behind for a long time ago", async () => {
  const { storage, put, stepAt } = setUp();
  // Written before the clock of a machine that had just started was set.
  put(path(1), 0);
  for (const nowMs of [1000, DAY, DAY + RETENTION_MS]) await stepAt(nowMs);
  assert.deepEqual(storage.paths(), [path(1)]);
});

// S-51
Deno.test("Retention touches nothing but error files", async () => {
  const { storage, put, stepAt } = setUp();
  const others = [
    "id",
    "windows.db",
    "set_aside/errors-x.jsonl",
    "set_aside/x/errors/date=2020-01-01/part-000001.jsonl",
    "errors/date=2020-01-01/notes.txt",
    "errors/old/part-000001.jsonl",
    "errors/part-000001.jsonl",
    "errors/date=long ago/part-000001.jsonl",
  ];
  for (const other of others) put(other, 0);
  put(path(1), 0);
  await stepAt(DAY + 365 * DAY_MS);
  assert.deepEqual(storage.paths(), others.toSorted());
});

// S-51
Deno.test("Retention leaves what a checkpoint may cut back, and asks for others", async () => {
  const { storage, put, stepAt, checkpoints } = setUp();
  put(path(7), 0);
  const nowMs = DAY + 365 * DAY_MS;
  checkpoints[0] = { nextPart: 8, open: [{ path: path(7), bytes: 0 }] };
  assert.equal(await stepAt(nowMs), true, "the one before names it as open");
  checkpoints[0] = { nextPart: 7, open: [] };
  assert.equal(await stepAt(nowMs), true, "the one before does not know it");
  assert.deepEqual(storage.paths(), [path(7)]);
  checkpoints[0] = { nextPart: 8, open: [] };
  assert.equal(await stepAt(nowMs), false);
  assert.deepEqual(storage.paths(), []);
});

// S-51
Deno.test("Retention closes the part of the writer that nothing was written to for so long", async () => {
  const open = [{ path: path(1), bytes: 3 }];
  const { errors, storage, put, stepAt, checkpoints } = setUp({ open });
  put(path(1), 0);
  const nowMs = DAY + 365 * DAY_MS;
  assert.equal(await stepAt(nowMs), true);
  assert.deepEqual(errors.state().open, [], "the next checkpoint does not name it");
  // As two checkpoints that are saved for it leave them.
  checkpoints.splice(0, 2, { nextPart: 1000, open: [] }, { nextPart: 1000, open: [] });
  assert.equal(await stepAt(nowMs), false);
  assert.deepEqual(storage.paths(), []);
});

// S-51
Deno.test("Retention looks once a minute at most, and when the next file becomes too old", async () => {
  const { put, clock, retention, operations } = setUp();
  const looks = () => operations.filter((operation) => operation.startsWith("list ")).length;
  const dueMs = DAY + DAY_MS + RETENTION_MS;
  put(path(1), 0);
  await retention.step(dueMs - 10 * MINUTE_MS);
  assert.equal(looks(), 1, "at the start");
  clock.advance(10 * MINUTE_MS - 1);
  await retention.step(dueMs - 1);
  assert.equal(looks(), 1);
  clock.advance(1);
  await retention.step(dueMs);
  assert.equal(looks(), 2);
  clock.advance(MINUTE_MS - 1);
  await retention.step(dueMs + MINUTE_MS - 1);
  assert.equal(looks(), 2);
  clock.advance(1);
  await retention.step(dueMs + MINUTE_MS);
  assert.equal(looks(), 3);
  // Nothing is left that could become too old: once an hour is enough for what others put there.
  clock.advance(60 * MINUTE_MS - 1);
  await retention.step(dueMs);
  assert.equal(looks(), 3);
  clock.advance(1);
  await retention.step(dueMs);
  assert.equal(looks(), 4);
});

// S-51
Deno.test("Retention does a little at a time, and goes on at once", async () => {
  const { storage, put, retention, removals } = setUp();
  for (let i = 1; i <= 20; i++) put(path(i), 0);
  removals.push(...Array.from({ length: 50 }, () => ({ ...NOTHING, windows: 50, hasMore: true })));
  const nowMs = DAY + 365 * DAY_MS;
  const left = [];
  for (let i = 0; i < 4; i++) {
    await retention.step(nowMs);
    left.push([storage.paths().length, removals.length]);
  }
  assert.deepEqual(left, [[12, 30], [4, 10], [0, 0], [0, 0]]);
  assert.deepEqual(retention.counts, { files: 20, bytes: 60, windows: 2500, refusals: 0 });
});

Deno.test("Retention waits for windows that are not committed yet", async () => {
  const { retention, removals, clock } = setUp();
  removals.push({ ...NOTHING, hasMore: true }, { ...NOTHING, isHeldBack: true });
  assert.equal(await retention.step(DAY), false);
  assert.equal(removals.length, 1, "it does not ask again in the same step");
  assert.equal(await retention.step(DAY), true, "but in the next one");
  clock.advance(MINUTE_MS);
  removals.push({ ...NOTHING, windows: 3 });
  assert.equal(await retention.step(DAY), false);
  assert.equal(retention.counts.windows, 3);
});

// S-51
Deno.test("Retention tells once of what cannot be removed, goes on, and tries it again", async () => {
  const refused = new Set([`remove ${path(1)}`]);
  const { storage, put, stepAt, notices, retention } = setUp({
    refuses: (operation) => refused.has(operation),
  });
  put(path(1), 0);
  put(path(2), 0);
  const nowMs = DAY + 365 * DAY_MS;
  for (let i = 0; i < 3; i++) assert.equal(await stepAt(nowMs), false);
  assert.deepEqual(storage.paths(), [path(1)]);
  assert.deepEqual(notices, [
    `Cannot remove ${path(1)}: no; it is kept, and tried again every minute`,
  ]);
  assert.equal(retention.counts.refusals, 3);
  refused.clear();
  await stepAt(nowMs);
  assert.deepEqual(storage.paths(), []);
});

// S-51
Deno.test("Retention tells once that it cannot look", async () => {
  const { stepAt, notices, retention } = setUp({
    refuses: (operation) => operation === "list errors",
  });
  for (let i = 0; i < 3; i++) await stepAt(DAY);
  assert.deepEqual(notices, ["Cannot list errors: no; it is kept, and tried again every minute"]);
  assert.equal(retention.counts.refusals, 3);
});

Deno.test("Retention stops for what is no refusal of the storage", async () => {
  const { put, stepAt } = setUp({
    refuses: (operation) => {
      if (operation.startsWith("remove ")) throw new TypeError("a fault of ours");
      return false;
    },
  });
  put(path(1), 0);
  await assert.rejects(() => stepAt(DAY + 365 * DAY_MS), TypeError);
});
