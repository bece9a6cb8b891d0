import assert from "node:assert/strict";
import type { Checkpoint } from "../../analyzer/checkpoint/checkpoint.ts";
import { loadIpKey } from "../../analyzer/checkpoint/ip_key.ts";
import { StoredCheckpoints } from "../../analyzer/checkpoint/stored_checkpoints.ts";
import { SqliteWindowHistory } from "../../analyzer/deno/sqlite_window_history.ts";
import type { InputPosition } from "../../analyzer/decode/record_batch.ts";
import { StartException } from "../../analyzer/exceptions.ts";
import { recover, type RecoveryOptions } from "../../analyzer/recovery.ts";
import { emptyTotals } from "../../analyzer/sink/totals.ts";
import type { SavedSource, Source } from "../../analyzer/source/source.ts";
import type { ClosedWindow } from "../../analyzer/window/window_summary.ts";
import { MemoryStorage } from "../support/memory_storage.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../support/window_fixtures.ts";

/** A source that is only looked at. */
class FakeSource implements Source {
  readonly name: string;
  readonly isLive: boolean;
  readonly isReplayable: boolean;
  /** What recovery told it of the runs before. */
  readonly prepared: (SavedSource | undefined)[] = [];
  readonly positions: (InputPosition | undefined)[] = [];
  /** Why it cannot be prepared, if it cannot. */
  failure: Error | undefined;
  isPastLost = false;

  constructor(name: string, isLive: boolean, isReplayable = !isLive) {
    this.name = name;
    this.isLive = isLive;
    this.isReplayable = isReplayable;
  }

  prepare(saved: SavedSource | undefined, position?: InputPosition): Promise<SavedSource> {
    this.prepared.push(saved);
    this.positions.push(position);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return Promise.resolve(saved ?? { name: this.name, firstStartedAtMs: 7, file: undefined });
  }

  open(): never {
    throw new Error("Recovery must not read anything");
  }
}

/** Everything that outlives a run, in memory. */
class Place implements Disposable {
  readonly output = new MemoryStorage();
  readonly checkpointStorage = new MemoryStorage();
  readonly history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  readonly notices: string[] = [];

  get checkpoints(): StoredCheckpoints {
    return new StoredCheckpoints(this.checkpointStorage, "label");
  }

  async recover(
    sources: readonly Source[],
    changes: Partial<RecoveryOptions> = {},
  ): ReturnType<typeof recover> {
    const { checkpoints = this.checkpoints } = changes;
    return await recover({
      output: this.output,
      history: this.history,
      checkpoints,
      checkpoint: await checkpoints.load({
        notice: (line) => this.notices.push(line),
        onNoneWhole: () => assert.fail(),
      }),
      sources,
      windowLengthMs: LENGTH_MS,
      minStatus: 400,
      checkpointRoot: "/checkpoint",
      label: "label",
      notice: (line) => this.notices.push(line),
      ...changes,
    });
  }

  /** The checkpoint that the next run would go on from. */
  async latest(): Promise<Checkpoint> {
    return (await this.checkpoints.load({ notice: assert.fail, onNoneWhole: assert.fail }))!;
  }

  [Symbol.dispose](): void {
    this.history.close();
  }
}

function windowAt(startMs: number): ClosedWindow {
  return { ...windowSummary({ startMs, statuses: [] }), state: "closed", ipSketches: [] };
}

async function refusal(recovery: Promise<unknown>): Promise<string> {
  const exception = await recovery.then(() => assert.fail("not refused"), (cause) => cause);
  assert.ok(exception instanceof StartException, String(exception));
  assert.equal(exception.exitStatus, 2);
  assert.ok(!exception.message.includes("\n"));
  return exception.message;
}

const LIVE = "tcp://127.0.0.1:9999";
const FILE = "file:a.jsonl";

Deno.test("recover() begins a first run with an empty checkpoint and a name for the output", async () => {
  using place = new Place();
  const source = new FakeSource(LIVE, true);
  const recovered = await place.recover([source]);
  assert.equal(recovered.epoch, 0);
  assert.equal(recovered.state, undefined);
  assert.deepEqual(recovered.errorFiles, { nextPart: 1, open: [] });
  assert.deepEqual(recovered.sources, [{ name: LIVE, firstStartedAtMs: 7, file: undefined }]);
  assert.deepEqual(source.prepared, [undefined]);
  const saved = await place.latest();
  assert.equal(saved.epoch, 0);
  assert.deepEqual(saved.totals, emptyTotals());
  assert.deepEqual(saved.identity, recovered.identity);
  assert.equal(place.output.text("id"), `${recovered.identity.outputId}\n`);
  assert.deepEqual(place.notices, []);
});

