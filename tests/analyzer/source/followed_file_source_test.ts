import assert from "node:assert/strict";
import { StartException } from "../../../analyzer/exceptions.ts";
import {
  ATTEMPTS_MAX,
  FollowedFileSource,
  POLL_MS,
  RETRY_MS,
  SILENCE_MS,
} from "../../../analyzer/source/followed_file_source.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryLogFiles } from "../../support/memory_log_files.ts";
import { sourceContext } from "./byte_streams.ts";
import { Following, type Kept, LOG, numberedLine } from "./following.ts";

/** A log, and the clock of its times. */
function setUp(text?: string) {
  const clock = new ManualClock();
  const files = new MemoryLogFiles(() => clock.wallMs());
  if (text !== undefined) files.create(LOG).append(text);
  return { clock, files };
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => numberedLine(from + i)).join("");
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

// S-58
Deno.test("FollowedFileSource.open() reads what is there as a file, then what is added, live", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const run = await Following.start(clock, files);
  const inputId = "file:access.log";
  assert.deepEqual(run.elements.filter(({ kind }) => kind !== "batch"), [
    { kind: "input-opened", inputId, isLive: false },
    {
      kind: "source-changed",
      source: inputId,
      phase: "connected",
      connectionsDelta: 1,
      reason: "",
      notice: "",
    },
    { kind: "input-opened", inputId, isLive: true },
  ]);
  assert.deepEqual(run.elements.at(-1), { kind: "input-opened", inputId, isLive: true });
  const before = run.elements.length;
  files.append(LOG, numberedLine(3) + numberedLine(4).slice(0, 20));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, numbers(4));
  // An unfinished line waits for its end, however long that takes.
  await run.pass(10 * SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(4));
  files.append(LOG, numberedLine(4).slice(20));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, numbers(5));
  assert.ok(run.elements.slice(before).every(({ kind }) => kind === "batch"));
  const { position } = run.batches.at(-1)!;
  assert.equal(position.offsetBytes, lines(0, 5).length);
  assert.equal(position.file?.inode, 1);
  await run.stop();
});

Deno.test("FollowedFileSource.open() asks for nothing but one look while nothing changes", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const run = await Following.start(clock, files);
  await run.pass(POLL_MS);
  const { lookCount } = files;
  files.fault = (operation) => assert.equal(operation, "look");
  await run.pass(10 * POLL_MS);
  assert.equal(files.lookCount, lookCount + 10);
  await run.stop();
});

// S-59
Deno.test("FollowedFileSource.open() reads a renamed file until it has been silent, then the new one", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  const old = files.writer(LOG);
  files.rename(LOG, `${LOG}.1`);
  await run.pass(5 * SILENCE_MS);
  old.append(numberedLine(2));
  files.create(LOG).append(lines(5, 7));
  // The server has not opened the new file yet, and takes nearly too long for it.
  await run.pass(SILENCE_MS - POLL_MS);
  old.append(numberedLine(3));
  await run.pass(SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(4));
  // The last line of a file that is complete is a line, newline or not.
  old.append(numberedLine(4).trimEnd());
  await run.pass(SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(4));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, numbers(7));
  assert.equal(run.badCount, 0);
  assert.deepEqual(run.notices, [
    `${LOG}: is gone; waiting for a new one`,
    `${LOG}: rotated; going on with the new file`,
  ]);
  // One input all the way, which is never closed.
  assert.equal(run.elements.filter(({ kind }) => kind === "input-opened").length, 2);
  assert.ok(run.elements.every(({ kind }) => kind !== "input-closed"));
  await run.stop();
});

Deno.test("FollowedFileSource.open() goes on with a file that gets its name back", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  files.rename(LOG, `${LOG}.1`);
  await run.pass(POLL_MS);
  files.rename(`${LOG}.1`, LOG);
  files.append(LOG, lines(2, 3));
  await run.pass(2 * SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(3));
  assert.deepEqual(run.notices, []);
  await run.stop();
});

// S-59
Deno.test("FollowedFileSource.open() finds logs that were rotated away between two looks", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  clock.advance(1);
  files.append(LOG, numberedLine(2));
  files.rename(LOG, `${LOG}.3`);
  // All within one millisecond: their names tell their order.
  files.create(`${LOG}.2`).append(lines(3, 5));
  files.create(`${LOG}.1`).append(lines(5, 6));
  files.create(LOG).append(lines(6, 7));
  await run.pass(4 * SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(7));
  await run.stop();
});

