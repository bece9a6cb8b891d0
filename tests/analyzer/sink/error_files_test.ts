import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ErrorFiles,
  type ErrorFilesState,
  NO_ERROR_FILES,
  recoverErrorFiles,
} from "../../../analyzer/sink/error_files.ts";
import type { ErrorIndex } from "../../../analyzer/sink/error_index.ts";
import { BLOCK_BYTES } from "../../../analyzer/sink/write_behind_file.ts";
import { takeMemory } from "../../../analyzer/decode/column_memory.ts";
import { analyzedBatch, type Row } from "../../support/batches.ts";
import { MemoryStorage, StorageFailure } from "../../support/memory_storage.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";
import { testLimits } from "../../support/limits.ts";
import { LENGTH_MS } from "../../support/window_fixtures.ts";

const DAY_MS = 86_400_000;
/** 2025-05-30T00:00:00Z */
const DAY = 1_748_563_200_000;
const NEVER_ROLL = testLimits({ errorFileBytes: 1e9, errorFileAge: 1e9 });
const LIVE = { isLive: true, label: "x" };
const REPLAYABLE = { isLive: false, label: "x" };

const PART_1 = "errors/date=2025-05-30/part-000001.jsonl";
const PART_2 = "errors/date=2025-05-31/part-000002.jsonl";

// S-33
Deno.test("ErrorFiles.append() puts each row under the UTC day of its window", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  await files.append(
    analyzedBatch([
      { time: DAY + DAY_MS - 1, line: "last of the day" },
      { time: DAY + DAY_MS, line: "first of the next" },
      { time: DAY + DAY_MS + 1, line: "second of the next" },
      { time: DAY + DAY_MS - 2, line: "the day again" },
    ]),
    0,
  );
  await files.sync(0);
  files.close();
  assert.deepEqual(contents(storage), {
    [PART_1]: "last of the day\nthe day again\n",
    [PART_2]: "first of the next\nsecond of the next\n",
  });
  assert.equal(storage.openCount, 0);
});

Deno.test("ErrorFiles.append() gives the memory of lines back once, when all of them are durable", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  // The end of one day is copied; the next day begins with as much as is kept where it is.
  const [long, half] = ["x".repeat(BLOCK_BYTES), "y".repeat(BLOCK_BYTES / 2)];
  const analyzed = analyzedBatch([
    { time: DAY, line: "short" },
    { time: DAY + DAY_MS, line: long },
    { time: DAY + DAY_MS, line: half },
  ]);
  const memory = analyzed.batch.errors.lineBytes.buffer;
  // Takes what else there is of that size, too.
  const timesBack = () =>
    Array.from({ length: 20 }, () => takeMemory(memory.byteLength))
      .filter((taken) => taken === memory).length;
  await files.append(analyzed, 0);
  assert.equal(timesBack(), 0);
  await files.sync(0);
  assert.equal(timesBack(), 1);
  assert.deepEqual([storage.text(PART_1), storage.text(PART_2)], ["short\n", `${long}\n${half}\n`]);
});

// S-33
Deno.test("ErrorFiles.append() takes the window's day, not the row's", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  // Windows of 7 s are not aligned to days: this one begins before midnight.
  await files.append(analyzedBatch([{ time: DAY, line: "a" }], { windowLengthMs: 7000 }), 0);
  await files.flush();
  files.close();
  assert.deepEqual(storage.paths(), ["errors/date=2025-05-29/part-000001.jsonl"]);
});

Deno.test("ErrorFiles.append() writes nothing for a batch without errors", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  await files.append(analyzedBatch([{ time: DAY, status: 200 }]), 0);
  await files.append(analyzedBatch([]), 0);
  assert.equal(storage.operationCount, 0);
  assert.deepEqual(files.state(), NO_ERROR_FILES);
});