Deno.test("recover() goes on where the checkpoint is, whatever came after it", async () => {
  using place = new Place();
  const first = await place.recover([new FakeSource(FILE, false), new FakeSource(LIVE, true)]);
  place.history.put(windowAt(START_MS));
  place.history.commit(1, 0);
  const path = "errors/date=2025-05-30/part-000001.jsonl";
  place.output.set(path, "kept\ncut\nhalf");
  place.output.set("errors/date=2025-05-30/part-000002.jsonl", "new\n");
  await place.checkpoints.save({
    ...await place.latest(),
    epoch: 1,
    totals: { ...emptyTotals(), lines: 5 },
    errorFiles: { nextPart: 2, open: [{ path, bytes: 5 }] },
    positions: new Map([[FILE, { offsetBytes: 3, csvLayout: undefined }]]),
  });
  // Committed, but the checkpoint that says so was never saved.
  place.history.put(windowAt(START_MS + LENGTH_MS));
  place.history.commit(2, 0);

  const sources = [new FakeSource(LIVE, true), new FakeSource(FILE, false)];
  const second = await place.recover(sources);
  assert.equal(second.epoch, 1);
  assert.deepEqual(second.identity, first.identity);
  assert.equal(second.state?.totals.lines, 5);
  assert.deepEqual(second.errorFiles, { nextPart: 2, open: [{ path, bytes: 5 }] });
  assert.deepEqual(second.sources.map(({ name }) => name), [LIVE, FILE]);
  assert.deepEqual(sources.map(({ prepared }) => prepared[0]?.name), [LIVE, FILE]);
  assert.deepEqual(sources.map(({ positions }) => positions[0]?.offsetBytes), [undefined, 3]);
  const { windows } = place.history.query({ limit: 10, urlsMax: 1 });
  assert.deepEqual(windows.map(({ startMs }) => startMs), [START_MS]);
  assert.equal(place.output.text(path), "kept\n");
  assert.equal(place.output.text("set_aside/errors-label.jsonl"), "cut\nhalf\nnew\n");
  assert.deepEqual(place.notices, [
    "The last run ended without a checkpoint: 3 errors that came after the one before are set " +
    "aside in /memory/set_aside/errors-label.jsonl",
  ]);
  // What comes next is checkpoint number 2.
  place.history.put(windowAt(START_MS + LENGTH_MS));
  place.history.commit(2, 0);
});

Deno.test("recover() drops what is read again from files, without a word", async () => {
  using place = new Place();
  await place.recover([new FakeSource(FILE, false)]);
  const path = "errors/date=2025-05-30/part-000001.jsonl";
  place.output.set(path, "cut\n");
  await place.recover([new FakeSource(FILE, false)]);
  assert.deepEqual(place.output.paths(), ["id"]);
  assert.deepEqual(place.notices, []);
});

// S-39
Deno.test("recover() drops what is read again from a followed file, unless that is gone", async () => {
  for (const isPastLost of [false, true]) {
    using place = new Place();
    await place.recover([new FakeSource(FILE, true, true)]);
    place.output.set("errors/date=2025-05-30/part-000001.jsonl", "cut\n");
    const source = new FakeSource(FILE, true, true);
    source.isPastLost = isPastLost;
    await place.recover([source]);
    const aside = place.output.text("set_aside/errors-label.jsonl");
    assert.equal(aside, isPastLost ? "cut\n" : undefined);
    assert.equal(place.notices.length, isPastLost ? 1 : 0);
  }
});

Deno.test("recover() goes on after a crash in the first moments of a first run", async () => {
  using place = new Place();
  const first = await place.recover([new FakeSource(LIVE, true)]);
  // The checkpoint is there, but the crash came before the output got its name.
  place.output.delete("id");
  const second = await place.recover([new FakeSource(LIVE, true)]);
  assert.deepEqual(second.identity, first.identity);
  assert.equal(place.output.text("id"), `${first.identity.outputId}\n`);
});

