import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Analyzer, filesBelow, generated, linesOf, run, TemporaryDirectory } from "./support.ts";

const DAY_MS = 86_400_000;

/** A log of a day long gone, read today, and one that is added to it. */
const OLD = await generated(["--count", "3000", "--seed", "5"]);
const NEW = OLD.replaceAll("2025-05-30T", "2025-06-01T");

/** Puts the time at which something was stored back, as the passing of days would. */
function age(directory: TemporaryDirectory, days: number): void {
  for (const path of filesBelow(directory.join("run", "output", "errors"))) {
    const { mtime } = Deno.statSync(path);
    Deno.utimeSync(path, new Date(), new Date(mtime!.getTime() - days * DAY_MS));
  }
  using database = new DatabaseSync(directory.join("run", "output", "windows.db"));
  database.prepare("UPDATE windows SET stored_ms = stored_ms - ?").run(days * DAY_MS);
}

// S-49, S-50, S-51
Deno.test("analyze --retention removes what was stored long ago, and nothing else", async () => {
  using directory = new TemporaryDirectory();
  const file = directory.write("a.jsonl", OLD);
  const args = [
    ...["--source", `file:${file}`, "--window", "1s", ...directory.options()],
    ...["--retention", "30d"],
  ];
  const once = async (...more: string[]) => {
    const { status, stderr } = await run("analyze", [
      ...[...args, "--once", "--no-http", "--quiet", "--limit", "error-file-bytes=1KiB"],
      ...more,
    ]);
    assert.equal(status, 0, stderr);
  };
  await once();
  const oldLines = directory.errorLines();
  assert.ok(oldLines.length > 20);
  const setAside = directory.join("run", "output", "set_aside", "errors-x.jsonl");
  Deno.mkdirSync(directory.join("run", "output", "set_aside"));
  Deno.writeTextFileSync(setAside, oldLines.join("\n"));
  Deno.utimeSync(setAside, 0, 0);
  // A year old by event time, and just read: all of it is there, this time and the next.
  await once();
  assert.deepEqual(directory.errorLines(), oldLines);

  age(directory, 29);
  Deno.writeTextFileSync(file, NEW, { append: true });
  await once();
  const lines = directory.errorLines();
  assert.equal(lines.length, 2 * oldLines.length);

  age(directory, 2);
  const oldParts = filesBelow(directory.join("run", "output", "errors"))
    .filter((path) => path.includes("/date=2025-05-30/"));
  assert.ok(oldParts.length > 3, String(oldParts));
  await using analyzer = await Analyzer.start(args);
  const metric = async (name: string) => {
    const text = await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)![1]);
  };
  const { totals } = await analyzer.until(({ totals }) => totals.lines === 6000);
  for (let i = 0; await metric("vigie_retention_removed_windows_total") === 0; i++) {
    assert.ok(i < 1000);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const windows = await analyzer.windows();
  assert.ok(windows.length > 0);
  assert.ok(windows.every(({ start }) => start.startsWith("2025-06-01T")), windows[0]!.start);
  const gone = await analyzer.get("/windows/2025-05-30T18:52:30Z");
  assert.equal(gone.status, 404, await gone.text());
  // One may be open in the checkpoints: it goes once two of them know it as closed.
  const removed = await metric("vigie_retention_removed_files_total");
  assert.ok(removed === oldParts.length || removed === oldParts.length - 1, String(removed));
  await analyzer.stop();

  const left = directory.errorLines();
  assert.deepEqual(
    left.slice(-oldLines.length),
    lines.slice(-oldLines.length),
    "what is new stays",
  );
  assert.ok(left.length < lines.length);
  assert.equal(totals.errors, lines.length, "totals go on counting what was removed");
  assert.equal(Deno.readTextFileSync(setAside), oldLines.join("\n"));
  assert.equal(linesOf(NEW).length, 3000);
});

Deno.test("analyze refuses --retention together with --no-save", async () => {
  const { status, stderr } = await run("analyze", ["--retention", "1d", "--no-save"]);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^vigie: --retention and --no-save contradict each other: write one of them$/m,
  );
});
