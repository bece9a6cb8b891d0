import assert from "node:assert/strict";
import { join } from "node:path";
import { maskedLogFiles, systemLogFiles } from "../../../analyzer/deno/log_files.ts";

import { IP_KEY_BYTES, IpMask } from "../../../analyzer/decode/ip_mask.ts";
import { sha256 } from "../../../analyzer/sha256.ts";
import { IdentifiedFile } from "../../../analyzer/source/identified_file.ts";

/** A directory of a test's own. */
class Directory implements Disposable {
  readonly path = Deno.makeTempDirSync();

  write(name: string, text: string): string {
    const path = join(this.path, name);
    Deno.writeTextFileSync(path, text);
    return path;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

Deno.test("systemLogFiles.open() gives a file that stays the same, whatever its name does", async () => {
  using directory = new Directory();
  const path = directory.write("a", "abcdef");
  const file = (await systemLogFiles.open(path))!;
  const facts = await file.facts();
  assert.deepEqual(facts, await systemLogFiles.look(path));
  assert.equal(facts.sizeBytes, 6);
  const { mtime } = Deno.statSync(path);
  assert.equal(facts.modifiedAtMs, mtime!.getTime());
  Deno.renameSync(path, `${path}.1`);
  directory.write("a", "x");
  assert.deepEqual(await file.facts(), facts);
  assert.notEqual((await systemLogFiles.look(path))!.inode, facts.inode);

  const read = async (length: number, atBytes: number) => {
    const buffer = new Uint8Array(length);
    const bytes = await file.read(buffer, atBytes);
    return new TextDecoder().decode(buffer.subarray(0, bytes));
  };
  // One after another, back, and forth; nothing at the end, until there is more.
  assert.equal(await read(2, 0), "ab");
  assert.equal(await read(2, 2), "cd");
  assert.equal(await read(3, 1), "bcd");
  assert.equal(await read(9, 4), "ef");
  assert.equal(await read(9, 6), "");
  Deno.writeTextFileSync(`${path}.1`, "gh", { append: true });
  assert.equal(await read(9, 6), "gh");
  file.close();
  file.close();
});

Deno.test("systemLogFiles gives nothing for a name that leads nowhere", async () => {
  using directory = new Directory();
  const path = join(directory.path, "none");
  assert.equal(await systemLogFiles.open(path), undefined);
  assert.equal(await systemLogFiles.look(path), undefined);
});

Deno.test("systemLogFiles.open() refuses what is no regular file", async () => {
  using directory = new Directory();
  await assert.rejects(
    systemLogFiles.open(directory.path),
    new TypeError("it is not a regular file"),
  );
});

Deno.test("systemLogFiles.siblings() lists the other files of a directory", async () => {
  using directory = new Directory();
  const path = directory.write("a", "");
  const others = [directory.write("b", ""), directory.write("a.1", "")];
  Deno.mkdirSync(join(directory.path, "below"));
  assert.deepEqual((await systemLogFiles.siblings(path)).toSorted(), others.toSorted());
});

Deno.test("maskedLogFiles() tells files by a keyed hash of their beginning, once there is a key", async () => {
  using directory = new Directory();
  const path = directory.write("a", "abcdef");
  let mask: IpMask | undefined = undefined;
  const files = maskedLogFiles(systemLogFiles, () => mask);
  const hash = async () => {
    using file = (await IdentifiedFile.open(files, path))!;
    assert.ok(await file.beginsAs(file.identity));
    return file.identity.hash;
  };
  assert.equal(await hash(), await sha256(new TextEncoder().encode("abcdef")));
  mask = new IpMask(new Uint8Array(IP_KEY_BYTES));
  const digest = mask.digest(new TextEncoder().encode("abcdef"));
  assert.equal(await hash(), new Uint8Array(digest.buffer as ArrayBuffer).toHex());
});