Deno.test("recover() refuses a checkpoint that belongs to something else", async () => {
  using place = new Place();
  await place.recover([new FakeSource(LIVE, true)]);
  const source = new FakeSource(LIVE, true);
  const hint = ": take another --output and --checkpoint, or --reset to begin anew";
  assert.equal(
    await refusal(place.recover([source], { windowLengthMs: 60_000 })),
    `/memory holds windows of 30000 ms, not 60000 ms${hint}`,
  );
  assert.equal(
    await refusal(place.recover([source], { minStatus: 500 })),
    `/memory counts errors from 400 on, not 500${hint}`,
  );
  for (const sources of [[], [FILE], [LIVE, FILE]]) {
    assert.equal(
      await refusal(place.recover(sources.map((name) => new FakeSource(name, true)))),
      `/memory belongs to other sources (${LIVE})${hint}`,
    );
  }
  using other = new Place();
  await other.recover([source]);
  assert.equal(
    await refusal(place.recover([source], { checkpoints: other.checkpoints })),
    `The checkpoint in /checkpoint does not belong to /memory${hint}`,
  );
  assert.equal(
    await refusal(
      place.recover([source], { checkpoints: new StoredCheckpoints(new MemoryStorage(), "") }),
    ),
    `/memory holds results, but /checkpoint no checkpoint of them${hint}`,
  );
  // A used checkpoint does not fit an output that is new either.
  await place.checkpoints.save({ ...await place.latest(), epoch: 1 });
  place.output.delete("id");
  assert.match(await refusal(place.recover([source])), /does not belong to/);
});

// S-53
Deno.test("recover() makes the key durable before the checkpoint that names it", async () => {
  for (let count = 1;; count++) {
    using place = new Place();
    const key = await loadIpKey(place.checkpointStorage);
    place.checkpointStorage.failAt(count);
    const hasFailed = await place.recover([], { ipKey: key }).then(() => false, () => true);
    place.checkpointStorage.crash();
    const checkpoint = await place.latest();
    if (checkpoint !== undefined) {
      assert.equal(checkpoint.identity.ipKeyId, (await loadIpKey(place.checkpointStorage)).id);
    }
    if (!hasFailed) return assert.ok(count > 2 && checkpoint !== undefined);
  }
});

// S-53
Deno.test("recover() refuses addresses that were kept in another way", async () => {
  using place = new Place();
  const ipKey = await loadIpKey(place.checkpointStorage);
  await place.recover([], { ipKey });
  assert.equal((await place.recover([], { ipKey })).identity.ipKeyId, ipKey.id);
  assert.match(await refusal(place.recover([])), /needs --mask-ip: take another --output/);
  const other = await loadIpKey(new MemoryStorage());
  assert.match(await refusal(place.recover([], { ipKey: other })), /ip_key, .* is gone: take/);
  assert.match(
    await refusal(place.recover([], { ipKey: { ...other, isNew: false } })),
    /with another key than \/memory\/ip_key: take/,
  );
  using plain = new Place();
  await plain.recover([]);
  assert.match(await refusal(plain.recover([], { ipKey })), /as they came, not masked: take/);
});

Deno.test("recover() refuses error files that nothing else tells of", async () => {
  using place = new Place();
  // Somebody has removed the checkpoints and the history, but not the errors.
  const path = "errors/date=2025-05-30/part-000001.jsonl";
  place.output.set(path, "old\n");
  assert.match(
    await refusal(place.recover([new FakeSource(LIVE, true)])),
    /^\/memory holds results, but \/checkpoint no checkpoint of them: /,
  );
  assert.equal(place.output.text(path), "old\n");
  assert.deepEqual(place.checkpointStorage.paths(), []);
});

Deno.test("recover() takes no other file for an error file", async () => {
  using place = new Place();
  // With one directory for both, the lock of the checkpoints lies where error files do.
  place.output.set("errors/lock", "");
  place.output.set("errors/date=2025-05-30/part-000001.jsonl.gz", "packed");
  const { errorFiles } = await place.recover([new FakeSource(LIVE, true)]);
  assert.deepEqual(errorFiles, { nextPart: 1, open: [] });
});

Deno.test("recover() changes nothing where a source is not there", async () => {
  using place = new Place();
  await place.recover([new FakeSource(FILE, false)]);
  const path = "errors/date=2025-05-30/part-000001.jsonl";
  place.output.set(path, "cut\n");
  const source = new FakeSource(FILE, false);
  source.failure = new StartException("there is no such file", { exitStatus: 1 });
  await assert.rejects(place.recover([source]), source.failure);
  assert.equal(place.output.text(path), "cut\n");
});

Deno.test("recover() tells of a damaged checkpoint and goes on from the one before", async () => {
  using place = new Place();
  await place.recover([new FakeSource(FILE, false)]);
  place.history.put(windowAt(START_MS));
  place.history.commit(1, 0);
  place.checkpointStorage.set("checkpoint-1.jsonl", "{");
  const { epoch } = await place.recover([new FakeSource(FILE, false)]);
  assert.equal(epoch, 0);
  assert.deepEqual(place.history.query({ limit: 1, urlsMax: 1 }).windows, []);
  assert.equal(place.notices.length, 1);
  assert.match(place.notices[0]!, /is damaged \(.*\): set aside as .*; going on from number 0$/);
});