// S-33
Deno.test("ErrorFiles.append() puts late and future rows into the part written last", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  const closedUpToMs = DAY;
  await files.append(
    analyzedBatch([{ time: DAY + DAY_MS, line: "tomorrow" }], { closedUpToMs }),
    0,
  );
  await files.append(
    analyzedBatch([
      { time: 0, line: "late first" },
      { time: DAY, line: "today" },
      { time: "future", line: "future" },
      { time: DAY - 1, line: "late" },
      { time: DAY + 1, line: "today again" },
    ], { closedUpToMs }),
    0,
  );
  await files.sync(0);
  files.close();
  assert.deepEqual(contents(storage), {
    "errors/date=2025-05-30/part-000002.jsonl": "today\nfuture\nlate\ntoday again\n",
    "errors/date=2025-05-31/part-000001.jsonl": "tomorrow\nlate first\n",
  });
});

// S-33
Deno.test("ErrorFiles.append() puts future rows under the day of the clock where no part is open", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  await files.append(analyzedBatch([{ time: "future", line: "future" }]), DAY + DAY_MS - 1);
  await files.sync(0);
  files.close();
  assert.deepEqual(contents(storage), { [PART_1]: "future\n" });
});

// S-34
Deno.test("ErrorFiles.append() begins a new part once one has the bytes of the bound", async () => {
  const storage = new MemoryStorage();
  const limits = testLimits({ errorFileBytes: 8 });
  const files = new ErrorFiles(
    storage,
    limits,
    NO_ERROR_FILES,
    storageRetrier(),
  );
  for (const line of ["123", "456", "789"]) {
    await files.append(analyzedBatch([{ time: DAY, line }]), 0);
  }
  await files.flush();
  assert.deepEqual(contents(storage), {
    [PART_1]: "123\n456\n",
    "errors/date=2025-05-30/part-000002.jsonl": "789\n",
  });
  assert.equal(storage.openCount, 1, "the full part is closed");
  assert.equal(limits.limitCounter.count("errorFileBytes"), 1);
  files.close();
  storage.crash();
  assert.equal(storage.text(PART_1), "123\n456\n", "the full part is durable");
});

Deno.test("ErrorFiles.sync() keeps a part a byte below the bound open, and closes one at it", async () => {
  for (const [errorFileBytes, open] of [[5, 1], [4, 0]] as const) {
    const storage = new MemoryStorage();
    const files = new ErrorFiles(
      storage,
      testLimits({ errorFileBytes }),
      NO_ERROR_FILES,
      storageRetrier(),
    );
    await files.append(analyzedBatch([{ time: DAY, line: "123" }]), 0);
    await files.sync(0);
    assert.equal(files.state().open.length, open);
    assert.equal(storage.openCount, open);
    files.close();
  }
});

// S-34
Deno.test("ErrorFiles.sync() closes a part at its age, not a millisecond before", async () => {
  const storage = new MemoryStorage();
  const limits = testLimits({ errorFileAge: 1000 });
  const files = new ErrorFiles(
    storage,
    limits,
    NO_ERROR_FILES,
    storageRetrier(),
  );
  await files.append(analyzedBatch([{ time: DAY }]), 5000);
  await files.sync(5000);
  await files.sync(5999);
  assert.equal(files.state().open.length, 1);
  await files.sync(6000);
  assert.deepEqual(files.state(), { nextPart: 2, open: [] });
  assert.equal(limits.limitCounter.count("errorFileAge"), 1);
  assert.equal(storage.openCount, 0);
});

Deno.test("ErrorFiles.sync() lets a part age anew after the clock was set back", async () => {
  const files = new ErrorFiles(
    new MemoryStorage(),
    testLimits({ errorFileAge: 1000 }),
    NO_ERROR_FILES,
    storageRetrier(),
  );
  await files.append(analyzedBatch([{ time: DAY }]), 5000);
  await files.sync(5000);
  await files.sync(100);
  await files.sync(1099);
  assert.equal(files.state().open.length, 1);
  await files.sync(1100);
  assert.equal(files.state().open.length, 0);
});

