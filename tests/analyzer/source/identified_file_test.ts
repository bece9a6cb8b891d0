import assert from "node:assert/strict";
import { IdentifiedFile, isSameInode } from "../../../analyzer/source/identified_file.ts";
import { MemoryLogFiles } from "../../support/memory_log_files.ts";

const PATH = "/logs/a";

function setUp(text: string) {
  let nowMs = 0;
  const files = new MemoryLogFiles(() => ++nowMs);
  files.create(PATH).append(text);
  const open = async () => (await IdentifiedFile.open(files, PATH))!;
  return { files, open };
}

async function readAll(file: IdentifiedFile, atBytes = 0): Promise<string> {
  const buffer = new Uint8Array(5000);
  const bytes = await file.readUnchanged(buffer, atBytes);
  return new TextDecoder().decode(buffer.subarray(0, bytes));
}

Deno.test("IdentifiedFile.open() identifies a file by at most 1,024 bytes, however short the reads", async () => {
  for (const length of [0, 1, 1023, 1024, 1025, 5000]) {
    const { files, open } = setUp("x".repeat(length));
    files.readBytesMax = 100;
    using file = await open();
    assert.equal(file.identity.hashedBytes, Math.min(length, 1024));
    assert.equal(file.identity.inode, 1);
    assert.equal(file.identity.modifiedAtMs, 2);
  }
});

Deno.test("IdentifiedFile.open() gives nothing where there is no file, and closes what it cannot read", async () => {
  const { files, open } = setUp("x");
  assert.equal(await IdentifiedFile.open(files, "/logs/b"), undefined);
  files.fault = (operation) => {
    if (operation === "read") throw new Error("input/output error");
  };
  await assert.rejects(open(), /input\/output error/);
  assert.equal(files.openCount, 0);
});

Deno.test("IdentifiedFile.beginsAs() compares as many bytes as were hashed", async () => {
  const { files, open } = setUp("abc");
  const [empty, three] = [setUp(""), setUp("abc")];
  using emptyFile = await empty.open();
  using before = await three.open();
  using longer = await (files.append(PATH, "def"), open());
  assert.equal(await longer.beginsAs(before.identity), true);
  assert.equal(await longer.beginsAs(emptyFile.identity), true);
  assert.equal(await before.beginsAs(longer.identity), false);
  files.truncate(PATH);
  files.append(PATH, "abXdef");
  using other = await open();
  assert.equal(await other.beginsAs(before.identity), false);
});

Deno.test("IdentifiedFile.readUnchanged() learns more of a file that grows", async () => {
  const { files, open } = setUp("a");
  using file = await open();
  files.append(PATH, "b".repeat(2000));
  assert.equal((await readAll(file)).length, 2001);
  assert.equal(file.identity.hashedBytes, 1024);
  using again = await open();
  assert.equal(file.identity.hash, again.identity.hash);
  assert.equal(file.isChanged, false);
});

Deno.test("IdentifiedFile.readUnchanged() gives nothing of content that took another's place", async () => {
  const changes: Record<string, (files: MemoryLogFiles) => void> = {
    emptied: (files) => files.truncate(PATH),
    "emptied and grown as long": (files) => {
      files.truncate(PATH);
      files.append(PATH, "y".repeat(2000));
    },
    "emptied and grown longer": (files) => {
      files.truncate(PATH);
      files.append(PATH, "y".repeat(3000));
    },
    "cut short": (files) => files.truncate(PATH, 1999),
  };
  for (const [name, change] of Object.entries(changes)) {
    const { files, open } = setUp("x".repeat(2000));
    using file = await open();
    change(files);
    assert.equal(await readAll(file, 2000), "", name);
    assert.equal(file.isChanged, true, name);
  }
});

Deno.test("IdentifiedFile.readUnchanged() notices a change that comes in the midst of a read", async () => {
  const { files, open } = setUp("x".repeat(2000));
  using file = await open();
  let reads = 0;
  files.fault = (operation) => {
    // Emptied and written anew before the first read, which brings bytes of the new content.
    if (operation !== "read" || ++reads > 1) return;
    files.truncate(PATH);
    files.append(PATH, "y".repeat(3000));
  };
  assert.equal(await readAll(file, 1000), "");
  assert.equal(file.isChanged, true);
});

Deno.test("IdentifiedFile.facts() keeps the time of the last write", async () => {
  const { files, open } = setUp("x");
  using file = await open();
  files.append(PATH, "y");
  assert.deepEqual(await file.facts(), { device: 1, inode: 1, sizeBytes: 2, modifiedAtMs: 3 });
  assert.equal(file.identity.modifiedAtMs, 3);
});

Deno.test("isSameInode() compares device and inode", () => {
  const file = { device: 1, inode: 2 };
  assert.equal(isSameInode(file, { device: 1, inode: 2 }), true);
  assert.equal(isSameInode(file, { device: 2, inode: 2 }), false);
  assert.equal(isSameInode(file, { device: 1, inode: 1 }), false);
});