// S-60
Deno.test("FollowedFileSource.open() reads the rest in the copy of a log that was emptied", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  // Begun before the copy is made, and read so far.
  files.append(LOG, numberedLine(2).slice(0, 30));
  await run.pass(POLL_MS);
  files.append(LOG, numberedLine(2).slice(30) + numberedLine(3));
  files.create(`${LOG}.old`).append(lines(0, 1));
  files.copy(LOG, `${LOG}-20250530`);
  files.truncate(LOG);
  files.append(LOG, lines(4, 5));
  await run.pass(2 * SILENCE_MS);
  assert.deepEqual(run.numbers, numbers(5));
  assert.equal(run.badCount, 0);
  assert.deepEqual(run.notices, [
    `${LOG}: emptied in place; going on in its copy ${LOG}-20250530`,
  ]);
  await run.stop();
});

// S-60
Deno.test("FollowedFileSource.open() counts the line that an emptied log without a copy breaks off", async () => {
  for (const isLonger of [false, true]) {
    const { clock, files } = setUp(lines(0, 2) + numberedLine(2).slice(0, 30));
    const run = await Following.start(clock, files);
    files.truncate(LOG);
    // Shorter than what was read of it, or longer: then only its beginning tells.
    const count = isLonger ? 5 : 1;
    files.append(LOG, lines(100, 100 + count));
    await run.pass(POLL_MS);
    assert.deepEqual(run.numbers, [0, 1, ...numbers(count).map((i) => 100 + i)]);
    assert.equal(run.badCount, 1);
    assert.equal(run.batches.reduce((sum, { counts }) => sum + counts.partial, 0), 1);
    assert.deepEqual(run.notices, [`${LOG}: emptied in place; going on at its beginning`]);
    await run.stop();
  }
});

// S-60
Deno.test("FollowedFileSource.open() goes on at the end of a log of which only the end was cut off", async () => {
  const { clock, files } = setUp(lines(0, 30));
  const run = await Following.start(clock, files);
  const bytes = lines(0, 20).length;
  files.truncate(LOG, bytes);
  await run.pass(POLL_MS);
  files.append(LOG, lines(30, 32));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, numbers(32));
  assert.deepEqual(run.notices, [
    `${LOG}: became shorter (${bytes} bytes of ${lines(0, 30).length}); going on at its end`,
  ]);
  // The next run starts from there.
  const kept = run.kept();
  await run.stop();
  assert.equal(kept.position?.offsetBytes, lines(0, 20).length + lines(30, 32).length);
});

// S-58
Deno.test("FollowedFileSource.open() waits for a file that is not there", async () => {
  const { clock, files } = setUp();
  const run = await Following.start(clock, files);
  await run.pass(SILENCE_MS);
  assert.deepEqual(run.notices, [`${LOG}: there is no such file; waiting for it`]);
  // It holds back nobody meanwhile.
  assert.deepEqual(run.elements.at(-1), {
    kind: "input-opened",
    inputId: "file:access.log",
    isLive: true,
  });
  files.create(LOG).append(lines(0, 2));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, numbers(2));
  assert.equal(run.notices.length, 1);
  await run.stop();
});

Deno.test("FollowedFileSource.open() keeps the CSV header of the file before", async () => {
  const header = "status,timestamp,ip,method,url\n";
  const row = (url: string) => `404,2025-05-30T18:52:30Z,a,GET,/${url}\n`;
  const { clock, files } = setUp(header + row("0"));
  const run = await Following.start(clock, files);
  files.truncate(LOG);
  files.append(LOG, row("1"));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, [0, 1]);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(header + row("2"));
  await run.pass(2 * SILENCE_MS);
  assert.deepEqual(run.numbers, [0, 1, 2]);
  await run.stop();
});

Deno.test("FollowedFileSource.open() says where it stands as soon as it is in another file", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG);
  await run.pass(2 * SILENCE_MS);
  const mark = run.batches.at(-1)!;
  assert.equal(mark.counts.lines, 0);
  assert.equal(mark.position.offsetBytes, 0);
  assert.equal(mark.position.file?.inode, 2);
  await run.stop();
});