Deno.test("ErrorFiles.sync() lets a restored part age anew, and go on being written", async () => {
  const storage = new MemoryStorage();
  storage.set(PART_1, "old\n");
  const files = new ErrorFiles(
    storage,
    testLimits({ errorFileAge: 1000 }),
    { nextPart: 2, open: [{ path: PART_1, bytes: 4 }] },
    storageRetrier(),
  );
  await files.sync(50_000);
  await files.append(analyzedBatch([{ time: "future", line: "new" }]), 50_000);
  await files.sync(50_999);
  assert.equal(storage.text(PART_1), "old\nnew\n");
  assert.deepEqual(files.state(), { nextPart: 2, open: [{ path: PART_1, bytes: 8 }] });
  await files.sync(51_000);
  assert.deepEqual(files.state(), { nextPart: 2, open: [] });
});

// S-34
Deno.test("ErrorFiles.append() keeps four parts open, and closes the one written least recently", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  const append = async (day: number) => {
    await files.append(analyzedBatch([{ time: DAY + day * DAY_MS, line: `${day}` }]), 0);
    await files.flush();
  };
  for (const day of [0, 1, 2, 3]) await append(day);
  assert.equal(storage.openCount, 4);
  await append(0);
  await append(4);
  assert.equal(storage.openCount, 4);
  assert.deepEqual(
    files.state().open.map(({ path }) => path.slice(-"00/part-000000.jsonl".length, -6)),
    ["01/part-000003", "02/part-000004", "30/part-000001", "03/part-000005"],
  );
  files.close();
  storage.crash();
  assert.equal(storage.text(PART_2), "1\n", "the closed part is durable");
});

Deno.test("ErrorFiles.state() is what another ErrorFiles goes on from", async () => {
  const storage = new MemoryStorage();
  const first = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  await first.append(
    analyzedBatch([{ time: DAY + DAY_MS, line: "a" }, { time: DAY, line: "b" }]),
    0,
  );
  const state = first.state();
  await first.sync(0);
  first.close();
  assert.deepEqual(state, {
    nextPart: 3,
    open: [
      { path: "errors/date=2025-05-31/part-000001.jsonl", bytes: 2 },
      { path: "errors/date=2025-05-30/part-000002.jsonl", bytes: 2 },
    ],
  });

  const second = new ErrorFiles(storage, NEVER_ROLL, structuredClone(state), storageRetrier());
  assert.deepEqual(second.state(), state);
  await second.append(analyzedBatch([{ time: "future", line: "written last" }]), 0);
  await second.append(analyzedBatch([{ time: DAY + 2 * DAY_MS, line: "new" }]), 0);
  await second.sync(0);
  second.close();
  assert.deepEqual(contents(storage), {
    "errors/date=2025-05-30/part-000002.jsonl": "b\nwritten last\n",
    "errors/date=2025-05-31/part-000001.jsonl": "a\n",
    "errors/date=2025-06-01/part-000003.jsonl": "new\n",
  });
});

Deno.test("ErrorFiles.flush() lets others see what was appended, without making it durable", async () => {
  const storage = new MemoryStorage();
  const files = new ErrorFiles(storage, NEVER_ROLL, NO_ERROR_FILES, storageRetrier());
  await files.append(analyzedBatch([{ time: DAY, line: "a" }]), 0);
  await files.append(analyzedBatch([{ time: DAY, line: "b" }]), 0);
  assert.equal(storage.text(PART_1), undefined);
  await files.flush();
  assert.equal(storage.text(PART_1), "a\nb\n");
  files.close();
  storage.crash();
  assert.equal(storage.text(PART_1), undefined);
});

/** Files as a run left them that was at `STATE` when it saved its last checkpoint. */
function leftBehind(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.set("errors/date=2025-05-29/part-000001.jsonl", "final\n");
  storage.set("errors/date=2025-05-30/part-000002.jsonl", "kept\ncut\n");
  storage.set("errors/date=2025-05-31/part-000003.jsonl", "begun later\n");
  storage.set("errors/date=2025-05-31/part-000004.jsonl", "");
  storage.set("errors/notes.txt", "somebody's own");
  return storage;
}

const KEPT = "errors/date=2025-05-30/part-000002.jsonl";
const STATE: ErrorFilesState = { nextPart: 3, open: [{ path: KEPT, bytes: 5 }] };
const RECOVERED = {
  "errors/date=2025-05-29/part-000001.jsonl": "final\n",
  [KEPT]: "kept\n",
  "errors/notes.txt": "somebody's own",
};

