import assert from "node:assert/strict";
import {
  dateOf,
  isErrorFilePath,
  partNumberOf,
  partPath,
} from "../../../analyzer/sink/error_file_path.ts";

// S-33
Deno.test("partPath() is the path from which dateOf() and partNumberOf() read day and number", () => {
  assert.equal(partPath("2025-05-30", 12), "errors/date=2025-05-30/part-000012.jsonl");
  for (const [date, part] of [["2025-05-30", 1], ["-000001-12-31", 1_234_567]] as const) {
    const path = partPath(date, part);
    assert.deepEqual([dateOf(path), partNumberOf(path), isErrorFilePath(path)], [date, part, true]);
  }
});

Deno.test("partNumberOf() and isErrorFilePath() take nothing else for an error file", () => {
  for (
    const path of [
      "errors/part.jsonl",
      "errors/date=2025-05-30/part-.jsonl",
      "errors/date=2025-05-30/part-1.jsonl.gz",
      "errors/date=2025-05-30/part-1.json",
    ]
  ) {
    assert.equal(partNumberOf(path), undefined, path);
    assert.ok(!isErrorFilePath(path), path);
  }
  for (const path of ["errors/date=../../part-1.jsonl", "/errors/date=2025-05-30/part-1.jsonl"]) {
    assert.ok(!isErrorFilePath(path), path);
  }
});
