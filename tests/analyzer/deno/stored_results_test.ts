import assert from "node:assert/strict";
import { join } from "node:path";
import { analyzerConfig, analyzerOptions } from "../../../analyzer/config.ts";
import { StoredResults } from "../../../analyzer/deno/stored_results.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { parseOptions } from "../../../command_line/deno/parse_options.ts";

/** Results in a directory of their own, and what they said. */
async function fixture() {
  const directory = Deno.makeTempDirSync();
  const [output, checkpoint] = [join(directory, "o"), join(directory, "c")];
  const config = analyzerConfig(
    parseOptions(analyzerOptions, ["--output", output, "--checkpoint", checkpoint]),
  );
  const notices: string[] = [];
  const lock = () =>
    StoredResults.lock(config, { label: "label", notice: (line) => notices.push(line) });
  return {
    output,
    checkpoint,
    notices,
    lock,
    results: await lock(),
    [Symbol.dispose]: () => Deno.removeSync(directory, { recursive: true }),
  };
}

Deno.test("StoredResults keeps others off both directories until it is disposed of", async () => {
  using f = await fixture();
  await assert.rejects(f.lock(), StartException);
  f.results[Symbol.dispose]();
  using _again = await f.lock();
});

Deno.test("StoredResults frees the one directory where it cannot have the other", async () => {
  using f = await fixture();
  f.results[Symbol.dispose]();
  const path = join(f.checkpoint, "errors", "lock");
  Deno.removeSync(path);
  Deno.mkdirSync(path);
  await assert.rejects(f.lock());
  Deno.removeSync(path);
  using _again = await f.lock();
});

Deno.test("StoredResults refuses a database that is none, and reset() moves it aside", async () => {
  using f = await fixture();
  const database = join(f.output, "windows.db");
  Deno.writeTextFileSync(database, "nonsense".repeat(1000));
  await assert.rejects(f.results.open([]), (exception) => {
    assert.ok(exception instanceof StartException);
    assert.ok(exception.message.startsWith(`Cannot open ${database}: `));
    assert.match(exception.message, /; take another --output, or --reset$/);
    return true;
  });
  await f.results.reset();
  const { recovered } = await f.results.open([]);
  assert.equal(recovered.epoch, 0);
  const aside = join(f.output, "set_aside", "label");
  assert.deepEqual(f.notices, [`Set aside what was there: ${aside}`]);
  assert.match(Deno.readTextFileSync(join(aside, "windows.db")), /^nonsense/);
  f.results[Symbol.dispose]();
});