// S-39
Deno.test("recoverErrorFiles() sets the tail of a live source aside", async () => {
  const storage = leftBehind();
  const { state, cut } = await recoverErrorFiles(storage, STATE, LIVE);
  assert.deepEqual(state, STATE);
  assert.deepEqual(cut, { lines: 2, setAsidePath: "set_aside/errors-x.jsonl" });
  storage.crash();
  assert.deepEqual(contents(storage), {
    ...RECOVERED,
    "set_aside/errors-x.jsonl": "cut\nbegun later\n",
  });
  assert.equal(storage.openCount, 0);
});

// S-39
Deno.test("recoverErrorFiles() drops the tail of a replayable source", async () => {
  const storage = leftBehind();
  const { state, cut } = await recoverErrorFiles(storage, STATE, REPLAYABLE);
  assert.deepEqual(state, STATE);
  assert.deepEqual(cut, { lines: 2, setAsidePath: undefined });
  storage.crash();
  assert.deepEqual(contents(storage), RECOVERED);
});

Deno.test("recoverErrorFiles() changes nothing where nothing follows the checkpoint", async () => {
  for (const options of [LIVE, REPLAYABLE]) {
    const storage = new MemoryStorage();
    storage.set(KEPT, "kept\n");
    assert.deepEqual(await recoverErrorFiles(storage, STATE, options), {
      state: STATE,
      cut: undefined,
    });
    assert.deepEqual(contents(storage), { [KEPT]: "kept\n" });
  }
  const empty = new MemoryStorage();
  assert.deepEqual(await recoverErrorFiles(empty, NO_ERROR_FILES, LIVE), {
    state: NO_ERROR_FILES,
    cut: undefined,
  });
});

Deno.test("recoverErrorFiles() counts half a line as one, and ends it where it is set aside", async () => {
  const storage = new MemoryStorage();
  storage.set(KEPT, "kept\ncut\nhalf a li");
  storage.set("errors/date=2025-05-31/part-000003.jsonl", "begun later\n");
  const { cut } = await recoverErrorFiles(storage, STATE, LIVE);
  assert.equal(cut?.lines, 3);
  assert.equal(storage.text("set_aside/errors-x.jsonl"), "cut\nhalf a li\nbegun later\n");
});

// S-39
Deno.test("recoverErrorFiles() leaves a part that somebody shortened or removed to them", async () => {
  for (const left of [undefined, "", "kept"]) {
    const storage = new MemoryStorage();
    if (left !== undefined) storage.set(KEPT, left);
    const { state, cut } = await recoverErrorFiles(storage, STATE, LIVE);
    assert.deepEqual(state, { nextPart: 3, open: [] });
    assert.equal(cut, undefined);

    const files = new ErrorFiles(storage, NEVER_ROLL, state, storageRetrier());
    await files.append(analyzedBatch([{ time: DAY, line: "new" }]), 0);
    await files.sync(0);
    files.close();
    assert.deepEqual(contents(storage), {
      ...(left === undefined ? {} : { [KEPT]: left }),
      "errors/date=2025-05-30/part-000003.jsonl": "new\n",
    });
  }
});

/** A step of a run: rows appended, or a checkpoint. */
type Step = readonly Row[] | "checkpoint";

const SMALL_PARTS = testLimits({ errorFileBytes: 40, errorFileAge: 4 });

/** Rolls by size and by age, several days, late and future rows. */
const STEPS: readonly Step[] = [
  [{ time: DAY, line: "a1" }, { time: DAY + DAY_MS, line: "a2" }],
  "checkpoint",
  [{ time: 0, line: "late 1" }, { time: "future", line: "future 1" }],
  [{ time: DAY, line: "a line that fills the part of its day at once" }],
  [{ time: DAY, line: "b1" }],
  "checkpoint",
  [{ time: DAY + DAY_MS, line: "b2" }, { time: DAY, line: "b3" }],
  [{ time: DAY + 2 * DAY_MS, line: "c1" }, { time: DAY + 3 * DAY_MS, line: "c2" }],
  [{ time: DAY + 4 * DAY_MS, line: "c3" }, { time: "future", line: "future 2" }],
  "checkpoint",
  [{ time: DAY, line: "d1" }],
  "checkpoint",
  "checkpoint",
  [{ time: DAY + DAY_MS, line: "e1" }, { time: DAY, line: "e2" }],
  "checkpoint",
];

