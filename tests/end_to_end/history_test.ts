import assert from "node:assert/strict";
import { Analyzer, generated, linesOf, TemporaryDirectory } from "./support.ts";

/** An hour of windows, and the same a day later. */
const FIRST = await generated(["--count", "4000", "--seed", "7"]);
const SECOND = FIRST.replaceAll("2025-05-30T", "2025-05-31T");

interface Page {
  readonly errors: readonly { readonly record: Record<string, unknown>; readonly time: string }[];
  readonly next_cursor: string | null;
  readonly complete: boolean;
}

async function json<Body>(analyzer: Analyzer, path: string): Promise<Body> {
  const response = await analyzer.get(path);
  assert.equal(response.status, 200, path);
  return await response.json();
}

async function allErrors(analyzer: Analyzer, query: string): Promise<Record<string, unknown>[]> {
  const records = [];
  let cursor = "";
  for (;;) {
    const page = await json<Page>(analyzer, `/errors?limit=300&${query}${cursor}`);
    records.push(...page.errors.map(({ record }) => record));
    if (page.next_cursor === null) return records;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

// S-64, S-65, S-66, S-67
Deno.test("analyze serves ranges and stored errors, and goes on doing so after a kill", async () => {
  using directory = new TemporaryDirectory();
  const file = directory.write("a.jsonl", FIRST);
  const args = [
    ...["--source", `file:${file}`, "--window", "1s", "--quiet", ...directory.options()],
    ...["--limit", "error-file-bytes=20KiB"],
  ];
  const expect = async (analyzer: Analyzer) => {
    await analyzer.until(({ totals }) => totals.lines === linesOf(text).length);
    const errors = linesOf(text).map((line) => JSON.parse(line))
      .filter(({ status }) => status >= 400);
    const ips = new Set(errors.map(({ ip }) => ip));
    const summary = await json<Record<string, unknown>>(
      analyzer,
      "/summary?from=2025-05-30T00:00:00Z&to=2025-06-01T00:00:00Z",
    );
    const [windows] = [await analyzer.windows()];
    const late = windows.reduce((sum, { late_count }) => sum + late_count, 0);
    assert.equal(late, 0);
    // The last window is open until more comes.
    const closed = windows.reduce((sum, { error_count }) => sum + error_count, 0);
    assert.equal(summary["error_count"], closed);
    const hours = await json<{ windows: { error_count: number }[] }>(
      analyzer,
      "/windows?step=1h&urls=0",
    );
    assert.equal(hours.windows.reduce((sum, { error_count }) => sum + error_count, 0), closed);

    const found = await allErrors(analyzer, "");
    assert.deepEqual(found.toReversed(), errors);
    const url = String(errors[0].url);
    const ofUrl = errors.filter((error) => error.url === url && error.status === 404);
    assert.deepEqual(
      (await allErrors(analyzer, `url=${encodeURIComponent(url)}&status=404`)).toReversed(),
      ofUrl,
    );
    const clients = await json<{ clients: { unique_ips: number; complete: boolean }[] }>(
      analyzer,
      `/summary/clients?from=2025-05-30T00:00:00Z&to=2025-06-02T00:00:00Z&url=${
        encodeURIComponent(url)
      }`,
    );
    const ofClients = new Set(errors.filter((error) => error.url === url).map(({ ip }) => ip)).size;
    assert.equal(clients.clients[0]!.unique_ips, ofClients);
    assert.ok(clients.clients[0]!.complete && ofClients <= ips.size);
  };
  let text = FIRST;
  {
    await using analyzer = await Analyzer.start(args);
    await expect(analyzer);
    analyzer.program.kill("SIGKILL");
  }
  text = FIRST + SECOND;
  Deno.writeTextFileSync(file, SECOND, { append: true });
  {
    await using analyzer = await Analyzer.start(args);
    await expect(analyzer);
    await analyzer.stop();
  }
  // Without what is derived: it is made anew.
  for (const name of ["windows.db", "windows.db-wal", "windows.db-shm"]) {
    const path = directory.join("run", "output", name);
    await Deno.remove(path).catch(() => {});
  }
  await using analyzer = await Analyzer.start([...args, "--follow"]);
  await expect(analyzer);
});
