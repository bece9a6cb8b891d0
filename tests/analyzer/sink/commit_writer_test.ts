import assert from "node:assert/strict";
import type { Checkpoint, CheckpointState } from "../../../analyzer/checkpoint/checkpoint.ts";
import { StoredCheckpoints } from "../../../analyzer/checkpoint/stored_checkpoints.ts";
import { BodyHead } from "../../../analyzer/delivery/body_head.ts";
import { Delivery } from "../../../analyzer/delivery/delivery.ts";
import { DeliveryLedger } from "../../../analyzer/delivery/delivery_ledger.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";
import { CommitWriter, type CommitWriterOptions } from "../../../analyzer/sink/commit_writer.ts";
import {
  ErrorFiles,
  NO_ERROR_FILES,
  recoverErrorFiles,
} from "../../../analyzer/sink/error_files.ts";
import { LiveViewBoard } from "../../../analyzer/sink/live_view_board.ts";
import { SourceStates } from "../../../analyzer/sink/source_states.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { TotalsCounter } from "../../../analyzer/sink/totals_counter.ts";
import type { Removal, WindowHistory, WindowPage } from "../../../analyzer/sink/window_history.ts";
import type { SavedSource } from "../../../analyzer/source/source.ts";
import type { CheckpointBarrier, StreamElement } from "../../../analyzer/stream/elements.ts";
import type { LateCounts } from "../../../analyzer/window/late_counts.ts";
import type { ClosedWindow, WindowSummary } from "../../../analyzer/window/window_summary.ts";
import { analyzedBatch } from "../../support/batches.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryStorage } from "../../support/memory_storage.ts";
import { RecordedTracing } from "../../support/recorded_tracing.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  windowSummary,
} from "../../support/window_fixtures.ts";
import { testLimits } from "../../support/limits.ts";

const TCP: SavedSource = { name: "tcp://127.0.0.1:9999", firstStartedAtMs: 0, file: undefined };
const FILE: SavedSource = {
  name: "file:/a.jsonl",
  firstStartedAtMs: 0,
  file: { device: 1, inode: 2, hashedBytes: 0, hash: "" },
};
const PART = "errors/date=2025-05-30/part-000001.jsonl";

/** Knows which windows would be there after a crash, and tells a log what it is asked to do. */
class RecordingHistory implements WindowHistory {
  readonly #log: (entry: string) => void;
  #pending: number[] = [];
  /** Starts by the checkpoint that committed them. */
  readonly committed = new Map<number, readonly number[]>();
  /** The commit of this checkpoint throws. */
  failAtEpoch = 0;

  constructor(log: (entry: string) => void) {
    this.#log = log;
  }

  put({ startMs }: ClosedWindow): void {
    this.#log(`put ${startMs - START_MS}`);
    this.#pending.push(startMs);
  }

  addLate({ windowStartMs, lateCount, lateErrorCount }: LateCounts): void {
    this.#log(`late ${windowStartMs - START_MS}: ${lateCount}, ${lateErrorCount}`);
  }

  readonly ranges = new InMemoryHistory().ranges;

  rollUp(): void {
    this.#log("roll up");
  }

  addErrorBlock(): void {}
  learnErrorBlock(): void {}
  forgetErrorPart(): void {}
  errorBlocks() {
    return [];
  }

  sync(): Promise<void> {
    this.#log("sync history");
    return Promise.resolve();
  }