/** What a run saves with each checkpoint, in the same storage. */
interface Saved {
  readonly stepCount: number;
  readonly files: ErrorFilesState;
}

async function run(storage: MemoryStorage, steps: readonly Step[], saved: Saved): Promise<void> {
  const files = new ErrorFiles(storage, SMALL_PARTS, saved.files, storageRetrier());
  try {
    for (let i = saved.stepCount; i < steps.length; i++) {
      const step = steps[i]!;
      if (step !== "checkpoint") {
        await files.append(analyzedBatch(step, { closedUpToMs: DAY }), i);
        continue;
      }
      await files.sync(i);
      const next: Saved = { stepCount: i + 1, files: files.state() };
      await storage.replace("saved", new TextEncoder().encode(JSON.stringify(next)));
    }
  } finally {
    files.close();
  }
}

/** Runs until the storage fails; false where it did not. */
async function runsIntoFailure(operation: () => Promise<unknown>): Promise<boolean> {
  try {
    await operation();
    return false;
  } catch (exception) {
    if (exception instanceof StorageFailure) return true;
    throw exception;
  }
}

function savedIn(storage: MemoryStorage): Saved {
  const text = storage.text("saved");
  return text === undefined ? { stepCount: 0, files: NO_ERROR_FILES } : JSON.parse(text);
}

for (const end of ["kill", "crash"] as const) {
  for (const options of [LIVE, REPLAYABLE]) {
    const name = `${end}, ${options.isLive ? "live" : "replayable"}`;

    Deno.test(`ErrorFiles hold the lines of the checkpoint after any failure (${name})`, async () => {
      for (let failAt = 1;; failAt++) {
        const storage = new MemoryStorage();
        storage.failAt(failAt);
        const hasFailed = await runsIntoFailure(() => run(storage, STEPS, savedIn(storage)));
        assert.equal(storage.openCount, 0);
        storage[end]();
        const before = linesIn(storage, "errors/");

        const saved = savedIn(storage);
        const { state, cut } = await recoverErrorFiles(storage, saved.files, options);
        assert.deepEqual(state, saved.files, "every open part is still there");
        assert.deepEqual(
          linesIn(storage, "errors/"),
          linesOf(STEPS.slice(0, saved.stepCount)),
          `lines after failure ${failAt}`,
        );
        const setAside = linesIn(storage, "set_aside/");
        assert.equal(cut?.lines ?? 0, before.length - linesIn(storage, "errors/").length);
        assert.equal(setAside.length, options.isLive ? cut?.lines ?? 0 : 0);

        await run(storage, STEPS, { ...saved, files: state });
        assert.deepEqual(linesIn(storage, "errors/"), linesOf(STEPS));
        if (!hasFailed) {
          assert.ok(failAt > 40, "the run does many operations");
          break;
        }
      }
    });
  }
}

Deno.test("recoverErrorFiles() can fail anywhere, and be done again", async () => {
  for (const options of [LIVE, REPLAYABLE]) {
    for (let failAt = 1;; failAt++) {
      const storage = leftBehind();
      storage.failAt(failAt);
      const hasFailed = await runsIntoFailure(() => recoverErrorFiles(storage, STATE, options));
      assert.equal(storage.openCount, 0);
      storage.crash();
      await recoverErrorFiles(storage, STATE, options);
      storage.crash();
      const { "set_aside/errors-x.jsonl": setAside = "", ...rest } = contents(storage);
      assert.deepEqual(rest, RECOVERED);
      // A line may be set aside twice; none is lost.
      const lines = new Set(setAside.split("\n").filter((line) => line !== ""));
      assert.deepEqual([...lines].sort(), options.isLive ? ["begun later", "cut"] : []);
      if (!hasFailed) break;
    }
  }
});

