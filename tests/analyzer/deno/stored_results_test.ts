import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { analyzerConfig, analyzerOptions } from "../../../analyzer/config.ts";
import { StoredResults } from "../../../analyzer/deno/stored_results.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { parseOptions } from "../../../command_line/deno/parse_options.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import type { Source } from "../../../analyzer/source/source.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../../support/window_fixtures.ts";
import { LimitCounter } from "../../../analyzer/limits.ts";

/** Results in a directory of their own, and what they said. */
async function fixture() {
  const directory = Deno.makeTempDirSync();
  const [output, checkpoint] = [join(directory, "o"), join(directory, "c")];
  const config = analyzerConfig(
    parseOptions(analyzerOptions, ["--output", output, "--checkpoint", checkpoint]),
  );
  const notices: string[] = [];
  const lock = () =>
    StoredResults.lock(config, {
      clock: new ManualClock(),
      label: "label",
      notice: (line) => notices.push(line),
      retrier: storageRetrier(),
      limitCounter: new LimitCounter(),
    });
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

/** A source that is only looked at. */
function source(isLive: boolean): Source {
  const name = isLive ? "tcp://127.0.0.1:9999" : "file:a.jsonl";
  return {
    name,
    isLive,
    isReplayable: !isLive,
    prepare: (saved) => Promise.resolve(saved ?? { name, firstStartedAtMs: 0, file: undefined }),
    open: () => assert.fail("nothing is read"),
  };
}

/**
 * Lets a run close a window and save its first checkpoint, then damages a file of it.
 *
 * @param bytes counted; the position of the file, if it is one, is 5
 */
async function damaged(
  f: Awaited<ReturnType<typeof fixture>>,
  isLive: boolean,
  path: string,
  bytes = 5,
) {
  {
    using results = f.results;
    const { history, checkpoints, recovered } = await results.open([source(isLive)]);
    const window = windowSummary({ startMs: START_MS, lengthMs: LENGTH_MS });
    history.put({ ...window, state: "closed", ipSketches: window.statuses.map(() => EMPTY) });
    history.commit(1, 0);
    const first = await checkpoints.load({ notice: assert.fail, onNoneWhole: assert.fail });
    await checkpoints.save({
      ...first!,
      epoch: 1,
      errorFiles: recovered.errorFiles,
      totals: { ...emptyTotals(), bytes },
      positions: new Map(
        isLive ? [] : [["file:a.jsonl", { offsetBytes: 5, csvLayout: undefined }]],
      ),
    });
  }
  const errors = join(f.output, "errors", "date=2025-05-30");
  Deno.mkdirSync(errors, { recursive: true });
  Deno.writeTextFileSync(join(errors, "part-000001.jsonl"), "{}\n");
  Deno.writeTextFileSync(path, "nonsense".repeat(1000));
}

const EMPTY = new Uint8Array();

// S-40
Deno.test("StoredResults sets a damaged database aside, and goes on with a new one", async () => {
  using f = await fixture();
  const database = join(f.output, "windows.db");
  await damaged(f, true, database);
  using results = await f.lock();
  const { recovered, history } = await results.open([source(true)]);
  assert.equal(recovered.epoch, 1);
  assert.deepEqual(history.query({ limit: 1, urlsMax: 1 }).windows, []);
  const aside = join(f.output, "set_aside", "label");
  assert.match(Deno.readTextFileSync(join(aside, "windows.db")), /^nonsense/);
  assert.equal(
    f.notices[0],
    `The database in ${f.output} is damaged (file is not a database): set aside in ${aside}; ` +
      "the run goes on with a new one, without the windows that had closed",
  );
  results[Symbol.dispose]();
  using again = await f.lock();
  assert.equal((await again.open([source(true)])).recovered.epoch, 1, "it belongs to the run now");
});

// S-40
Deno.test("StoredResults begins anew where a database is damaged whose windows can be had again", async () => {
  using f = await fixture();
  await damaged(f, false, join(f.output, "windows.db"));
  using results = await f.lock();
  const { recovered } = await results.open([source(false)]);
  assert.equal(recovered.epoch, 0);
  const aside = join(f.output, "set_aside", "label");
  assert.match(f.notices[0]!, /: all results are set aside in .*, and the run begins anew$/);
  assert.deepEqual([...Deno.readDirSync(aside)].map(({ name }) => name).sort(), [
    "errors",
    "id",
    "windows.db",
  ]);
  assert.deepEqual([...Deno.readDirSync(f.output)].map(({ name }) => name).sort(), [
    "id",
    "lock",
    "set_aside",
    "windows.db",
    "windows.db-shm",
    "windows.db-wal",
  ]);
});

// S-40
Deno.test("StoredResults begins not anew where more was counted than files hold", async () => {
  using f = await fixture();
  await damaged(f, false, join(f.output, "windows.db"), 6);
  using results = await f.lock();
  const { recovered } = await results.open([source(false)]);
  assert.equal(recovered.epoch, 1, "what was delivered over HTTP is not sent again");
});

// S-40
Deno.test("StoredResults goes on with a new database where somebody took it away", async () => {
  using f = await fixture();
  const database = join(f.output, "windows.db");
  await damaged(f, true, database);
  Deno.removeSync(database);
  using results = await f.lock();
  const { recovered } = await results.open([source(true)]);
  assert.equal(recovered.epoch, 1);
  assert.equal(
    f.notices[0],
    `The database in ${f.output} is gone: the run goes on with a new one, ` +
      "without the windows that had closed",
  );
});

// S-40
Deno.test("StoredResults begins anew where no checkpoint is whole", async () => {
  using f = await fixture();
  const directory = join(f.checkpoint, "errors");
  await damaged(f, true, join(directory, "checkpoint-0.jsonl"));
  Deno.writeTextFileSync(join(directory, "checkpoint-1.jsonl"), "");
  using results = await f.lock();
  const { recovered, history } = await results.open([source(true)]);
  assert.equal(recovered.epoch, 0);
  assert.deepEqual(history.query({ limit: 1, urlsMax: 1 }).windows, []);
  assert.equal(f.notices.length, 2);
  for (const notice of f.notices) assert.match(notice, /, so the run begins anew$/);
  assert.ok(Deno.statSync(join(f.output, "set_aside", "label", "errors")).isDirectory);
});

Deno.test("StoredResults refuses a database of another version, and reset() moves it aside", async () => {
  using f = await fixture();
  const database = join(f.output, "windows.db");
  {
    using other = new DatabaseSync(database);
    other.exec("PRAGMA user_version = 7");
  }
  await assert.rejects(f.results.open([]), (exception) => {
    assert.ok(exception instanceof StartException);
    assert.equal(
      exception.message,
      `Cannot open ${database}: version is 7, supported are 1 to 2; take another --output, or --reset`,
    );
    return true;
  });
  await f.results.reset();
  const { recovered } = await f.results.open([]);
  assert.equal(recovered.epoch, 0);
  const aside = join(f.output, "set_aside", "label");
  assert.deepEqual(f.notices, [`Set aside what was there: ${aside}`]);
  f.results[Symbol.dispose]();
});
