import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { checkpoint } from "../analyzer/checkpoint/checkpoints.ts";
import { TemporaryDirectory } from "../end_to_end/support.ts";
import {
  checkBeginnings,
  checkConserved,
  checkResults,
  checkSetAside,
  checkSteps,
} from "./checks.ts";
import { findUnreached, runCrashes } from "./crash_run.ts";
import { type Disk, EMPTY_DISK, tailsOf } from "./disk.ts";
import { momentOf } from "./kill.ts";

// S-36, S-37, S-39, S-44, S-45
Deno.test("analyze leaves what an undisturbed run leaves, killed 50 times at random", async () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`seed ${seed}`);
  const report = await runCrashes({ runs: 50, seed });
  assert.deepEqual(findUnreached(report), []);
});

// What follows holds the test itself to what it says: one that finds nothing proves nothing.

const PART_1 = "errors/date=2025-05-30/part-000001.jsonl";
const PART_2 = "errors/date=2025-05-31/part-000002.jsonl";

/** The end of the last window that the checkpoint counts as closed. */
const CLOSED_UP_TO_MS = Date.parse("2025-05-30T23:59:00Z");

/** A killed run: ten bytes of its first part are in the checkpoint. */
const KILLED: Disk = {
  ...EMPTY_DISK,
  checkpoint: checkpoint(7, {
    windows: { closedUpToMs: CLOSED_UP_TO_MS, windows: [] },
    errorFiles: { nextPart: 2, open: [{ path: PART_1, bytes: 10 }] },
  }),
  errorFiles: new Map([[PART_1, Buffer.from('{"line":1}\n{"line":2}\n').subarray(1)]]),
};

Deno.test("tailsOf() gives what came after the checkpoint, new files and half lines included", () => {
  const finished = {
    ...KILLED,
    checkpoint: checkpoint(7, { errorFiles: { nextPart: 2, open: [] } }),
  };
  const errorFiles = new Map([...KILLED.errorFiles, [PART_2, Buffer.from('{"li')]]);
  const textsOf = (disk: Disk) => tailsOf(disk).map(String);
  assert.deepEqual(textsOf(EMPTY_DISK), []);
  assert.deepEqual(textsOf(KILLED), ['{"line":2}\n']);
  assert.deepEqual(textsOf(finished), []);
  assert.deepEqual(textsOf({ ...KILLED, errorFiles }), ['{"line":2}\n', '{"li']);
  // Before the first checkpoint everything is new.
  assert.equal(tailsOf({ ...KILLED, checkpoint: undefined }).length, 1);
});

Deno.test("momentOf() tells where a kill has hit", () => {
  const idle = { ...KILLED, errorFiles: new Map() };
  const printed = (end: string) => JSON.stringify({ end }) + '\n{"end":"20';
  const moments = {
    first: momentOf(EMPTY_DISK, EMPTY_DISK, ""),
    starting: momentOf(KILLED, KILLED, ""),
    recovered: momentOf(KILLED, idle, ""),
    rolledBack: momentOf({ ...idle, laterRows: "3 wal" }, idle, ""),
    asideOnly: momentOf(KILLED, { ...KILLED, setAside: ["a file"] }, ""),
    nothingNew: momentOf(idle, idle, printed("2025-05-30T23:59:00Z")),
    printedOnly: momentOf(idle, idle, printed("2025-05-30T23:59:00.100Z")),
    written: momentOf(idle, KILLED, ""),
    committed: momentOf(KILLED, { ...KILLED, laterRows: "3 wal" }, ""),
    begun: momentOf(KILLED, { ...KILLED, laterRows: "3 wal", begun: ["a file"] }, ""),
    // What an earlier kill left is no sign of where this one has hit.
    stale: momentOf(
      { ...KILLED, laterRows: "3 wal", begun: ["a file"] },
      { ...KILLED, laterRows: "3 wal", begun: ["a file"] },
      "",
    ),
  };
  assert.deepEqual(moments, {
    first: "before the first checkpoint",
    starting: "while starting",
    recovered: "in recovery or right behind it",
    rolledBack: "in recovery or right behind it",
    asideOnly: "in recovery or right behind it",
    nothingNew: "between two checkpoints, no sign of newer work",
    printedOnly: "between two checkpoints, newer work lost",
    written: "between two checkpoints, newer work lost",
    committed: "in the middle of one, windows committed",
    begun: "in the middle of one, its file begun",
    stale: "while starting",
  });
});

Deno.test("findUnreached() names what many kills have never hit, and nothing of few", () => {
  const report = (runs: number) => ({
    options: { runs, seed: 1 },
    campaigns: {
      file: [campaign("between two checkpoints, newer work lost")],
      tcp: [campaign("in the middle of one, its file begun")],
    },
    seconds: 1,
  });
  const campaign = (moment: ReturnType<typeof momentOf>) => ({
    name: "lines",
    lineCount: 1,
    kills: [{ aim: "work" as const, moment }],
    setAside: { lines: 0, files: 0 },
  });
  assert.deepEqual(findUnreached(report(49)), []);
  assert.deepEqual(findUnreached(report(50)), [
    "no kill over file fell in the middle of a checkpoint",
    "no kill over tcp fell between two checkpoints",
  ]);
});

