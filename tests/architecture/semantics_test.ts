import assert from "node:assert/strict";
import { listFiles, readText } from "./checkout.ts";

/** A rule begins a paragraph of docs/SEMANTICS.md with its number: `**S-12** …`. */
const RULE = /^\*\*S-(\d+)\*\* /gm;

/** A test cites a rule by its number, in its name or in a comment: `S-12`. */
const CITATION = /\bS-(\d+)\b/g;

const rules = [...(await readText("docs/SEMANTICS.md")).matchAll(RULE)].map(([, n]) => Number(n));

async function citations(): Promise<ReadonlyMap<number, string>> {
  const cited = new Map<number, string>();
  for (const path of await listFiles()) {
    if (!/^tests\/.*\.ts$/.test(path) || path.startsWith("tests/architecture/")) continue;
    for (const [, n] of (await readText(path)).matchAll(CITATION)) cited.set(Number(n), path);
  }
  return cited;
}

Deno.test("the rules of docs/SEMANTICS.md are numbered from 1 on, without a gap", () => {
  assert.ok(rules.length > 0);
  assert.deepEqual(rules, rules.map((_, i) => i + 1));
});

Deno.test("every rule that a test cites exists", async () => {
  const wrong = [...await citations()].filter(([rule]) => !rules.includes(rule));
  assert.deepEqual(wrong.map(([rule, path]) => `${path}: S-${rule}`), []);
});

Deno.test("every rule is cited by a test", async () => {
  const cited = await citations();
  assert.deepEqual(rules.filter((rule) => !cited.has(rule)).map((rule) => `S-${rule}`), []);
});

Deno.test("every rule that a document or a source names exists", async () => {
  const wrong = [];
  for (const path of await listFiles()) {
    if (!/\.(?:md|ts)$/.test(path) || path.startsWith("tests/")) continue;
    for (const [rule, n] of (await readText(path)).matchAll(CITATION)) {
      if (!rules.includes(Number(n))) wrong.push(`${path}: ${rule}`);
    }
  }
  assert.deepEqual(wrong, []);
});