// S-32, S-33
Deno.test("ErrorFiles hold each line once under the day of its window, whatever comes", async () => {
  const row = fc.record({
    time: fc.oneof(
      fc.constant("future" as const),
      fc.integer({ min: DAY - DAY_MS, max: DAY + 6 * DAY_MS }),
    ),
    status: fc.constantFrom(200, 404, 500),
  });
  const step = fc.oneof(fc.array(row, { maxLength: 6 }), fc.constant("checkpoint" as const));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (shapes) => {
      let count = 0;
      const steps = shapes.map((shape): Step =>
        shape === "checkpoint"
          ? shape
          : shape.map((row) => ({ ...row, line: lineOf(row, count++) }))
      );
      const storage = new MemoryStorage();
      await run(storage, [...steps, "checkpoint"], savedIn(storage));
      assert.equal(storage.openCount, 0);
      assert.deepEqual(linesIn(storage, "errors/"), linesOf(steps));
      for (const path of storage.paths()) {
        const dates = storage.text(path)!.match(/^on time \S+/gm) ?? [];
        for (const date of dates) assert.ok(path.includes(`date=${date.slice(8)}/`), path);
      }
    }),
  );
});

function lineOf({ time }: { readonly time: number | "future" }, id: number): string {
  if (time === "future" || time < DAY) return `elsewhere ${id}`;
  return `on time ${new Date(time).toISOString().slice(0, 10)} ${id}`;
}

/** Lines of the error rows of some steps, sorted. */
function linesOf(steps: readonly Step[]): string[] {
  return steps
    .flatMap((step) => step === "checkpoint" ? [] : step)
    .filter(({ status = 404 }) => status >= 400)
    .map(({ line }) => line!)
    .sort();
}

/** Lines of all files below a directory, sorted; a torn one counts. */
function linesIn(storage: MemoryStorage, directory: string): string[] {
  return storage.paths()
    .filter((path) => path.startsWith(directory))
    .flatMap((path) => storage.text(path)!.split("\n"))
    .filter((line) => line !== "")
    .sort();
}

function contents(storage: MemoryStorage): Record<string, string> {
  return Object.fromEntries(storage.paths().map((path) => [path, storage.text(path)!]));
}

// S-65
Deno.test("ErrorFiles.append() tells its index where which times are, late and future ones too", async () => {
  const storage = new MemoryStorage();
  const appended: string[] = [];
  const index = {
    append: (path: string, start: number, end: number, { minMs, maxMs }: Times) =>
      void appended.push(
        `${path.slice(-11, -6)}: ${start} to ${end}, ${minMs - DAY} to ${maxMs - DAY}`,
      ),
    close: (path: string) => void appended.push(`${path.slice(-11, -6)} closed`),
    remove: () => {},
  } as unknown as ErrorIndex;
  const options = { ...testLimits({ errorFileBytes: 40 }), index };
  const files = new ErrorFiles(storage, options, NO_ERROR_FILES, storageRetrier());
  await files.append(
    analyzedBatch([
      { time: DAY, line: "12345" },
      { time: DAY + LENGTH_MS, line: "12345" },
      { time: DAY + DAY_MS, line: "12345" },
      { time: DAY + 2, line: "12345" },
    ], { closedUpToMs: DAY + LENGTH_MS }),
    DAY,
  );
  const future = JSON.stringify({
    timestamp: new Date(DAY + 5 * DAY_MS).toISOString(),
    ip: "192.0.2.1",
    method: "GET",
    url: "/",
    status: 404,
  });
  await files.append(analyzedBatch([{ time: "future", line: future }]), DAY);
  await files.append(analyzedBatch([{ time: "future", line: "no record" }]), DAY);
  await files.sync(DAY);
  files.close();
  const [last] = [8.64e15 - DAY];
  const length = future.length + 1;
  assert.deepEqual(appended, [
    `00001: 0 to 12, 0 to ${LENGTH_MS}`,
    `00002: 0 to 12, 0 to ${DAY_MS}`,
    `00002: 12 to ${12 + length}, ${5 * DAY_MS} to ${5 * DAY_MS}`,
    "00002 closed",
    `00003: 0 to 10, ${last} to ${last}`,
  ]);
});

interface Times {
  readonly minMs: number;
  readonly maxMs: number;
}