/** Runs once over a log, and keeps what a checkpoint at its end would. */
async function keptOf(clock: ManualClock, files: MemoryLogFiles): Promise<Kept> {
  const run = await Following.start(clock, files);
  const kept = run.kept();
  await run.stop();
  clock.advance(1);
  return kept;
}

async function assertGoesOn(
  { clock, files }: { readonly clock: ManualClock; readonly files: MemoryLogFiles },
  kept: Kept,
  expected: { readonly numbers: readonly number[]; readonly notices?: readonly string[] },
): Promise<void> {
  const run = await Following.start(clock, files, kept);
  await run.pass(5 * SILENCE_MS + ATTEMPTS_MAX * RETRY_MS);
  assert.deepEqual(run.numbers, expected.numbers);
  assert.deepEqual(run.notices, expected.notices ?? []);
  await run.stop();
}

// S-61
Deno.test("FollowedFileSource.open() changes nothing where nothing has changed since", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const kept = await keptOf(clock, files);
  const run = await Following.start(clock, files, kept);
  await run.pass(5 * SILENCE_MS);
  assert.deepEqual(run.batches, []);
  assert.deepEqual(run.notices, []);
  await run.stop();
});

// S-61
Deno.test("FollowedFileSource.open() goes on in files that were rotated while it was away", async () => {
  const world = setUp(lines(0, 3));
  const { clock, files } = world;
  const kept = await keptOf(clock, files);
  files.append(LOG, lines(3, 5));
  files.rename(LOG, `${LOG}.2`);
  clock.advance(1);
  files.create(`${LOG}.1`).append(lines(5, 7));
  clock.advance(1);
  files.create(LOG).append(lines(7, 8));
  // What else lies there is none of it.
  for (const name of ["access.log.3.gz", "access.log.pos", "access.logs", "error.log.1"]) {
    files.create(`/logs/${name}`).append("no line of the log\n");
  }
  await assertGoesOn(world, kept, {
    numbers: [3, 4, 5, 6, 7],
    notices: [`${LOG}: rotated; going on in ${LOG}.2`],
  });
});

// S-61
Deno.test("FollowedFileSource.open() leaves out files that are older than the one it was in", async () => {
  const world = setUp(lines(10, 13));
  const { clock, files } = world;
  files.create(`${LOG}.1`).append(lines(0, 10));
  const kept = await keptOf(clock, files);
  files.rename(`${LOG}.1`, `${LOG}.2`);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(lines(13, 14));
  await assertGoesOn(world, kept, {
    numbers: [13],
    notices: [`${LOG}: rotated; going on in ${LOG}.1`],
  });
});

// S-61
Deno.test("FollowedFileSource.open() goes on in the longest copy of a log emptied while it was away", async () => {
  const world = setUp(lines(0, 3));
  const { clock, files } = world;
  const kept = await keptOf(clock, files);
  files.copy(LOG, `${LOG}.backup`);
  files.append(LOG, lines(3, 5));
  files.copy(LOG, `${LOG}.1`);
  files.truncate(LOG);
  files.append(LOG, lines(5, 6));
  await assertGoesOn(world, kept, {
    numbers: [3, 4, 5],
    notices: [`${LOG}: emptied in place; going on in its copy ${LOG}.1`],
  });
});

// S-61
Deno.test("FollowedFileSource.open() reads on behind a file that is gone, and says so", async () => {
  const world = setUp(lines(0, 3));
  const { clock, files } = world;
  const kept = await keptOf(clock, files);
  files.remove(LOG);
  files.create(`${LOG}.1`).append(lines(10, 12));
  clock.advance(1);
  files.create(LOG).append(lines(12, 13));
  await assertGoesOn(world, kept, {
    numbers: [10, 11, 12],
    notices: [
      `${LOG}: the file that was read up to byte ${lines(0, 3).length} is gone, and what came ` +
      "after that with it; going on with what is there",
    ],
  });
});

// S-61
Deno.test("FollowedFileSource.open() says once that a file is gone where none has its name", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const kept = await keptOf(clock, files);
  files.remove(LOG);
  const run = await Following.start(clock, files, kept);
  await run.pass(5 * SILENCE_MS);
  assert.equal(run.notices.length, 2);
  assert.match(run.notices[0]!, /is gone, and what came after that with it/);
  assert.match(run.notices[1]!, /there is no such file; waiting for it/);
  files.create(LOG).append(lines(3, 4));
  await run.pass(POLL_MS);
  assert.deepEqual(run.numbers, [3]);
  assert.equal(run.notices.length, 3);
  await run.stop();
});

