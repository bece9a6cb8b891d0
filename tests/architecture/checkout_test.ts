import assert from "node:assert/strict";
import { listFiles, ROOT, withTemporaryDirectory } from "./checkout.ts";

Deno.test("listFiles() lists what is ours, each once and in order, and no results", async () => {
  const ours = [
    ".ci/run",
    ".gitignore",
    "analyzer/pipeline.ts",
    "deno.json",
    "links/std_csv/deno.json",
    "output/README.md",
    "tests/architecture/checkout_test.ts",
  ];
  await withTemporaryDirectory(async (directory) => {
    await Deno.writeTextFile(new URL(`${directory}/result.json`, ROOT), "{}");
    const files = await listFiles();
    assert.deepEqual(ours.filter((path) => !files.includes(path)), []);
    assert.deepEqual(files, [...new Set(files)].sort());
    assert.deepEqual(files.filter((path) => path.startsWith(directory)), []);
  });
});
