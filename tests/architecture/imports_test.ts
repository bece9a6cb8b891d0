import assert from "node:assert/strict";
import { folderOf, listSources } from "./checkout.ts";
import { findCircles, readModuleGraph } from "./module_graph.ts";

const sources = await listSources();
const graph = await readModuleGraph(sources);

/** For each part of the program, what it may import besides itself, packages apart. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "log_format": [],
  "command_line": [],
  "links": [],
  "generator": ["command_line", "log_format"],
  "analyzer": ["command_line", "log_format"],
  "main.ts": ["analyzer", "command_line", "deno.json", "generator"],
};

/**
 * The one circle of types: a barrier carries the state of a checkpoint, which is made of the states
 * of the stages that it passes, and those take elements, of which a barrier is one. Types are
 * erased, so no module waits for another; taking the circle apart would put the states' types away
 * from the classes whose states they are.
 */
const TYPE_CIRCLE = [
  "analyzer/checkpoint/checkpoint.ts",
  "analyzer/sink/error_files.ts",
  "analyzer/source/source.ts",
  "analyzer/stream/elements.ts",
  "analyzer/window/tumbling_window_operator.ts",
  "analyzer/window/watermark_operator.ts",
];

/** Every import of one file of ours by another, `from → to`. */
function* localImports(): Generator<{ readonly from: string; readonly to: string }> {
  for (const from of sources) {
    const { code, types } = graph.get(from)!;
    for (const to of [...code, ...types]) if (!to.includes(":")) yield { from, to };
  }
}

Deno.test("imports run one way: only main.ts knows both generator and analyzer", () => {
  const wrong = [];
  for (const { from, to } of localImports()) {
    const [fromFolder, toFolder] = [folderOf(from), folderOf(to)];
    // What is imported as @std/… lies in links/ only for now: that import is one of a package.
    if (fromFolder === toFolder || toFolder === "links") continue;
    if (!ALLOWED[fromFolder]!.includes(toFolder)) wrong.push(`${from} → ${to}`);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("nobody imports links/ by its path, so that the published packages can take its place", () => {
  const wrong = sources.filter((path) =>
    folderOf(path) !== "links" &&
    graph.get(path)!.written.some((specifier) => specifier.includes("links/"))
  );
  assert.deepEqual(wrong, []);
});

Deno.test("links/ imports nothing but its own files", () => {
  const wrong = sources.filter((path) =>
    folderOf(path) === "links" &&
    graph.get(path)!.written.some((specifier) => !specifier.startsWith("./"))
  );
  assert.deepEqual(wrong, []);
});

Deno.test("only main.ts and folders named deno/ import from folders named deno/", () => {
  const wrong = [];
  for (const { from, to } of localImports()) {
    if (to.includes("/deno/") && !from.includes("/deno/") && from !== "main.ts") {
      wrong.push(`${from} → ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("node:* modules are imported only by main.ts and under folders named deno/", () => {
  const wrong = sources.filter((path) =>
    path !== "main.ts" && !path.includes("/deno/") &&
    graph.get(path)!.written.some((specifier) => specifier.startsWith("node:"))
  );
  assert.deepEqual(wrong, []);
});

Deno.test("imports make no circles", () => {
  assert.deepEqual(findCircles((path) => graph.get(path)?.code ?? [], sources), []);
});

Deno.test("imports of types make no circle but the known one", () => {
  const circles = findCircles((path) => {
    const { code = [], types = [] } = graph.get(path) ?? {};
    return [...code, ...types];
  }, sources);
  const known = new Set(TYPE_CIRCLE);
  assert.deepEqual(circles.filter((circle) => !circle.every((path) => known.has(path))), []);
});

Deno.test("findCircles() finds circles, and nothing in a graph without one", () => {
  const importsIn = (edges: Record<string, string[]>) => (path: string) => edges[path] ?? [];
  const nodes = ["a", "b", "c", "d", "e"];
  const tree = { a: ["b", "c"], b: ["d"], c: ["d", "e"] };
  assert.deepEqual(findCircles(importsIn(tree), nodes), []);
  assert.deepEqual(findCircles(importsIn({ ...tree, d: ["a"] }), nodes), [["a", "b", "c", "d"]]);
  const two = { a: ["b"], b: ["a", "c"], c: ["d"], d: ["e"], e: ["c"] };
  assert.deepEqual(findCircles(importsIn(two), nodes), [["c", "d", "e"], ["a", "b"]]);
});