Deno.test("FollowedFileSource.open() waits at a renamed file for the new one, also after a restart", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const kept = await keptOf(clock, files);
  const old = files.writer(LOG);
  files.rename(LOG, `${LOG}.1`);
  const run = await Following.start(clock, files, kept);
  await run.pass(3 * SILENCE_MS);
  old.append(lines(3, 4));
  await run.pass(3 * SILENCE_MS);
  files.create(LOG).append(lines(4, 5));
  await run.pass(2 * SILENCE_MS);
  assert.deepEqual(run.numbers, [3, 4]);
  await run.stop();
});

Deno.test("FollowedFileSource.open() knows a position of a version that did not keep the file", async () => {
  const world = setUp(lines(0, 3));
  const { saved, position } = await keptOf(world.clock, world.files);
  const { file: _, ...old } = position!;
  world.files.append(LOG, lines(3, 4));
  await assertGoesOn(world, { saved, position: old }, { numbers: [3] });
});

// S-59
Deno.test("FollowedFileSource.open() reads only what is new in an old file that is written to late", async () => {
  for (const isRestarted of [false, true]) {
    const { clock, files } = setUp(lines(0, 10));
    let run = await Following.start(clock, files);
    const old = files.writer(LOG);
    files.rename(LOG, `${LOG}.1`);
    files.create(LOG);
    await run.pass(2 * SILENCE_MS);
    const read = run.numbers;
    old.append(lines(10, 11));
    await run.pass(SILENCE_MS);
    if (isRestarted) {
      const kept = run.kept();
      await run.stop();
      run = await Following.start(clock, files, kept);
    }
    files.append(LOG, lines(11, 12));
    await run.pass(5 * SILENCE_MS);
    assert.deepEqual(isRestarted ? [...read, ...run.numbers] : run.numbers, numbers(12));
    assert.equal(run.badCount, 0);
    await run.stop();
  }
});

// S-59
Deno.test("FollowedFileSource.open() counts no file again that was written to before the next rotation", async () => {
  const { clock, files } = setUp(lines(0, 10));
  const run = await Following.start(clock, files);
  const old = files.writer(LOG);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(lines(11, 12));
  await run.pass(3 * SILENCE_MS);
  old.append(lines(10, 11));
  // Somebody keeps a copy, which is later than all.
  files.copy(`${LOG}.1`, `${LOG}-20250530`);
  await run.pass(3 * SILENCE_MS);
  files.rename(`${LOG}.1`, `${LOG}.2`);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(lines(12, 13));
  await run.pass(8 * SILENCE_MS);
  assert.deepEqual(run.numbers.toSorted((a, b) => a - b), numbers(13));
  await run.stop();
});

// S-58
Deno.test("FollowedFileSource.open() reads nothing that was rotated away before the first start", async () => {
  for (const isThere of [true, false]) {
    const { clock, files } = setUp();
    files.create(`${LOG}.1`).append(lines(10, 15));
    clock.advance(1000);
    if (isThere) files.create(LOG);
    const run = await Following.start(clock, files);
    await run.pass(1000);
    files.append(`${LOG}.1`, lines(15, 16));
    await run.pass(500);
    if (!isThere) files.create(LOG);
    files.append(LOG, lines(0, 1));
    await run.pass(5 * SILENCE_MS);
    assert.deepEqual(run.numbers, numbers(1));
    await run.stop();
  }
});

// S-61
Deno.test("FollowedFileSource.open() reads a log that came and was rotated while nobody waited for it", async () => {
  const world = setUp();
  const { clock, files } = world;
  files.create(`${LOG}.1`).append(lines(10, 15));
  clock.advance(1);
  const kept = await keptOf(clock, files);
  files.rename(`${LOG}.1`, `${LOG}.2`);
  files.create(`${LOG}.1`).append(lines(0, 2));
  clock.advance(1);
  files.create(LOG).append(lines(2, 3));
  await assertGoesOn(world, kept, {
    numbers: [0, 1, 2],
    notices: [`${LOG}: rotated; going on in ${LOG}.1`],
  });
});

