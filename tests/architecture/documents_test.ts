import assert from "node:assert/strict";
import { listFiles, readText, runDeno } from "./checkout.ts";

const files = await listFiles();
const documents = new Map(
  await Promise.all(
    files.filter((path) => path.endsWith(".md"))
      .map(async (path) => [path, await readText(path)] as const),
  ),
);

/** Options that the documents name of other programs than the commands, by program. */
const FOREIGN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  benchmarks: ["--data", "--lines", "--only", "--runs", "--seconds"],
  curl: ["--data", "--data-binary", "--retry", "--retry-all-errors"],
  fuzzing: ["--cases", "--only", "--seed"],
  npm: ["--prefix"],
  prometheus: ["--config"],
  simulation: ["--first", "--seeds"],
  soak: ["--minutes", "--scrape-interval"],
  deno: [
    "--allow-env",
    "--allow-net",
    "--allow-read",
    "--allow-run",
    "--allow-write",
    "--coverage",
    "--deny-write",
    "--frozen",
    "--heap-growing-percent",
    "--ignore-env",
    "--max-semi-space-size",
    "--no-prompt",
    "--no-remote",
  ],
};

/** Matches of a pattern's first group in all documents, as `document: match`. */
function* matches(
  pattern: RegExp,
): Generator<{ readonly document: string; readonly text: string }> {
  for (const [document, content] of documents) {
    for (const match of content.matchAll(pattern)) yield { document, text: match[1]! };
  }
}

/** The headings of a document as GitHub and others make link targets of them. */
function anchorsOf(content: string): string[] {
  const withoutCode = content.replaceAll(/^```.*?^```/gms, "");
  return [...withoutCode.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

/** The options that `--help` lists for a command; for the program where none is named. */
async function optionsOf(command?: string): Promise<readonly string[]> {
  const args = command === undefined ? ["--help"] : [command, "--help"];
  const help = await runDeno(["run", "--frozen", "--no-prompt", "main.ts", ...args]);
  return [...help.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, name]) => name!);
}

const COMMANDS = ["gen", "analyze", "demo"];
const GENERAL_OPTIONS = ["--help", "--version"];

Deno.test("every relative link in a document leads to a file, and its anchor to a heading", () => {
  const wrong = [];
  for (const { document, text: target } of matches(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const url = new URL(target, `file:///${document}`);
    const path = url.pathname === `/${document}` ? document : url.pathname.slice(1);
    const isThere = files.includes(path) || files.some((file) => file.startsWith(`${path}/`)) ||
      files.some((file) => path.endsWith("/") && file.startsWith(path));
    const anchor = decodeURIComponent(url.hash.slice(1));
    const hasAnchor = anchor === "" || anchorsOf(documents.get(path) ?? "").includes(anchor);
    if (!isThere || !hasAnchor) wrong.push(`${document}: ${target}`);
  }
  assert.deepEqual(wrong, []);
});

Deno.test("every path of the source that a document names exists", () => {
  const wrong = [];
  const pattern =
    /`((?:analyzer|benches|command_line|docs|generator|links|log_format|tests)\/[\w/.-]*)`/g;
  for (const { document, text: path } of matches(pattern)) {
    if (!files.some((file) => file === path || file.startsWith(path.replace(/\/?$/, "/")))) {
      wrong.push(`${document}: ${path}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("every task that a document names exists", async () => {
  const { tasks } = JSON.parse(await readText("deno.json")) as { readonly tasks: object };
  const wrong = [...matches(/\bdeno(?:@[\d.]+)? task ([a-z][\w:-]*)/g)]
    .filter(({ text }) => !Object.hasOwn(tasks, text));
  assert.deepEqual(wrong, []);
});

Deno.test("every option that a document names exists", async () => {
  const own = await Promise.all(COMMANDS.map(optionsOf));
  assert.ok(own.every((options) => options.length > 0), "--help lists no options");
  const known = new Set([...own, GENERAL_OPTIONS, ...Object.values(FOREIGN_OPTIONS)].flat());
  const wrong = [...matches(/(?<![\w-])(--[a-z][a-z-]*[a-z])(?![\w-])/g)]
    .filter(({ text }) => !known.has(text));
  assert.deepEqual(wrong, []);
});

Deno.test("every command line in a document gives a command only options that it has", async () => {
  const wrong = [];
  for (const command of COMMANDS) {
    const known = new Set([...await optionsOf(command), ...GENERAL_OPTIONS]);
    const pattern = new RegExp(
      `\\b(?:deno(?:@[\\d.]+)? task|main\\.ts) ${command}\\b((?:[^\`\\n|&;>#\\\\]|\\\\\\n)*)`,
      "g",
    );
    for (const { document, text } of matches(pattern)) {
      for (const [name] of text.matchAll(/(?<![\w-])--[a-z-]+/g)) {
        if (!known.has(name)) wrong.push(`${document}: ${command} ${name}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("the options of the program are the general ones", async () => {
  assert.deepEqual(await optionsOf(), GENERAL_OPTIONS);
});
