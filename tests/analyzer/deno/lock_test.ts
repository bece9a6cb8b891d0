import assert from "node:assert/strict";
import { join } from "node:path";
import { DirectoryStorage } from "../../../analyzer/deno/directory_storage.ts";
import { lockDirectory } from "../../../analyzer/deno/lock.ts";
import { StartException } from "../../../analyzer/exceptions.ts";

async function withStorage(test: (storage: DirectoryStorage) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(new DirectoryStorage(join(directory, "a", "b")));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

// S-42
Deno.test("lockDirectory() refuses a second lock until the first is gone", async () => {
  await withStorage(async (storage) => {
    const first = await lockDirectory(storage);
    await assert.rejects(lockDirectory(storage), (exception) => {
      assert.ok(exception instanceof StartException);
      assert.equal(exception.exitStatus, 1);
      assert.ok(exception.message.startsWith(`${storage.root} is in use by another vigie: `));
      return true;
    });
    first[Symbol.dispose]();
    (await lockDirectory(storage))[Symbol.dispose]();
  });
});

Deno.test("lockDirectory() locks one directory, not its neighbours", async () => {
  await withStorage(async (storage) => {
    using _first = await lockDirectory(storage);
    using _second = await lockDirectory(new DirectoryStorage(join(storage.root, "inner")));
  });
});

/** Locks the directory it is given, says so, and lives until it is killed. */
const CHILD = `
  const { DirectoryStorage } = await import(Deno.args[0]);
  const { lockDirectory } = await import(Deno.args[1]);
  globalThis.lock = await lockDirectory(new DirectoryStorage(Deno.args[2]));
  console.log("locked");
  for await (const _ of Deno.stdin.readable);
`;

// S-42
Deno.test("lockDirectory() holds against other processes, and goes with a killed one", async () => {
  await withStorage(async (storage) => {
    const source = (name: string) =>
      new URL(`../../../analyzer/deno/${name}.ts`, import.meta.url).href;
    const program = join(storage.root, "child.js");
    await Deno.mkdir(storage.root, { recursive: true });
    await Deno.writeTextFile(program, CHILD);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-lock",
        "--allow-read",
        "--allow-write",
        program,
        source("directory_storage"),
        source("lock"),
        storage.root,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    assert.equal(new TextDecoder().decode((await output.read()).value), "locked\n");
    await assert.rejects(lockDirectory(storage), StartException);

    child.kill("SIGKILL");
    await child.status;
    await output.cancel();
    await child.stdin.abort().catch(() => {/* The reader of the pipe is gone, as it should be. */});
    (await lockDirectory(storage))[Symbol.dispose]();
  });
});
