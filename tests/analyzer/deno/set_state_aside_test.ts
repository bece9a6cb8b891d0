import assert from "node:assert/strict";
import { join } from "node:path";
import { setStateAside } from "../../../analyzer/deno/set_state_aside.ts";

Deno.test("setStateAside() moves files and directories, and leaves others", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "errors", "day"), { recursive: true });
    await Deno.writeTextFile(join(root, "errors", "day", "part"), "a");
    await Deno.writeTextFile(join(root, "windows.db"), "b");
    await Deno.writeTextFile(join(root, "lock"), "c");
    const names = ["errors", "windows.db", "windows.db-wal"];
    const aside = await setStateAside(root, names, "first");
    assert.equal(aside, join(root, "set_aside", "first"));
    assert.equal(await Deno.readTextFile(join(aside, "errors", "day", "part")), "a");
    assert.equal(await Deno.readTextFile(join(aside, "windows.db")), "b");
    assert.deepEqual(Array.from(Deno.readDirSync(root), ({ name }) => name).sort(), [
      "lock",
      "set_aside",
    ]);

    // What was set aside before stays where it is.
    await Deno.writeTextFile(join(root, "windows.db"), "d");
    await setStateAside(root, names, "second");
    assert.equal(await Deno.readTextFile(join(aside, "windows.db")), "b");
    assert.equal(await Deno.readTextFile(join(root, "set_aside", "second", "windows.db")), "d");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("setStateAside() does nothing where there is nothing, or no directory", async () => {
  const root = await Deno.makeTempDir();
  try {
    assert.equal(await setStateAside(root, ["a"], "label"), undefined);
    assert.deepEqual([...Deno.readDirSync(root)], []);
    assert.equal(await setStateAside(join(root, "none"), ["a"], "label"), undefined);
    assert.deepEqual([...Deno.readDirSync(root)], []);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
