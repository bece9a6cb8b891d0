import assert from "node:assert/strict";
import { listSources, readText, ROOT, runDeno, withTemporaryDirectory } from "./checkout.ts";

/** What runs anywhere: everything but `main.ts` and the folders named deno/. */
async function listPortable(): Promise<readonly string[]> {
  const sources = await listSources();
  return sources.filter((path) => path !== "main.ts" && !path.includes("/deno/"));
}

/**
 * Type-checks files as if there were no Deno: same options, other libraries. The files are checked
 * where they are; only the configuration is another one.
 */
async function checkWithoutDeno(files: readonly string[], extra = ""): Promise<string> {
  const { compilerOptions, imports } = JSON.parse(await readText("deno.json")) as {
    readonly compilerOptions: Record<string, unknown>;
    readonly imports: Readonly<Record<string, string>>;
  };
  return await withTemporaryDirectory(async (directory) => {
    // The page's modules run in browsers as they are, and have their types in comments.
    const checkJs = true;
    const lib = ["esnext", "dom", "dom.iterable", "dom.asynciterable"];
    const config = {
      imports,
      links: ["../../links/std_csv", "../../links/std_streams"],
      compilerOptions: { ...compilerOptions, checkJs, lib },
    };
    await Deno.writeTextFile(
      new URL(`${directory}/deno.json`, ROOT),
      JSON.stringify(config),
    );
    const lines = files.map((path) => `import ${JSON.stringify(`../../${path}`)};\n`);
    await Deno.writeTextFile(new URL(`${directory}/all.ts`, ROOT), lines.join("") + extra);
    return await runDeno([
      "check",
      "--quiet",
      "--no-lock",
      "--config",
      `${directory}/deno.json`,
      `${directory}/all.ts`,
    ]);
  });
}

Deno.test("everything outside deno/ folders and main.ts type-checks without the Deno namespace", async () => {
  const files = await listPortable();
  assert.ok(files.includes("analyzer/pipeline.ts") && files.length > 50, files.join("\n"));
  await checkWithoutDeno(files);
});

Deno.test("the check without Deno notices a use of Deno", async () => {
  await assert.rejects(
    checkWithoutDeno([], "export const pid: number = Deno.pid;\n"),
    /Cannot find name 'Deno'/,
  );
});