// S-60
Deno.test("FollowedFileSource.open() finds the copy of a log though the clock was set back", async () => {
  for (const count of [2, 30]) {
    const { clock, files } = setUp(lines(0, count));
    const run = await Following.start(clock, files);
    clock.setWall(clock.wallMs() - 3_600_000);
    files.append(LOG, lines(count, count + 1));
    files.copy(LOG, `${LOG}.1`);
    files.truncate(LOG);
    files.append(LOG, lines(count + 1, count + 2));
    await run.pass(5 * SILENCE_MS);
    assert.deepEqual(run.numbers, numbers(count + 2));
    await run.stop();
  }
});

// S-61
Deno.test("FollowedFileSource.open() takes no older log that begins alike for a copy", async () => {
  const header = "timestamp,ip,method,url,status\n";
  const row = (url: number) => `2025-05-30T18:52:30Z,a,GET,/${url},404\n`;
  for (const isCopied of [false, true]) {
    const { clock, files } = setUp();
    files.create(`${LOG}.1`).append(header + [10, 11, 12].map(row).join(""));
    clock.advance(1000);
    files.create(LOG).append(header);
    const kept = await keptOf(clock, files);
    clock.advance(1000);
    files.rename(`${LOG}.1`, `${LOG}.2`);
    if (isCopied) {
      // Two rotations, of which the later left the longer file.
      files.rename(`${LOG}.2`, `${LOG}.3`);
      files.append(LOG, row(0));
      files.copy(LOG, `${LOG}.2`);
      clock.advance(1);
      files.truncate(LOG);
      files.append(LOG, header + row(1) + row(2));
      files.copy(LOG, `${LOG}.1`);
      clock.advance(1);
      files.truncate(LOG);
      files.append(LOG, row(3));
    } else {
      files.remove(LOG);
      files.create(`${LOG}.1.gz`).append("compressed");
      files.create(LOG).append(header + row(0));
    }
    const run = await Following.start(clock, files, kept);
    await run.pass(5 * SILENCE_MS);
    assert.deepEqual(run.numbers, isCopied ? numbers(4) : [0]);
    assert.match(run.notices[0]!, isCopied ? /emptied in place; going on in its copy/ : /is gone/);
    await run.stop();
  }
});

// S-61
Deno.test("FollowedFileSource.open() finds by its number a log that a late line makes look older", async () => {
  for (const isAscending of [false, true]) {
    const world = setUp(lines(0, 3));
    const { clock, files } = world;
    const kept = await keptOf(clock, files);
    const old = files.writer(LOG);
    const [first, second, third] = isAscending ? [1, 2, 3] : [3, 2, 1];
    files.rename(LOG, `${LOG}.${first}`);
    clock.advance(1000);
    files.create(`${LOG}.${second}`).append(lines(4, 5));
    if (!isAscending) {
      clock.advance(1000);
      old.append(lines(3, 4));
    }
    clock.advance(1000);
    files.create(`${LOG}.${third}`).append(lines(5, 6));
    files.create(LOG).append(lines(6, 7));
    await assertGoesOn(world, kept, {
      numbers: isAscending ? [4, 5, 6] : [3, 4, 5, 6],
      notices: [`${LOG}: rotated; going on in ${LOG}.${first}`],
    });
  }
});

// S-58
Deno.test("FollowedFileSource.open() knows a log that was not followed before", async () => {
  const world = setUp();
  const { clock, files } = world;
  files.create(`${LOG}.1`).append(lines(10, 15));
  clock.advance(1);
  files.create(LOG).append(lines(0, 3));
  const { saved, position } = await keptOf(clock, files);
  const { passed: _, ...savedBefore } = saved!;
  const { passed: __, ...positionBefore } = position!;
  files.rename(`${LOG}.1`, `${LOG}.2`);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(lines(3, 4));
  await assertGoesOn(world, { saved: savedBefore, position: positionBefore }, {
    numbers: [3],
    notices: [`${LOG}: rotated; going on in ${LOG}.1`],
  });
});

