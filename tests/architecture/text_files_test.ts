import assert from "node:assert/strict";
import { listFiles, listSources, readText } from "./checkout.ts";

/** A longer source file is more than one idea. */
const SOURCE_LINES_MAX = 500;

/** A longer test or document is one that nobody reads to its end. */
const LINES_MAX = 900;

const TEXT_FILE = /(?:\.(?:css|html|js|json|md|service|sh|sql|toml|ts|yaml|yml)|\/run|gitignore)$/;

const paths = (await listFiles()).filter((path) => TEXT_FILE.test(path));
const texts = new Map(
  await Promise.all(paths.map(async (path) => [path, await readText(path)] as const)),
);

/** Places of a pattern, as `path:line`. */
function find(pattern: RegExp): string[] {
  const places = [];
  for (const [path, text] of texts) {
    for (const [i, line] of text.split("\n").entries()) {
      if (pattern.test(line)) places.push(`${path}:${i + 1}: ${line.trim()}`);
    }
  }
  return places;
}

Deno.test("every text file ends with one newline", () => {
  const wrong = [...texts].filter(([, text]) => !/(?:^|[^\n])\n$/.test(text));
  assert.deepEqual(wrong.map(([path]) => path), []);
});

Deno.test("no file is longer than a reader's patience", async () => {
  const sources = new Set(await listSources());
  const wrong = [];
  for (const [path, text] of texts) {
    const lines = text.split("\n").length - 1;
    const linesMax = sources.has(path) ? SOURCE_LINES_MAX : LINES_MAX;
    // The lock file is written by Deno, and read by Deno.
    if (lines > linesMax && path !== "deno.lock") wrong.push(`${path}: ${lines} lines`);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nothing is left for later in a comment", () => {
  // Patterns are written so that they do not find themselves.
  assert.deepEqual(find(/\b(?:TO[D]O|FIX[M]E|X[X]X|HAC[K])\b/), []);
});

Deno.test("no file names a path of one machine", () => {
  assert.deepEqual(find(/(?<![\w.~])\/(?:home|root|work|Users)\/\w/), []);
});
