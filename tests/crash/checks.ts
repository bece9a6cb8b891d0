import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { linesOf } from "../end_to_end/support.ts";
import { type Disk, tailsOf } from "./disk.ts";
import { countLines } from "./workload.ts";

/** What a run that has come to its end has left. */
export interface Results {
  readonly disk: Disk;
  /** What the database says about windows, as lines. */
  readonly windows: readonly string[];
}

/** What an undisturbed run leaves adds up: two that leave nothing are alike as well. */
export function checkConserved({ disk, windows }: Results, lineCount: number): void {
  const { lines, errors, inWindows, errorsInWindows } = disk.checkpoint!.totals;
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  // The others are of the windows' statuses.
  const rows = windows.map((line) => JSON.parse(line))
    .filter((row) => row.total_count !== undefined);
  assert.deepEqual({
    lines,
    inWindows,
    errorsInWindows,
    errors,
  }, {
    lines: lineCount,
    inWindows: sum(rows.map((row) => row.total_count)),
    errorsInWindows: sum(rows.map((row) => row.error_count)),
    errors: sum([...disk.errorFiles.values()].map(countLines)),
  });
}

/** What holds at every moment, before anything is repaired. */
export function checkSteps(before: Disk, after: Disk): void {
  // A checkpoint takes its name in one step, so a kill never damages one.
  assert.deepEqual(after.damages, []);
  const epochBefore = before.checkpoint?.epoch ?? -1;
  const epochAfter = after.checkpoint?.epoch ?? -1;
  assert.ok(epochAfter >= epochBefore, `Checkpoint ${epochBefore} has become ${epochAfter}`);
  // Errors come before the checkpoint that counts them.
  for (const { path, bytes } of after.checkpoint?.errorFiles.open ?? []) {
    const length = after.errorFiles.get(path)?.length ?? 0;
    assert.ok(length >= bytes, `${path} holds ${length} bytes, and the checkpoint counts ${bytes}`);
  }
}

/**
 * Whatever stands in error files at any moment is the beginning of what an undisturbed run writes
 * there, half lines included. Holds where the order of the lines is fixed.
 */
export function checkBeginnings({ errorFiles }: Disk, undisturbed: Disk): void {
  for (const [path, bytes] of errorFiles) {
    const whole = undisturbed.errorFiles.get(path);
    assert.ok(whole !== undefined, `An undisturbed run writes no ${path}`);
    const isBeginning = bytes.equals(whole.subarray(0, bytes.length));
    assert.ok(isBeginning, `${path} is no beginning of the one of an undisturbed run`);
  }
}

/**
 * What a killed run had written behind its checkpoint is set aside by the next one, all of it and
 * nothing else, and one line says so; of files nothing is, since it is read again.
 *
 * @returns how many lines were set aside and told
 */
export function checkSetAside(before: Disk, after: Disk, run: {
  readonly isLive: boolean;
  readonly stderr: string;
  /** Whether it has come beyond recovery. */
  readonly hasWorked: boolean;
}): number {
  const paths = after.setAside.filter((path) => !before.setAside.includes(path));
  const notices = [...run.stderr.matchAll(SET_ASIDE)];
  const expected = run.isLive ? Buffer.concat(tailsOf(before).map(withLineEnd)) : Buffer.alloc(0);
  if (expected.length === 0) {
    assert.deepEqual(paths, [], "Something is set aside");
    assert.deepEqual(notices, [], "Something is said to be set aside");
    return 0;
  }
  assert.ok(paths.length <= 1, `There are several new files: ${paths}`);
  const actual = paths.length === 0 ? Buffer.alloc(0) : Buffer.from(Deno.readFileSync(paths[0]!));
  if (notices.length === 0) {
    // Killed before it could say so; the next run sets aside once more what is not cut off yet.
    assert.ok(!run.hasWorked, `Nothing says what was set aside: ${run.stderr}`);
    const isBeginning = actual.equals(expected.subarray(0, actual.length));
    assert.ok(isBeginning, `${paths} is no beginning of what was cut off`);
    return 0;
  }
  assert.equal(notices.length, 1);
  const [, count, path] = notices[0]!;
  assert.equal(path, paths[0]);
  assert.ok(actual.equals(expected), `${path} is not what was cut off`);
  assert.equal(Number(count), linesOf(actual.toString()).length);
  return Number(count);
}

/** All that is left at the end is what an undisturbed run leaves. */
export function checkResults(
  actual: Results,
  expected: Results,
  { isOrderFixed }: { readonly isOrderFixed: boolean },
): void {
  assert.deepEqual(actual.disk.checkpoint!.totals, expected.disk.checkpoint!.totals);
  assertSameLines(actual.windows, expected.windows);
  const [errorFiles, expectedFiles] = [actual.disk.errorFiles, expected.disk.errorFiles];
  assert.deepEqual([...errorFiles.keys()], [...expectedFiles.keys()]);
  for (const [path, bytes] of errorFiles) {
    const expectedBytes = expectedFiles.get(path)!;
    if (!isOrderFixed) assertSameLines(sortedLines(bytes), sortedLines(expectedBytes));
    else assert.ok(bytes.equals(expectedBytes), `${path} differs`);
  }
}

const SET_ASIDE =
  /^The last run ended without a checkpoint: (\d+) errors that came after the one before are set aside in (\S+)$/mg;

function withLineEnd(tail: Buffer): Buffer {
  return tail.at(-1) === 0x0a ? tail : Buffer.concat([tail, Buffer.from("\n")]);
}

function sortedLines(bytes: Buffer): string[] {
  return linesOf(bytes.toString("latin1")).sort();
}

/** Says of two long lists where they begin to differ. */
function assertSameLines(actual: readonly string[], expected: readonly string[]): void {
  const at = expected.findIndex((line, i) => actual[i] !== line);
  if (at >= 0) assert.equal(actual[at], expected[at], `Line ${at} of ${expected.length} differs`);
  assert.equal(actual.length, expected.length);
}