  commit(epoch: number): void {
    this.#log(`commit ${epoch}`);
    if (epoch === this.failAtEpoch) throw new Error("disk full");
    this.committed.set(epoch, this.#pending);
    this.#pending = [];
  }

  /** Starts of all windows that were committed up to a checkpoint. */
  startsUpTo(epoch: number): number[] {
    return [...this.committed].filter(([of]) => of <= epoch).flatMap(([, starts]) => starts);
  }

  removeOld(): Removal {
    throw new Error("The writer does not remove windows itself");
  }

  rollBackTo(): void {
    throw new Error("The writer does not roll back");
  }

  query(): WindowPage {
    throw new Error("The writer does not read");
  }

  get(): WindowSummary | undefined {
    throw new Error("The writer does not read");
  }

  startsAfter(): number[] {
    throw new Error("The writer does not read");
  }

  sumBySpan(): never {
    throw new Error("The writer does not read");
  }

  oldestStartMs(): number | undefined {
    throw new Error("The writer does not read");
  }

  newestStartMs(): number | undefined {
    throw new Error("The writer does not read");
  }

  readonly isBehind = false;

  close(): void {
    throw new Error("The history is not the writer's to close");
  }
}

function setUp(overrides: Partial<CommitWriterOptions> = {}) {
  const log: string[] = [];
  const tell = (entry: string) => void log.push(entry);
  const storage = new MemoryStorage(tell);
  const history = new RecordingHistory(tell);
  const clock = new ManualClock();
  const board = new LiveViewBoard(clock, liveView());
  const retrier = storageRetrier({ clock });
  const options: CommitWriterOptions = {
    clock,
    board,
    history,
    errors: new ErrorFiles(
      storage,
      testLimits({ errorFileBytes: 60, errorFileAge: 1e9 }),
      NO_ERROR_FILES,
      retrier,
    ),
    retrier,
    checkpoints: new StoredCheckpoints(storage, "x"),
    identity: { outputId: "id", windowLengthMs: LENGTH_MS, minStatus: 400 },
    sources: [TCP, FILE],
    replayableInputs: [FILE.name],
    sourceStates: new SourceStates([TCP.name, FILE.name]),
    totals: new TotalsCounter(),
    reporter: {
      windowClosed: ({ startMs }) => tell(`table ${startMs - START_MS}`),
      leftOut: ({ kind, text }) => tell(`left out, ${kind}: ${text}`),
      notice: (line) => tell(`notice ${line}`),
    },
    epoch: 0,
    positions: new Map(),
    onChanged: () => tell("changed"),
    deliveries: new DeliveryLedger({ ...testLimits(), saves: true }),
    onCheckpointWanted: () => tell("checkpoint wanted"),
    onSourcesEnded: () => tell("sources ended"),
    onBarrier: () => tell("barrier"),
    ...overrides,
  };
  return { log, storage, history, clock, board, writer: new CommitWriter(options), options };
}

function windowClosed(startMs: number): StreamElement {
  const window = windowSummary({ startMs });
  return { kind: "window-closed", window: { ...window, state: "closed", ipSketches: [] } };
}

function barrier(overrides: Partial<CheckpointState> = {}): CheckpointBarrier {
  return {
    kind: "barrier",
    state: {
      watermark: { timeMs: START_MS, eventTimeMaxMs: START_MS, inputs: [] },
      windows: { closedUpToMs: START_MS, windows: [] },
      ...overrides,
    },
  };
}

Deno.test("CommitWriter.write() writes errors, then history, then the screen", async () => {
  const { writer, log } = setUp();
  await writer.write(
    analyzedBatch(
      [
        { time: START_MS },
        { time: START_MS - 1, line: "late line" },
        { time: START_MS - 1, status: 200 },
      ],
      {
        closedUpToMs: START_MS,
        samples: [{ kind: "not_json", text: "{" }],
      },
    ),
  );
  await writer.write(windowClosed(START_MS));
  writer.close();
  assert.deepEqual(log, [
    "late -30000: 2, 1",
    "left out, not_json: {",
    "left out, late: late line",
    "changed",
    "put 0",
    "changed",
    "table 0",
  ]);
});

Deno.test("CommitWriter.write() tells of the first late row and of the first one in the future", async () => {
  const { writer, log, board } = setUp();
  await writer.write(analyzedBatch([{ time: START_MS }]));
  // Those that are no errors count as well.
  for (const line of ["first", "second"]) {
    await writer.write(analyzedBatch([{ time: "future", status: 200, line: `${line} future` }]));
    await writer.write(
      analyzedBatch(
        [{ time: START_MS + LENGTH_MS }, { time: START_MS, status: 200, line: `${line} late` }],
        { closedUpToMs: START_MS + LENGTH_MS },
      ),
    );
  }
  await writer.write({ kind: "view-request" });
  writer.close();
  assert.deepEqual(log.filter((entry) => entry.startsWith("left out")), [
    "left out, future: first future",
    "left out, late: first late",
  ]);
  assert.deepEqual(board.latest.samples, [
    { kind: "future", text: "second future" },
    { kind: "late", text: "second late" },
  ]);
});

// S-51
Deno.test("CommitWriter removes what is old at ticks and behind barriers, and saves what it waits for", async () => {
  const steps: number[] = [];
  let isHeldBack = true;
  const { writer, log, clock, options, storage } = setUp({
    retention: {
      step: (nowMs) => {
        steps.push(nowMs);
        log.push("step");
        return Promise.resolve(isHeldBack);
      },
    },
  });
  await writer.write({ kind: "tick", monotonicMs: 0, wallMs: 7 });
  assert.deepEqual(log, ["step", "changed", "roll up"]);
  isHeldBack = false;
  log.length = 0;
  // Nothing was read, but there is a checkpoint: old parts are no longer open in it.
  await writer.write(barrier());
  assert.ok(storage.paths().includes("checkpoint-1.jsonl"), String(storage.paths()));
  assert.deepEqual(log.slice(-2), ["barrier", "step"]);
  assert.deepEqual(steps, [7, clock.wallMs()]);
  await writer.write({ kind: "tick", monotonicMs: 0, wallMs: 8 });
  assert.equal(log.filter((entry) => entry === "changed").length, 0);
  options.errors.close();
});

// S-43
Deno.test("CommitWriter.write() waits for a reader that has no room, with the window stored", async () => {
  const room = Promise.withResolvers<void>();
  const { reporter } = setUp().options;
  const { writer, log, clock } = setUp({
    reporter: { ...reporter, windowClosed: () => room.promise },
  });
  const written = writer.write(windowClosed(START_MS));
  clock.advance(10_000);
  assert.deepEqual(log, ["put 0", "changed"]);
  assert.deepEqual(writer.progress, { idleMs: 10_000, isWriting: true });
  room.resolve();
  await written;
  assert.deepEqual(writer.progress, { idleMs: 0, isWriting: false });
});

// S-37
Deno.test("CommitWriter.write() makes errors, then windows, then the checkpoint durable at a barrier", async () => {
  const { writer, log } = setUp();
  await writer.write(analyzedBatch([{ time: START_MS }]));
  await writer.write(windowClosed(START_MS));
  log.length = 0;
  await writer.write(barrier());
  writer.close();
  assert.deepEqual(log, [
    `append ${PART}`,
    `write ${PART}`,
    `sync ${PART}`,
    "commit 1",
    "sync history",
    "replace checkpoint-1.jsonl",
    "barrier",
  ]);
});

// S-36
Deno.test("CommitWriter.write() saves everything that a run goes on from", async () => {
  const { writer, options, clock } = setUp();
  clock.setWall(START_MS);
  await writer.write(analyzedBatch([{ time: START_MS, line: "123" }]));
  const { state } = barrier();
  await writer.write({ kind: "barrier", state });
  writer.close();
  assert.deepEqual(await load(options), {
    epoch: 1,
    identity: options.identity,
    ...state,
    totals: options.totals.snapshot(),
    errorFiles: { nextPart: 2, open: [{ path: PART, bytes: 4 }] },
    positions: new Map(),
    deliveryKeys: [],
    sources: JSON.parse(JSON.stringify([TCP, FILE])),
  });
});

// S-36
Deno.test("CommitWriter.write() saves nothing at a barrier where nothing has changed", async () => {
  const { writer, log } = setUp();
  await writer.write(barrier());
  await writer.write({ kind: "watermark", timeMs: START_MS });
  await writer.write({ kind: "view-request" });
  await writer.write({ kind: "tick", wallMs: 0, monotonicMs: 0 });
  await writer.write(barrier());
  assert.deepEqual(log, ["barrier", "roll up", "barrier"]);

  await writer.write(windowClosed(START_MS));
  await writer.write(barrier());
  await writer.write(barrier());
  writer.close();
  assert.deepEqual(log.slice(3), [
    "put 0",
    "changed",
    "table 0",
    "commit 1",
    "sync history",
    "replace checkpoint-1.jsonl",
    "barrier",
    "barrier",
  ]);
});

Deno.test("CommitWriter.write() numbers checkpoints on from the one that the run goes on from", async () => {
  const { writer, log, options } = setUp({ epoch: 7 });
  for (let i = 0; i < 2; i++) {
    await writer.write(analyzedBatch([], { others: ["empty"] }));
    await writer.write(barrier());
  }
  assert.deepEqual(log.filter((entry) => entry.startsWith("commit")), ["commit 8", "commit 9"]);
  assert.equal((await load(options))?.epoch, 9);
});

Deno.test("CommitWriter.write() throws at a barrier that an operator did not add to", async () => {
  for (const missing of ["watermark", "windows"] as const) {
    const { writer, log } = setUp();
    await writer.write(analyzedBatch([], { others: ["empty"] }));
    const { [missing]: _, ...state } = barrier().state;
    await assert.rejects(writer.write({ kind: "barrier", state }), /an operator did not add/);
    assert.deepEqual(log, ["changed"]);
  }
});

Deno.test("CommitWriter.write() keeps positions of replayable inputs only", async () => {
  const other = { offsetBytes: 5, csvLayout: { fieldCount: 5, columns: [0, 1, 2, 3, 4] } };
  const { writer, options } = setUp({ positions: new Map([["file:/other", other]]) });
  const batchOf = (inputId: string, offsetBytes: number) =>
    writer.write(analyzedBatch([{ time: START_MS, status: 200 }], { inputId, offsetBytes }));
  await batchOf(TCP.name, 100);
  await batchOf(FILE.name, 200);
  await batchOf(FILE.name, 300);
  await writer.write(barrier());
  const positions = (await load(options))!.positions;
  assert.deepEqual([...positions.keys()], ["file:/other", FILE.name]);
  assert.deepEqual(positions.get("file:/other"), other);
  assert.equal(positions.get(FILE.name)?.offsetBytes, 300);
});

// S-10
Deno.test("CommitWriter.write() reports the first line of each kind once", async () => {
  const { writer, log } = setUp();
  const samples = [{ kind: "not_json", text: "first" }, { kind: "partial", text: "cut" }] as const;
  await writer.write(analyzedBatch([], { samples }));
  await writer.write(analyzedBatch([], { samples: [{ kind: "not_json", text: "second" }] }));
  await writer.write(analyzedBatch([], { samples: [...samples, { kind: "bad_ip", text: "x" }] }));
  assert.deepEqual(log.filter((entry) => entry.startsWith("left out")), [
    "left out, not_json: first",
    "left out, partial: cut",
    "left out, bad_ip: x",
  ]);
});

Deno.test("CommitWriter.write() keeps the latest sample of each kind for the view", async () => {
  const { writer, board } = setUp();
  for (const text of ["first", "second"]) {
    await writer.write(analyzedBatch([], { samples: [{ kind: "not_json", text }] }));
  }
  await writer.write(analyzedBatch([], { samples: [{ kind: "partial", text: "cut" }] }));
  await writer.write({ kind: "view-request" });
  assert.deepEqual(board.latest.samples, [
    { kind: "not_json", text: "second" },
    { kind: "partial", text: "cut" },
  ]);
});

Deno.test("CommitWriter.write() tells who watches of a closed window that is in the history", async () => {
  const { writer, board, log } = setUp();
  board.watchClosed(({ startMs }) => log.push(`watched ${startMs - START_MS}`));
  await writer.write(windowClosed(START_MS));
  await writer.write(windowClosed(START_MS + LENGTH_MS));
  const told = log.filter((entry) => /^(put|watched)/.test(entry));
  assert.deepEqual(told, ["put 0", "watched 0", `put ${LENGTH_MS}`, `watched ${LENGTH_MS}`]);
  await writer.write({ kind: "view-request" });
  assert.deepEqual(board.latest.lastWindow, { endMs: START_MS + 2 * LENGTH_MS, clientCount: 14 });
});

Deno.test("CommitWriter.write() passes on what a source has to say, and only then", async () => {
  const { writer, log, options } = setUp();
  const change = {
    kind: "source-changed",
    source: TCP.name,
    phase: "connected",
    connectionsDelta: 1,
    reason: "",
  } as const;
  await writer.write({ ...change, notice: "" });
  assert.deepEqual(log, []);
  await writer.write({ ...change, notice: "connected" });
  assert.deepEqual(log, ["notice connected"]);
  assert.equal(options.sourceStates.snapshot()[0]!.connectionsTotal, 2);
});

Deno.test("CommitWriter.write() answers a request with everything committed before it", async () => {
  const { writer, board, clock } = setUp();
  const open = [windowSummary({ state: "open" })];
  await writer.write(analyzedBatch([{ time: START_MS }], { inputId: TCP.name }));
  const rowAtMs = clock.wallMs();
  clock.advance(5);
  await writer.write({
    kind: "view-request",
    open,
    watermarkMs: START_MS - 5,
    eventTimeMaxMs: START_MS,
  });
  const view = board.latest;
  await writer.write(analyzedBatch([{ time: START_MS }]));
  writer.close();
  assert.equal(view.atMs, rowAtMs + 5);
  assert.equal(view.totals.errors, 1);
  assert.equal(view.sources[0]!.lastRowAtMs, rowAtMs);
  assert.equal(view.open, open);
  assert.equal(view.watermarkMs, START_MS - 5);
  assert.equal(view.eventTimeMaxMs, START_MS);
});

Deno.test("CommitWriter.close() puts up a last view and closes the files", async () => {
  const { writer, board, storage } = setUp();
  await writer.write(analyzedBatch([{ time: START_MS }]));
  await writer.write({ kind: "watermark", timeMs: START_MS });
  writer.close();
  const view = await board.fresh();
  assert.equal(view.totals.errors, 1);
  assert.equal(view.watermarkMs, START_MS);
  assert.equal(storage.openCount, 0);
});

Deno.test("CommitWriter.write() closes the files where it fails, since nobody else will", async () => {
  const { writer, storage } = setUp();
  await writer.write(analyzedBatch([{ time: START_MS }]));
  await writer.write({ kind: "tick", monotonicMs: 0, wallMs: 0 });
  assert.equal(storage.openCount, 1);
  storage.failAt(1);
  await assert.rejects(writer.write(barrier()));
  assert.equal(storage.openCount, 0);
});

Deno.test("CommitWriter.abort() closes the files and saves nothing", async () => {
  const { writer, storage, log } = setUp();
  await writer.write(analyzedBatch([{ time: START_MS }]));
  log.length = 0;
  writer.abort();
  assert.equal(storage.openCount, 0);
  assert.deepEqual(log, []);
});

Deno.test("CommitWriter.progress tells since when the writer is at an element", async () => {
  const { writer, clock } = setUp();
  clock.advance(10);
  assert.deepEqual(writer.progress, { idleMs: 10, isWriting: false });
  const written = writer.write(analyzedBatch([{ time: START_MS }]));
  clock.advance(3);
  assert.deepEqual(writer.progress, { idleMs: 3, isWriting: true });
  await written;
  assert.deepEqual(writer.progress, { idleMs: 0, isWriting: false });
  writer.close();
});

/** Batches from a file with a checkpoint after every second one; parts roll on the way. */
function elements(): StreamElement[] {
  return Array.from({ length: 8 }, (_, i) => [
    analyzedBatch([
      { time: START_MS + i * LENGTH_MS, line: `line ${i} of the first kind` },
      { time: "future", line: `line ${i} of the future` },
    ], { inputId: FILE.name, offsetBytes: 100 * (i + 1) }),
    { kind: "tick", monotonicMs: i, wallMs: i } as const,
    windowClosed(START_MS + i * LENGTH_MS),
    ...(i % 2 === 1 ? [barrier()] : []),
  ]).flat();
}

// S-37
Deno.test("CommitWriter leaves a checkpoint whose lines and windows are there after a crash anywhere", async () => {
  for (let failAt = 1;; failAt++) {
    const { writer, storage, history, options } = setUp();
    storage.failAt(failAt);
    const hasFailed = await fails(writer);
    storage.crash();
    await assertUsable(options, storage, history, `failure ${failAt}`);
    if (!hasFailed) {
      assert.equal((await load(options))?.epoch, 4);
      assert.ok(failAt > 20, "the run does many operations");
      break;
    }
  }
});

Deno.test("CommitWriter leaves the checkpoint before where the history cannot commit", async () => {
  for (const failAtEpoch of [1, 2, 3, 4]) {
    const { writer, storage, history, options } = setUp();
    history.failAtEpoch = failAtEpoch;
    assert.ok(await fails(writer));
    storage.crash();
    assert.equal((await load(options))?.epoch ?? 0, failAtEpoch - 1);
    await assertUsable(options, storage, history, `commit ${failAtEpoch}`);
  }
});

/** Writes all elements, as a stream does; true where one failed. */
async function fails(writer: CommitWriter): Promise<boolean> {
  try {
    for (const element of elements()) await writer.write(element);
    writer.close();
    return false;
  } catch {
    writer.abort();
    return true;
  }
}

async function assertUsable(
  options: CommitWriterOptions,
  storage: MemoryStorage,
  history: RecordingHistory,
  message: string,
): Promise<void> {
  assert.equal(storage.openCount, 0);
  const checkpoint = await load(options);
  const epoch = checkpoint?.epoch ?? 0;
  await recoverErrorFiles(storage, checkpoint?.errorFiles ?? NO_ERROR_FILES, {
    isLive: false,
    label: "x",
  });
  const lines = storage.paths()
    .filter((path) => path.startsWith("errors/"))
    .flatMap((path) => storage.text(path)!.split("\n").filter((line) => line !== ""));
  const batches = Array.from({ length: 2 * epoch }, (_, i) => i);
  assert.deepEqual(
    lines.sort(),
    batches.flatMap((i) => [`line ${i} of the first kind`, `line ${i} of the future`]).sort(),
    message,
  );
  assert.equal((checkpoint?.totals ?? emptyTotals()).errors, lines.length);
  assert.deepEqual(
    history.startsUpTo(epoch),
    batches.map((i) => START_MS + i * LENGTH_MS),
    message,
  );
  const position = checkpoint?.positions.get(FILE.name)?.offsetBytes;
  assert.equal(position, epoch === 0 ? undefined : 200 * epoch, message);
}

async function load({ checkpoints }: CommitWriterOptions): Promise<Checkpoint | undefined> {
  return await checkpoints.load({ notice: assert.fail, onNoneWhole: assert.fail });
}

// S-54
Deno.test("CommitWriter.write() answers for a delivery once a checkpoint with it is saved", async () => {
  const { writer, log, options } = setUp();
  const head = new BodyHead();
  head.add(new Uint8Array(500));
  const delivery = new Delivery("key", head);
  void delivery.settled.then(() => log.push("settled"));
  options.deliveries.begin(delivery, undefined);
  const analyzed = analyzedBatch([{ time: START_MS }]);
  await writer.write({ ...analyzed, batch: { ...analyzed.batch, delivery } });
  await writer.write({ kind: "delivery-ended", delivery, isComplete: true });
  assert.equal(log.at(-1), "checkpoint wanted");
  await writer.write(barrier());
  const settlement = await delivery.settled;
  assert.deepEqual(
    settlement.kind === "counted" && [settlement.totals.errors, settlement.isDurable],
    [
      1,
      true,
    ],
  );
  const [saved, settled] = [
    log.findLastIndex((entry) => entry.includes("checkpoint-1")),
    log.indexOf("settled"),
  ];
  assert.ok(saved > 0 && saved < settled, log.join("; "));
  const checkpoint = await load(options);
  assert.match(checkpoint!.deliveryKeys!.join(), /^key \[\d+,1,/);
  await writer.write({ kind: "sources-ended" });
  assert.equal(log.at(-1), "sources ended");
  writer.close();
});

Deno.test("CommitWriter.write() answers for no delivery whose checkpoint could not be saved", async () => {
  const log: string[] = [];
  const history = new RecordingHistory(() => {});
  history.failAtEpoch = 1;
  const { writer, options } = setUp({ history });
  const delivery = new Delivery(undefined, new BodyHead());
  void delivery.settled.then(({ kind }) => log.push(kind));
  options.deliveries.begin(delivery, undefined);
  await writer.write({ kind: "delivery-ended", delivery, isComplete: true });
  await assert.rejects(writer.write(barrier()), /disk full/);
  assert.deepEqual(log, []);
  options.deliveries.stop();
  await delivery.settled;
  assert.deepEqual(log, ["stopped"]);
  writer.abort();
});

// S-48, S-54
Deno.test("CommitWriter.write() answers for no delivery while the storage refuses its checkpoint", async () => {
  const clock = new ManualClock();
  const retrier = storageRetrier({ clock, notice: () => {} });
  let refusals = 2;
  const save = () =>
    refusals-- > 0 ? Promise.reject(new StorageException("disk full")) : Promise.resolve();
  const { writer, options } = setUp({
    retrier,
    checkpoints: { load: () => Promise.resolve(undefined), save },
  });
  const delivery = new Delivery(undefined, new BodyHead());
  let isSettled = false;
  void delivery.settled.then(() => isSettled = true);
  options.deliveries.begin(delivery, undefined);
  await writer.write({ kind: "delivery-ended", delivery, isComplete: true });
  const written = writer.write(barrier());
  for (let attempt = 1; attempt <= 2; attempt++) {
    await clock.whenWaiting();
    assert.deepEqual([retrier.fault, isSettled], ["disk full", false]);
    clock.advance(1000);
  }
  await written;
  const settlement = await delivery.settled;
  assert.ok(settlement.kind === "counted" && settlement.isDurable);
  writer.close();
});

Deno.test("CommitWriter.write() traces each checkpoint that has something to save, and how far it came", async () => {
  const tracing = new RecordedTracing();
  const { writer, history } = setUp({ tracing });
  await writer.write(barrier());
  assert.equal(tracing.log.length, 0);
  for (const rows of [2, 1]) {
    await writer.write(analyzedBatch(Array(rows).fill({ time: START_MS })));
    await writer.write(barrier());
  }
  const saved = (epoch: number, counts: string) => [
    `begin save checkpoint {"vigie.epoch":${epoch}}`,
    "reach errors are durable",
    "reach windows are durable",
    `end ${counts}`,
  ];
  const counts = tracing.log.filter((line) => line.startsWith("end")).map((line) => line.slice(4));
  assert.deepEqual(tracing.log, [...saved(1, counts[0]!), ...saved(2, counts[1]!)]);
  assert.deepEqual(counts.map((text) => JSON.parse(text)["vigie.errors"]), [2, 1]);
  history.failAtEpoch = 3;
  await writer.write(analyzedBatch([{ time: START_MS }]));
  await assert.rejects(writer.write(barrier()));
  assert.deepEqual(tracing.log.slice(8), [
    'begin save checkpoint {"vigie.epoch":3}',
    "reach errors are durable",
    "fail disk full {}",
  ]);
});

Deno.test("CommitWriter traces the outage of a source, also one that the end cuts short", async () => {
  const tracing = new RecordedTracing();
  const { writer } = setUp({ tracing });
  await writer.write({
    kind: "source-changed",
    source: TCP.name,
    phase: "waiting",
    connectionsDelta: 0,
    reason: "connection refused",
    notice: "",
  });
  writer.close();
  assert.deepEqual(tracing.log.map((line) => line.split(" ")[0]), ["begin", "fail"]);
});