Deno.test("FollowedFileSource.open() tries again where the system fails, and counts no line twice", async () => {
  for (const operation of ["read", "open", "look", "list"] as const) {
    const { clock, files } = setUp(lines(0, 3) + numberedLine(3).slice(0, 20));
    const run = await Following.start(clock, files);
    files.append(LOG, numberedLine(3).slice(20));
    files.rename(LOG, `${LOG}.1`);
    files.create(LOG).append(lines(4, 6));
    files.fault = (now) => {
      if (now === operation) throw new Error("input/output error");
    };
    await run.pass(5 * RETRY_MS);
    files.fault = () => {};
    await run.pass(5 * RETRY_MS);
    assert.deepEqual(run.numbers, numbers(6), operation);
    assert.equal(run.badCount, 0);
    const told = run.notices.filter((notice) => notice.includes("input/output error"));
    assert.ok(told.length <= 1 && (operation === "look" || told.length === 1), `${run.notices}`);
    await run.stop();
  }
});

Deno.test("FollowedFileSource.open() holds back nobody while a file cannot be read", async () => {
  for (const operation of ["open", "read"] as const) {
    const { clock, files } = setUp(lines(0, 3));
    const { saved } = await keptOf(clock, files);
    let isFirst = true;
    files.fault = (now) => {
      // The source is prepared before: what fails later fails while it runs.
      if (now === operation && !isFirst) throw new Error("input/output error");
      if (now === "look") isFirst = false;
    };
    const run = await Following.start(clock, files, { saved, position: undefined });
    assert.deepEqual(run.elements.at(-1), {
      kind: "input-opened",
      inputId: "file:access.log",
      isLive: true,
    });
    await run.stop();
  }
});

Deno.test("FollowedFileSource.open() leaves out a rotated log that may not be read, and says so", async () => {
  const world = setUp(lines(0, 3));
  const { clock, files } = world;
  const kept = await keptOf(clock, files);
  files.append(LOG, lines(3, 4));
  files.rename(LOG, `${LOG}.2`);
  clock.advance(1);
  files.create(`${LOG}.1`).append(lines(4, 5));
  clock.advance(1);
  files.create(LOG).append(lines(5, 6));
  files.fault = (operation, path) => {
    if (operation === "open" && path === `${LOG}.1`) throw new Error("permission denied");
  };
  await assertGoesOn(world, kept, {
    numbers: [3, 5],
    notices: [
      `cannot read ${LOG}.1: permission denied; trying again`,
      `${LOG}: left out ${LOG}.1: permission denied`,
      `${LOG}: rotated; going on in ${LOG}.2`,
    ],
  });
});

// S-61
Deno.test("FollowedFileSource.open() leaves out the rest of a rotated log that fails to be read", async () => {
  const { clock, files } = setUp(lines(0, 40) + numberedLine(40).slice(0, 20));
  const kept = await keptOf(clock, files);
  files.rename(LOG, `${LOG}.1`);
  clock.advance(1);
  files.create(LOG).append(lines(45, 47));
  // Its beginning can be read, what comes later cannot.
  let reads = 0;
  files.fault = (operation, path) => {
    if (operation === "open") reads = 0;
    if (operation === "read" && path === `${LOG}.1` && reads++ > 0) throw new Error("bad sector");
  };
  files.readBytesMax = 1024;
  const run = await Following.start(clock, files, kept);
  await run.pass(2 * ATTEMPTS_MAX * RETRY_MS);
  assert.deepEqual(run.numbers, [45, 46]);
  assert.deepEqual(run.notices, [
    `${LOG}: rotated; going on in ${LOG}.1`,
    `cannot read ${LOG}.1: bad sector; trying again`,
    `${LOG}: left out the rest of ${LOG}.1: bad sector`,
  ]);
  // For good, also if it is written to, and if another one is rotated away.
  files.fault = () => {};
  files.append(`${LOG}.1`, lines(47, 48));
  files.rename(`${LOG}.1`, `${LOG}.2`);
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append(lines(48, 49));
  await run.pass(5 * SILENCE_MS);
  assert.deepEqual(run.numbers, [45, 46, 48]);
  await run.stop();
});

// S-61
Deno.test("FollowedFileSource.open() never gives up the file that has the log's name", async () => {
  const { clock, files } = setUp(lines(0, 2));
  const run = await Following.start(clock, files);
  files.append(LOG, lines(2, 3));
  files.fault = (operation) => {
    if (operation === "read") throw new Error("bad sector");
  };
  await run.pass(4 * ATTEMPTS_MAX * RETRY_MS);
  files.fault = () => {};
  await run.pass(2 * RETRY_MS);
  assert.deepEqual(run.numbers, numbers(3));
  assert.deepEqual(run.notices, [`cannot read ${LOG}: bad sector; trying again`]);
  await run.stop();
});

