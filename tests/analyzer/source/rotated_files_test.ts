import assert from "node:assert/strict";
import {
  type FileIdentity,
  PASSED_FILES_MAX,
  type PassedFile,
} from "../../../analyzer/source/file_identity.ts";
import { IdentifiedFile } from "../../../analyzer/source/identified_file.ts";
import {
  compareSuffixes,
  findLogFrom,
  isRelated,
  rotatedUpTo,
  rotationSuffix,
} from "../../../analyzer/source/rotated_files.ts";
import { MemoryLogFiles } from "../../support/memory_log_files.ts";

const LOG = "/logs/access.log";

/** Some files and the time, which goes on with everything that is written. */
class Place {
  nowMs = 0;
  readonly files = new MemoryLogFiles(() => ++this.nowMs);

  async identify(path = LOG): Promise<FileIdentity> {
    using file = (await IdentifiedFile.open(this.files, path))!;
    return file.identity;
  }

  /** How a place is found, and the parts that are to be read, as `name:from`. */
  async find(
    file: FileIdentity | undefined,
    offsetBytes: number,
    isPassed = false,
    passed: readonly PassedFile[] = [],
  ) {
    const place = { file, offsetBytes, passed, waitedSinceMs: 0 };
    const found = await findLogFrom(this.files, LOG, place, { isPassed });
    const parts = found.parts.map(({ file, fromBytes }) => {
      file[Symbol.dispose]();
      return `${file.path.replace("/logs/", "")}:${fromBytes}`;
    });
    assert.equal(this.files.openCount, 0, "what is not handed out is closed");
    return { how: found.how, parts, unreadable: found.unreadable };
  }
}

Deno.test("rotationSuffix() knows what rotation puts into a name", () => {
  const suffixes: Record<string, string | undefined> = {
    "access.log.1": ".1",
    "access.log.12": ".12",
    "access.log-20250530": "-20250530",
    "access.log.2025-05-30": ".2025-05-30",
    "access.log-2025-05-30T18:00Z": "-2025-05-30T18:00Z",
    "access.log-20250530-1748630000": "-20250530-1748630000",
    "access-20250530.log": "-20250530",
    "access.1.log": ".1",
    "access.log.1.gz": undefined,
    "access.log.old": undefined,
    "access.log": undefined,
    "access.log.": undefined,
    "access.logs.1": undefined,
    "access2.log": undefined,
    "error.log.1": undefined,
  };
  for (const [name, suffix] of Object.entries(suffixes)) {
    assert.equal(rotationSuffix("access.log", name), suffix, name);
  }
  assert.equal(rotationSuffix("log", "log.1"), ".1");
  assert.equal(rotationSuffix(".log", ".log.1"), ".1");
});

Deno.test("isRelated() knows names that a log may have got, whoever gave them", () => {
  for (const name of ["access.log.1", "access.log~", "access.log.old", "access-2025.log"]) {
    assert.equal(isRelated("access.log", name), true, name);
  }
  for (const name of ["error.log", "accessible", "access"]) {
    assert.equal(isRelated("access.log", name), false, name);
  }
});

Deno.test("compareSuffixes() puts higher numbers and earlier dates first", () => {
  const sorted = [".10", ".9", ".2", ".1"];
  assert.deepEqual([".1", ".10", ".2", ".9"].sort(compareSuffixes), sorted);
  const dates = ["-20250530", "-20250531", "-20250601"];
  assert.deepEqual(dates.toReversed().sort(compareSuffixes), dates);
  assert.equal(compareSuffixes(".1", ".1"), 0);
});

Deno.test("findLogFrom() finds a file under its name, from the place on", async () => {
  const place = new Place();
  place.files.create(LOG).append("abc");
  const file = await place.identify();
  assert.deepEqual(await place.find(undefined, 0), {
    how: "here",
    parts: ["access.log:0"],
    unreadable: [],
  });
  place.files.append(LOG, "def");
  const { how, parts } = await place.find(file, 3);
  assert.deepEqual({ how, parts }, { how: "here", parts: ["access.log:3"] });
});

Deno.test("findLogFrom() finds nothing where nothing is", async () => {
  const place = new Place();
  const nothing = { parts: [], unreadable: [] };
  assert.deepEqual(await place.find(undefined, 0), { how: "here", ...nothing });
  place.files.create(LOG).append("abc");
  const file = await place.identify();
  place.files.remove(LOG);
  assert.deepEqual(await place.find(file, 3), { how: "lost", ...nothing });
  assert.deepEqual(await place.find(file, 3, true), { how: "passed", ...nothing });
});

Deno.test("findLogFrom() prefers the file itself to a longer copy of it", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.copy(LOG, `${LOG}.bak`);
  files.append(`${LOG}.bak`, "more");
  files.rename(LOG, `${LOG}.old`);
  files.create(LOG).append("x");
  const { how, parts } = await place.find(file, 2);
  assert.deepEqual({ how, parts }, { how: "renamed", parts: ["access.log.old:2", "access.log:0"] });
});

Deno.test("findLogFrom() takes no copy that is shorter than the place", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.copy(LOG, `${LOG}.bak`);
  files.append(LOG, "def");
  files.truncate(LOG);
  files.append(LOG, "x");
  assert.equal((await place.find(file, 4)).how, "lost");
  assert.equal((await place.find(file, 3)).how, "copied");
});

