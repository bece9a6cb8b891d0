import assert from "node:assert/strict";
import { join } from "node:path";
import { DirectoryStorage } from "../../../analyzer/deno/directory_storage.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";

async function listed(storage: DirectoryStorage, directory: string) {
  return (await storage.list(directory)).map(({ path, bytes }) => ({ path, bytes }));
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

/** A test with a directory of its own, which is not made yet. */
function storageTest(name: string, test: (storage: DirectoryStorage) => Promise<void>): void {
  Deno.test(name, async () => {
    const directory = await Deno.makeTempDir();
    try {
      await test(new DirectoryStorage(join(directory, "a", "b")));
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

async function write(storage: DirectoryStorage, path: string, text: string): Promise<void> {
  const file = await storage.append(path);
  await file.write(encode(text));
  await file.sync();
  file.close();
}

Deno.test("DirectoryStorage.root is absolute", () => {
  assert.equal(new DirectoryStorage("output").root, join(Deno.cwd(), "output"));
  assert.equal(new DirectoryStorage("/tmp/x/").root, "/tmp/x");
});

storageTest("DirectoryStorage makes nothing before something is written", async (storage) => {
  assert.equal(await storage.read("file"), undefined);
  assert.deepEqual(await storage.list("errors"), []);
  await assert.rejects(Deno.stat(storage.root), Deno.errors.NotFound);
});

storageTest("DirectoryStorage.replace() makes a file, or replaces all of it", async (storage) => {
  await storage.replace("c/file", encode("a long text"));
  assert.equal(decode(await storage.read("c/file")), "a long text");
  await storage.replace("c/file", encode("short"));
  assert.equal(decode(await storage.read("c/file")), "short");
  assert.deepEqual(await listed(storage, "c"), [{ path: "c/file", bytes: 5 }]);
});

// S-53
storageTest("DirectoryStorage.replace() lets nobody else read a secret", async (storage) => {
  await storage.replace("a/secret", encode("key"), { isSecret: true });
  assert.equal(Deno.statSync(join(storage.root, "a/secret")).mode! & 0o777, 0o600);
  assert.deepEqual(await storage.read("a/secret"), encode("key"));
});

storageTest("DirectoryStorage.replace() is not disturbed by what a crash left", async (storage) => {
  await storage.replace("file", encode("old"));
  await Deno.writeTextFile(join(storage.root, "file.new"), "half of something longer");
  await storage.replace("file", encode("new"));
  assert.equal(decode(await storage.read("file")), "new");
});

storageTest("DirectoryStorage.append() writes at the end, whole and in order", async (storage) => {
  const file = await storage.append("c/d/file");
  const bytes = encode("one\n");
  await file.write(bytes);
  bytes.fill(0);
  await file.write(encode("two\n"));
  await file.sync();
  await file.write(new Uint8Array());
  await file.sync();
  file.close();
  await write(storage, "c/d/file", "three\n");
  assert.equal(decode(await storage.read("c/d/file")), "one\ntwo\nthree\n");
});

storageTest("DirectoryStorage.append() writes more than one system call takes", async (storage) => {
  const bytes = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251);
  const file = await storage.append("file");
  await file.write(bytes);
  file.close();
  assert.deepEqual(await storage.read("file"), bytes);
});

storageTest(
  "DirectoryStorage.truncate() cuts a file, and appending goes on there",
  async (storage) => {
    await write(storage, "file", "kept, cut");
    await storage.truncate("file", 4);
    await storage.truncate("file", 4);
    await write(storage, "file", "!");
    assert.equal(decode(await storage.read("file")), "kept!");
    await storage.truncate("file", 6);
    assert.equal(decode(await storage.read("file")), "kept!", "it never grows");
    await storage.truncate("missing", 0);
    assert.equal(await storage.read("missing"), undefined);
  },
);

storageTest(
  "DirectoryStorage.append() makes directories anew that somebody took away",
  async (storage) => {
    await write(storage, "c/d/file", "one");
    await Deno.remove(join(storage.root, "c"), { recursive: true });
    await write(storage, "c/e/file", "two");
    assert.equal(decode(await storage.read("c/e/file")), "two");
    await Deno.remove(storage.root, { recursive: true });
    await write(storage, "c/e/file", "three");
    assert.equal(decode(await storage.read("c/e/file")), "three");
  },
);

storageTest("DirectoryStorage.move() makes the directory that it moves to", async (storage) => {
  await write(storage, "file", "text");
  await storage.move("file", "set_aside/c/file");
  assert.equal(await storage.read("file"), undefined);
  assert.equal(decode(await storage.read("set_aside/c/file")), "text");
  await assert.rejects(storage.move("missing", "other"), StorageException);
});

storageTest("DirectoryStorage.remove() removes one file", async (storage) => {
  await write(storage, "c/one", "1");
  await write(storage, "c/two", "2");
  await storage.remove("c/one");
  assert.deepEqual(await listed(storage, "c"), [{ path: "c/two", bytes: 1 }]);
  // Somebody else may have been there before.
  await storage.remove("c/one");
});

storageTest(
  "DirectoryStorage.removeDirectory() removes an empty one, and no other",
  async (storage) => {
    await write(storage, "c/d/file", "1");
    await storage.removeDirectory("c/d");
    assert.equal((await listed(storage, "c")).length, 1);
    await storage.remove("c/d/file");
    await storage.removeDirectory("c/d");
    await storage.removeDirectory("c/d");
    assert.deepEqual([...Deno.readDirSync(join(storage.root, "c"))], []);
    await write(storage, "c/d/file", "2");
    assert.equal(decode(await storage.read("c/d/file")), "2");
  },
);

storageTest("DirectoryStorage.list() tells when a file was last written to", async (storage) => {
  await write(storage, "c/file", "1");
  await Deno.utime(join(storage.root, "c/file"), 0, 1234);
  assert.equal((await storage.list("c"))[0]!.modifiedAtMs, 1_234_000);
});

storageTest(
  "DirectoryStorage.list() finds files at any depth, in order of their paths",
  async (storage) => {
    for (const path of ["c/b/2", "c/b/1", "c/b.txt", "c/a", "other/x", "c/d/e/f"]) {
      await write(storage, path, path);
    }
    await Deno.mkdir(join(storage.root, "c", "empty"));
    const paths = ["c/a", "c/b.txt", "c/b/1", "c/b/2", "c/d/e/f"];
    assert.deepEqual(
      await listed(storage, "c"),
      paths.map((path) => ({ path, bytes: path.length })),
    );
  },
);

storageTest(
  "DirectoryStorage throws where a file is in the way of a directory",
  async (storage) => {
    await write(storage, "c", "a file");
    await assert.rejects(storage.append("c/file"), (exception) => {
      assert.ok(exception instanceof StorageException);
      assert.match(exception.message, /^Cannot open \/.*\/c\/file: .*\(os error \d+\)/);
      return true;
    });
    await assert.rejects(storage.replace("c/file", encode("x")));
    assert.equal(decode(await storage.read("c")), "a file");
  },
);

storageTest(
  "DirectoryStorage.readPiece() reads as much as there is, and of no file nothing",
  async (storage) => {
    await write(storage, "a/b", "0123456789");
    const read = async (start: number, end: number) =>
      decode(await storage.readPiece("a/b", start, end));
    assert.equal(await read(0, 10), "0123456789");
    assert.equal(await read(3, 5), "34");
    assert.equal(await read(8, 100), "89");
    assert.equal(await read(10, 20), "");
    assert.equal(await storage.readPiece("a/c", 0, 1), undefined);
  },
);