// S-61
Deno.test("FollowedFileSource.open() goes on though the system does not tell of a file beside it", async () => {
  const world = setUp(lines(0, 3));
  const { clock, files } = world;
  files.create(`${LOG}.9`).append("older\n");
  const kept = await keptOf(clock, files);
  files.rename(LOG, `${LOG}.1`);
  clock.advance(1);
  files.create(LOG).append(lines(3, 4));
  files.fault = (operation, path) => {
    if (operation === "look" && path === `${LOG}.9`) throw new Error("permission denied");
  };
  await assertGoesOn(world, kept, {
    numbers: [3],
    notices: [
      `cannot read ${LOG}.9: permission denied; trying again`,
      `${LOG}: left out ${LOG}.9: permission denied`,
      `${LOG}: rotated; going on in ${LOG}.1`,
    ],
  });
});

// S-61
Deno.test("FollowedFileSource.prepare() refuses no later start for a log that cannot be read", async () => {
  for (const operation of ["open", "look", "read", "list"] as const) {
    const { clock, files } = setUp(lines(0, 3));
    const kept = await keptOf(clock, files);
    files.rename(LOG, `${LOG}.1`);
    clock.advance(1);
    files.create(LOG).append(lines(3, 4));
    files.fault = (now) => {
      if (now === operation) throw new Error("permission denied");
    };
    const options = { files, path: LOG, nowMs: () => clock.wallMs() };
    const source = new FollowedFileSource("file:access.log", options);
    assert.deepEqual(await source.prepare(kept.saved, kept.position), kept.saved);
    // Until it is found, what was cut off is kept.
    assert.equal(source.isPastLost, true);
    const run = await Following.start(clock, files, kept);
    files.fault = () => {};
    await run.pass(5 * RETRY_MS);
    assert.deepEqual(run.numbers, [3]);
    await run.stop();
  }
});

Deno.test("FollowedFileSource.open() measures the future from the time of reading", async () => {
  const { clock, files } = setUp("");
  const run = await Following.start(clock, files);
  const row = (aheadMs: number) =>
    `{"timestamp":${clock.wallMs() + aheadMs},"ip":"a","method":"","url":"","status":404}\n`;
  clock.advance(3_600_000);
  files.append(LOG, row(300_000 + POLL_MS + 1));
  files.append(LOG, row(300_000));
  await run.pass(POLL_MS);
  assert.equal(run.batches.reduce((sum, { counts }) => sum + counts.future, 0), 1);
  await run.stop();
});

Deno.test("FollowedFileSource.prepare() refuses what is no file, and keeps what a checkpoint tells", async () => {
  const { clock, files } = setUp(lines(0, 1));
  const options = { files, path: LOG, nowMs: () => clock.wallMs() };
  const source = new FollowedFileSource("file:access.log", options);
  assert.deepEqual([source.isLive, source.isReplayable], [true, true]);
  const saved = await source.prepare(undefined);
  assert.equal(saved.firstStartedAtMs, clock.wallMs());
  assert.equal(saved.file?.inode, 1);
  // What it was then is looked for, whatever has its name now.
  assert.deepEqual(await source.prepare(saved), saved);
  assert.equal(source.isPastLost, false);
  files.create(LOG);
  assert.deepEqual(await source.prepare(saved), saved);
  assert.equal(source.isPastLost, true);
  files.remove(LOG);
  assert.deepEqual(await source.prepare(saved), saved);
  assert.equal((await source.prepare(undefined)).file, undefined);
  files.fault = () => {
    throw new TypeError("it is not a regular file");
  };
  await assert.rejects(
    source.prepare(undefined),
    new StartException(
      `Cannot read ${LOG}: it is not a regular file; pipe it in with --source -`,
      { exitStatus: 1 },
    ),
  );
  assert.equal(files.openCount, 0);
});

Deno.test("FollowedFileSource.open() closes its files when it is left in the middle", async () => {
  const { clock, files } = setUp(lines(0, 3));
  const { context } = sourceContext();
  const options = { files, path: LOG, nowMs: () => clock.wallMs() };
  const source = new FollowedFileSource("file:access.log", options);
  const saved = await source.prepare(undefined);
  for await (const { kind } of source.open({ ...context, clock, saved, position: undefined })) {
    if (kind === "batch") break;
  }
  assert.equal(files.openCount, 0);
});