Deno.test("findLogFrom() leaves out copies of what is read anyway", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG).append("a".repeat(2000));
  const file = await place.identify();
  files.rename(LOG, `${LOG}.3`);
  files.create(`${LOG}.2`).append("b".repeat(2000));
  files.copy(`${LOG}.2`, `${LOG}.1`);
  files.create(LOG).append("c".repeat(2000));
  files.copy(LOG, `${LOG}-20250530`);
  const { parts } = await place.find(file, 10);
  assert.deepEqual(parts, ["access.log.3:10", "access.log.2:0", "access.log:0"]);
});

Deno.test("findLogFrom() of a file that was read to its end gives what came after it", async () => {
  const place = new Place();
  const { files } = place;
  files.create(`${LOG}.9`).append("older");
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.rename(LOG, `${LOG}.2`);
  files.create(`${LOG}.1`).append("d");
  files.create(LOG).append("e");
  const parts = ["access.log.1:0", "access.log:0"];
  assert.deepEqual(await place.find(file, 3, true), { how: "passed", parts, unreadable: [] });
  // Also where it was removed meanwhile.
  files.remove(`${LOG}.2`);
  assert.deepEqual((await place.find(file, 3, true)).parts, parts);
});

Deno.test("findLogFrom() reads all that came since of a file that was empty", async () => {
  const place = new Place();
  const { files } = place;
  files.create(`${LOG}.9`).append("older");
  files.create(LOG);
  const file = await place.identify();
  assert.deepEqual((await place.find(file, 0)).parts, ["access.log:0"]);
  files.append(LOG, "abc");
  files.copy(LOG, `${LOG}.1`);
  files.truncate(LOG);
  files.append(LOG, "def");
  assert.deepEqual((await place.find(file, 0)).parts, ["access.log.1:0", "access.log:0"]);
});

Deno.test("findLogFrom() begins anew where names move while it looks", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append("d");
  let isMoved = false;
  files.fault = (operation) => {
    if (operation !== "list" || isMoved) return;
    isMoved = true;
    files.rename(`${LOG}.1`, `${LOG}.2`);
    files.rename(LOG, `${LOG}.1`);
    files.create(LOG).append("e");
  };
  const { parts } = await place.find(file, 3);
  assert.deepEqual(parts, ["access.log.2:3", "access.log.1:0", "access.log:0"]);
});

Deno.test("findLogFrom() goes on without what cannot be read, and names it", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.rename(LOG, `${LOG}.1`);
  files.create(LOG).append("d");
  files.create(`${LOG}.secret`).append("not a part of it");
  files.fault = (operation, path) => {
    if (operation === "open" && path !== LOG) throw new Error("permission denied");
  };
  assert.deepEqual(await place.find(file, 3), {
    how: "lost",
    parts: ["access.log:0"],
    unreadable: [`${LOG}.1: permission denied`],
  });
  files.fault = (operation) => {
    if (operation === "list") throw new Error("permission denied");
  };
  const { how, unreadable } = await place.find(file, 3);
  assert.deepEqual([how, unreadable], ["lost", [`the files beside ${LOG}: permission denied`]]);
  files.fault = (operation) => {
    if (operation === "open") throw new Error("permission denied");
  };
  await assert.rejects(place.find(file, 3), /permission denied/);
});

Deno.test("findLogFrom() trusts a number alone only where all that came before is known", async () => {
  const place = new Place();
  const { files } = place;
  // Numbers that go up: the oldest is no part of what came after the place.
  files.create(`${LOG}.1`).append("oldest");
  const passed: PassedFile[] = [];
  for (let number = 2; number < 2 + PASSED_FILES_MAX; number++) {
    files.create(`${LOG}.${number}`).append(`log ${number}`);
    passed.push({ file: await place.identify(`${LOG}.${number}`), offsetBytes: 5 });
  }
  files.create(LOG).append("abc");
  const file = await place.identify();
  files.rename(LOG, `${LOG}.${2 + PASSED_FILES_MAX}`);
  files.create(LOG).append("d");
  assert.deepEqual((await place.find(file, 3, true, passed)).parts, ["access.log:0"]);
});

Deno.test("findLogFrom() takes a file for another one that has got the inode of one before", async () => {
  const place = new Place();
  const { files } = place;
  files.create(LOG);
  const file = await place.identify();
  files.create(`${LOG}.1`).append("new");
  const { device, inode } = await place.identify(`${LOG}.1`);
  const before = { device, inode, hashedBytes: 3, hash: "that of another" };
  const passed = [{ file: before, offsetBytes: 3 }];
  assert.deepEqual(
    (await place.find(file, 0, false, passed)).parts,
    ["access.log.1:0", "access.log:0"],
  );
});

Deno.test("rotatedUpTo() knows the latest files, but for what is the log's own", async () => {
  const place = new Place();
  const { files } = place;
  for (let number = 20; number > 0; number--) files.create(`${LOG}.${number}`);
  files.create(`${LOG}.gz`);
  files.fault = (operation, path) => {
    if (operation === "open" && path === `${LOG}.2`) throw new Error("permission denied");
  };
  const own = await place.identify(`${LOG}.1`);
  const passed = await rotatedUpTo(files, LOG, Infinity, own);
  const inodes = [11, 12, 13, 14, 15, 16, 17, 18];
  assert.deepEqual(passed.map(({ file }) => file.inode), inodes);
  assert.ok(passed.every(({ offsetBytes }) => offsetBytes === Infinity));
  const { modifiedAtMs } = passed[0]!.file;
  assert.equal((await rotatedUpTo(files, LOG, modifiedAtMs!, own)).at(-1)!.file.inode, 11);
  assert.equal(files.openCount, 0);
});