Deno.test("checkSteps() finds damage, a step back, and a checkpoint ahead of its errors", () => {
  checkSteps(EMPTY_DISK, KILLED);
  checkSteps(KILLED, KILLED);
  assert.throws(() => checkSteps(KILLED, { ...KILLED, damages: ["checkpoint-0.jsonl: cut"] }));
  assert.throws(() => checkSteps(KILLED, { ...KILLED, checkpoint: checkpoint(6) }));
  assert.throws(() => checkSteps(KILLED, EMPTY_DISK));
  assert.throws(() => checkSteps(EMPTY_DISK, { ...KILLED, errorFiles: new Map() }));
});

Deno.test("checkBeginnings() finds an error that is missing, twice, or in another file", () => {
  const whole = disk({ [PART_1]: "a\nb\nc\n" });
  for (const text of ["", "a\n", "a\nb", "a\nb\nc\n"]) {
    checkBeginnings(disk({ [PART_1]: text }), whole);
  }
  for (const text of ["b\n", "a\na\n", "a\nb\nc\nd\n"]) {
    assert.throws(() => checkBeginnings(disk({ [PART_1]: text }), whole));
  }
  assert.throws(() => checkBeginnings(disk({ [PART_2]: "a\n" }), whole));
});

Deno.test("checkConserved() finds windows, errors or lines that nothing counts", () => {
  const totals = {
    ...checkpoint(3).totals,
    ...{ lines: 5, errors: 2, inWindows: 4, errorsInWindows: 1 },
  };
  const whole = { ...disk({ [PART_1]: "a\nb\n" }), checkpoint: checkpoint(3, { totals }) };
  const windows = ['{"total_count":3,"error_count":0}', '{"total_count":1,"error_count":1}'];
  const status = '{"status":404,"error_count":1}';
  checkConserved({ disk: whole, windows: [...windows, status] }, 5);
  assert.throws(() => checkConserved({ disk: whole, windows }, 6));
  assert.throws(() => checkConserved({ disk: whole, windows: [] }, 5));
  const { errorFiles } = disk({ [PART_1]: "a\n" });
  assert.throws(() => checkConserved({ disk: { ...whole, errorFiles }, windows }, 5));
});

Deno.test("checkResults() finds any difference, in windows, totals and error files", () => {
  const results = (text: string, windows: readonly string[], epoch = 3) => ({
    disk: { ...disk({ [PART_1]: text }), checkpoint: checkpoint(epoch) },
    windows,
  });
  const expected = results("a\nb\n", ["one", "two"]);
  const check = (actual: typeof expected, isOrderFixed = true) =>
    checkResults(actual, expected, { isOrderFixed });
  check(results("a\nb\n", ["one", "two"], 99));
  check(results("b\na\n", ["one", "two"]), false);
  assert.throws(() => check(results("b\na\n", ["one", "two"])));
  for (const isOrderFixed of [true, false]) {
    for (const text of ["a\n", "a\nb\nb\n", "a\nc\n"]) {
      assert.throws(() => check(results(text, ["one", "two"]), isOrderFixed));
    }
    for (const windows of [["one"], ["one", "too"], ["one", "two", "two"]]) {
      assert.throws(() => check(results("a\nb\n", windows), isOrderFixed));
    }
  }
  const totals = { ...checkpoint(3).totals, lines: 1 };
  const counted = { ...expected.disk, checkpoint: checkpoint(3, { totals }) };
  assert.throws(() => check({ ...expected, disk: counted }));
});

Deno.test("checkSetAside() finds a tail that is not kept, or not told, or told wrongly", () => {
  using directory = new TemporaryDirectory();
  const path = directory.write("aside.jsonl", '{"line":2}\n');
  const other = directory.write("other.jsonl", '{"line":3}\n');
  const half = directory.write("half.jsonl", '{"li');
  const notice = (count: number, file = path) =>
    `The last run ended without a checkpoint: ${count} errors that came after the one before ` +
    `are set aside in ${file}\n`;
  const check = (setAside: readonly string[], stderr: string, run = {}) =>
    checkSetAside(KILLED, { ...KILLED, setAside }, {
      isLive: true,
      hasWorked: true,
      stderr,
      ...run,
    });
  assert.equal(check([path], notice(1)), 1);
  assert.throws(() => check([], ""));
  assert.throws(() => check([path], ""));
  assert.throws(() => check([path], notice(2)));
  assert.throws(() => check([path], notice(1, other)));
  assert.throws(() => check([other], notice(1, other)));
  assert.throws(() => check([path, other], notice(1)));
  // One that was killed again in recovery has told nothing yet, and may have begun to keep it.
  assert.equal(check([], "", { hasWorked: false }), 0);
  assert.equal(check([half], "", { hasWorked: false }), 0);
  assert.throws(() => check([other], "", { hasWorked: false }));
  // What files gave is read again.
  assert.equal(check([], "", { isLive: false }), 0);
  assert.throws(() => check([path], notice(1), { isLive: false }));
});

/** A disk with error files only. */
function disk(errorFiles: Readonly<Record<string, string>>): Disk {
  const entries = Object.entries(errorFiles).map(([path, text]) =>
    [path, Buffer.from(text)] as const
  );
  return { ...EMPTY_DISK, errorFiles: new Map(entries) };
}
