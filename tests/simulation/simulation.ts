import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import type {
  Checkpoint,
  CheckpointStore,
  LoadOptions,
} from "../../analyzer/checkpoint/checkpoint.ts";
import {
  CHECKPOINT_FILES,
  StoredCheckpoints,
} from "../../analyzer/checkpoint/stored_checkpoints.ts";
import { type AnalyzerConfig, analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { StorageException } from "../../analyzer/exceptions.ts";
import { noRefusals } from "../../analyzer/http/guard.ts";
import { createApp, type HttpApp } from "../../analyzer/http/app.ts";
import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import { type RunningPipeline, startPipeline } from "../../analyzer/pipeline.ts";
import { ID_FILE, openResults, type RecoveredState } from "../../analyzer/recovery.ts";
import { ErrorFiles, type ErrorFilesState } from "../../analyzer/sink/error_files.ts";
import { Retention } from "../../analyzer/sink/retention.ts";
import { StorageRetrier } from "../../analyzer/sink/storage_retrier.ts";
import { emptyTotals, type Totals } from "../../analyzer/sink/totals.ts";
import type { Source } from "../../analyzer/source/source.ts";
import type { WindowHistory } from "../../analyzer/sink/window_history.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { NO_EVENTS } from "../support/window_fixtures.ts";
import { checkAgreement, checkTotals, checkWindows, type OpenWindow } from "./invariants.ts";
import { Life } from "./life.ts";
import { ASIDE, CHECKPOINTS, LOG, OUTPUT, SimulatedMachine, TCP } from "./simulated_machine.ts";
import { SavedErrors } from "./saved_errors.ts";
import { LINE_BYTES_MAX } from "./traffic.ts";
import { LimitCounter } from "../../analyzer/limits.ts";

/** What a simulation went through, by kind; what never happened has no entry. */
export type Events = ReadonlyMap<string, number>;

/**
 * Runs the whole analyzer, from sockets to checkpoints, through several lives on one simulated
 * machine, and checks after every step that nothing is lost and nothing is counted twice. All that
 * happens is decided by the seed.
 *
 * @throws {AssertionError} where an invariant does not hold
 */
export async function simulate(seed: number): Promise<Events> {
  // The real digest works on a thread of its own, and so in an order of its own.
  Object.defineProperty(crypto.subtle, "digest", { value: digestAtOnce, configurable: true });
  using simulation = new Simulation(seed);
  try {
    return await simulation.run();
  } finally {
    delete (crypto.subtle as Partial<SubtleCrypto>).digest;
  }
}

class Simulation implements Disposable {
  readonly #machine: SimulatedMachine;
  readonly #config: AnalyzerConfig;

  /** Totals by the number of the checkpoint that was last begun to be saved with them. */
  readonly #begun = new Map<number, Totals>();
  /** The latest checkpoint that is known to be saved. */
  #savedEpoch = -1;
  /** Windows are gone with a database that was damaged. */
  #hasLostWindows = false;
  /** Windows that were removed as too old, by their start; a crash may bring them back. */
  readonly #removedWindows = new Map<number, OpenWindow>();
  /** A run that begins anew begins with the log as it is then; what came before is set aside. */
  #hasLeftRotated = false;

  constructor(seed: number) {
    this.#machine = new SimulatedMachine(seed);
    this.#config = analyzerConfig(parseOptions(analyzerOptions, [
      ...(this.#machine.inputs.includes("tcp") ? ["--source", TCP] : []),
      ...(this.#machine.inputs === "tcp" ? [] : ["--source", LOG]),
      ...(this.#machine.isFollowed ? ["--follow"] : []),
      ...["--limit", `line-bytes=${LINE_BYTES_MAX}`, "--window", "1s"],
      ...["--limit", "error-file-bytes=3000", "--limit", "error-file-age=10s"],
      // Days pass here at random; that keys are forgotten is tested elsewhere.
      ...["--limit", "idempotency-key-age=366d"],
      ...["--lateness", "500ms", "--idle-timeout", "2s", "--max-future", "off"],
      ...["--checkpoint-interval", this.#machine.random.pick(["20ms", "100ms", "1s"])],
      ...["--retention", this.#machine.random.pick(["off", "off", "1s", "1h"])],
    ]));
  }

  async run(): Promise<Events> {
    const lives = 1 + this.#machine.random.below(5);
    for (let i = 0; i < lives; i++) await this.#live(false);
    await this.#live(true);
    if (!this.#machine.hasLostCheckpoint) this.#checkDeliveries();
    if (!this.#hasLeftRotated) {
      assert.equal(
        this.#machine.errorUrls("/log/").length,
        this.#machine.expected.errors,
        "error rows of the log",
      );
    }
    return this.#machine.events;
  }

  [Symbol.dispose](): void {
    this.#machine[Symbol.dispose]();
  }

  /** One process, from its start to its end; in the last one all troubles are over. */
  async #live(isLast: boolean): Promise<void> {
    const life = new Life(this.#machine.clock);
    const stopping = new AbortController();
    const { signal } = stopping;
    const retrier = new StorageRetrier({ clock: life, signal, notice: () => {} });
    const sources = this.#machine.sources(life, this.#config);
    const mend = isLast ? () => {} : this.#machine.damageSomething();
    if (isLast) this.#machine.endOutages();
    const { history, recovered, checkpoints, checkpointedFiles } = await this.#driven(
      this.#open(life, sources),
    )
      .catch((exception) => {
        if (!(exception instanceof StorageException) || isLast) throw exception;
        return {} as Partial<Opened>;
      });
    mend();
    if (
      history === undefined || recovered === undefined || checkpoints === undefined ||
      checkpointedFiles === undefined
    ) {
      this.#machine.count("failed start");
      this.#machine.end(life, "kill");
      return;
    }
    this.#checkRecovered(recovered, history);
    const saved = new SavedErrors(this.#machine, history, this.#config.windowLengthMs);
    await saved.check();
    const base = recovered.state?.totals ?? emptyTotals();
    const readBefore = this.#machine.sender.readBytes;
    const closedUpToMs = recovered.state?.windows.closedUpToMs ?? -Infinity;
    const closed = new Set<number>();
    const limitCounter = new LimitCounter();
    const errors = new ErrorFiles(
      this.#machine.disk.storage(OUTPUT, life),
      { limits: this.#config.limits, limitCounter, index: saved.index },
      recovered.errorFiles,
      retrier,
    );
    const pipeline = startPipeline({
      config: this.#config,
      clock: life,
      sources,
      recovered,
      history,
      checkpoints,
      errors,
      retention: this.#retention(life, errors, history, checkpointedFiles),
      retrier,
      reporter: {
        windowClosed({ startMs }) {
          assert.ok(startMs >= closedUpToMs, `window ${startMs} was closed before`);
          assert.ok(!closed.has(startMs), `window ${startMs} closes twice`);
          closed.add(startMs);
        },
        leftOut() {},
        notice() {},
      },
      limitCounter,
      isAnswering: () => this.#machine.random.next() < 0.5,
      signal,
    });
    let failure: { readonly cause: unknown } | undefined;
    pipeline.done.catch((cause) => {
      if (life.isAlive) failure = { cause };
    });
    const app = createApp({
      live: pipeline.board,
      history,
      deliveries: pipeline.deliveries,
      events: NO_EVENTS,
      limits: this.#config.limits,
      limitCounter,
      savedErrors: saved.search,
      turn: () => life.turn(),
      refused: noRefusals(),
      health: pipeline.health,
      version: "0.0.0",
      startedAtMs: life.wallMs(),
      nowMs: () => life.wallMs(),
    });
    const ask = () =>
      this.#ask(app).catch((cause) => {
        if (life.isAlive) failure = { cause };
      });
    let watermarkMs = -Infinity;
    const look = async () => {
      await settle();
      if (failure !== undefined) throw failure.cause;
      pipeline.board.fresh().then(({ atMs, totals }) => {
        // One that was put up just now, once all that it counts was in the files.
        if (atMs !== life.wallMs() || !life.isAlive) return;
        assert.ok(this.#machine.errorLineCount() >= totals.errors, "errors that no file holds");
      }).catch((cause) => failure = { cause });
      const { totals, watermarkMs: nowMs = -Infinity } = pipeline.board.latest;
      checkTotals(totals);
      assert.ok(nowMs >= watermarkMs, "the watermark went back");
      watermarkMs = nowMs;
      const readBytes = this.#machine.sender.readBytes - readBefore;
      if (this.#readsSocketOnly) {
        assert.ok(totals.bytes <= base.bytes + readBytes, "more was counted than was read");
      }
    };

    const steps = isLast ? Infinity : 5 + this.#machine.random.below(60);
    for (let step = 0; step < steps; step++) {
      await look();
      const isSent = this.#machine.sender.isDone && this.#machine.sender.isDrained &&
        this.#machine.deliverer.isDone &&
        this.#machine.log.isDone;
      if (isLast && isSent) break;
      assert.ok(step < 10_000, "the last life does not come to its end");
      if (this.#machine.random.next() < 0.3) {
        this.#machine.deliverer.send(pipeline.deliveries!, isLast);
      }
      this.#machine.happen(isLast);
      if (this.#machine.random.next() < 0.05) void ask();
    }
    if (isLast) {
      // Each rotation takes a second to be passed; then all sources fall silent.
      let silentSteps = 0;
      for (let step = 0; step < 2000 && silentSteps < 60; step++) {
        this.#machine.clock.advance(250);
        await look();
        const isRead = this.#hasLeftRotated ||
          this.#machine.errorUrls("/log/").length === this.#machine.expected.errors;
        silentSteps = isRead ? silentSteps + 1 : 0;
      }
      const { open } = pipeline.board.latest;
      if (this.#machine.inputs === "file" && this.#machine.bodies.length === 0) {
        checkWindows(history, this.#machine.expected, this.#removed(history));
      }
      assert.deepEqual(open.map(({ startMs }) => startMs), [], "a window stays open");
      return await this.#stop(pipeline, stopping, life, history, base.bytes - readBefore);
    }
    const end = this.#machine.random.next();
    if (end < 0.4) return this.#machine.end(life, "kill");
    if (end < 0.75) return this.#machine.end(life, "crash");
    await this.#stop(pipeline, stopping, life, history, base.bytes - readBefore);
  }

  async #stop(
    pipeline: RunningPipeline,
    stopping: AbortController,
    life: Life,
    history: WindowHistory,
    bytesBefore: number,
  ): Promise<void> {
    stopping.abort();
    try {
      await this.#driven(pipeline.done);
    } catch (exception) {
      // The disk is full, and nobody wants to wait any more.
      if (!(exception instanceof StorageException)) throw exception;
      this.#machine.count("stopped while the storage refused");
      this.#machine.end(life, "kill");
      return;
    }
    this.#machine.count("stop");
    const { totals, open } = pipeline.board.latest;
    if (this.#readsSocketOnly) {
      assert.equal(
        totals.bytes,
        bytesBefore + this.#machine.sender.readBytes,
        "bytes were read and lost",
      );
    }
    checkAgreement({
      totals,
      open,
      removed: this.#removed(history),
      history: this.#hasLostWindows ? undefined : history,
      windowLengthMs: this.#config.windowLengthMs,
      errorLines: this.#machine.errorLines(),
    });
    this.#machine.end(life, undefined);
  }

  async #open(life: Life, sources: readonly Source[]): Promise<Opened> {
    const output = this.#machine.disk.storage(OUTPUT, life);
    const stored = new StoredCheckpoints(this.#machine.disk.storage(CHECKPOINTS, life), "label");
    const checkpoints: CheckpointStore = {
      load: (options: LoadOptions) => stored.load(options),
      save: async (checkpoint: Checkpoint) => {
        const isAnew = checkpoint.epoch === 0;
        assert.ok(!isAnew || this.#savedEpoch <= 0, "a saved checkpoint is not there");
        this.#begun.set(checkpoint.epoch, checkpoint.totals);
        await stored.save(checkpoint);
        this.#savedEpoch = checkpoint.epoch;
      },
    };
    const { windowLengthMs, minStatus } = this.#config;
    const { history, recovered } = await openResults({
      output,
      checkpoints,
      checkpointRoot: CHECKPOINTS,
      openHistory: () => this.#machine.database.open(life, windowLengthMs),
      setAside: async (what) => {
        await life.whileAlive();
        this.#machine.count(`${what} set aside`);
        this.#machine.database.setAside();
        this.#removedWindows.clear();
        if (what === "database") this.#hasLostWindows = true;
        else {
          this.#machine.disk.moveAll(
            [`${OUTPUT}/${ID_FILE}`, ...this.#machine.disk.paths(`${OUTPUT}/errors`)],
            ASIDE,
          );
          this.#machine.removedLines.length = 0;
          this.#hasLostWindows = false;
          this.#savedEpoch = -1;
          this.#hasLeftRotated ||= this.#machine.isFollowed;
        }
        if (what === "everything") {
          this.#machine.disk.moveAll(
            CHECKPOINT_FILES.map((file) => `${CHECKPOINTS}/${file}`),
            ASIDE,
          );
        }
        return ASIDE;
      },
    }, { sources, windowLengthMs, minStatus, label: "label", notice: () => {} });
    return { history, recovered, checkpoints, checkpointedFiles: () => stored.errorFiles };
  }

  /** The one of the program, which leaves behind what it has removed. */
  #retention(
    life: Life,
    errors: ErrorFiles,
    history: WindowHistory,
    checkpointedFiles: Opened["checkpointedFiles"],
  ): Retention | undefined {
    const { retentionMs } = this.#config;
    if (retentionMs === Infinity) return undefined;
    const all = () => history.query({ limit: 1_000_000, urlsMax: 1 }).windows;
    return new Retention({
      retentionMs,
      clock: life,
      storage: this.#machine.disk.storage(OUTPUT, life, (bytes) => {
        this.#machine.count("error file removed");
        this.#machine.removedLines.push(
          ...new TextDecoder().decode(bytes).split("\n").slice(0, -1),
        );
      }),
      errors,
      history: {
        removeOld: (options) => {
          const before = all();
          const removal = history.removeOld(options);
          const left = new Set(all().map(({ startMs }) => startMs));
          for (const window of before) {
            if (!left.has(window.startMs)) this.#removedWindows.set(window.startMs, window);
          }
          this.#machine.count("window removed", removal.windows);
          return removal;
        },
      },
      checkpointedFiles,
      notice: () => {},
    });
  }

  /** Windows that are not there any more, since they were too old. */
  #removed(history: WindowHistory): OpenWindow[] {
    return [...this.#removedWindows.values()]
      .filter(({ startMs }) => history.get(startMs, { urlsMax: 1 }) === undefined);
  }

  /** Then every byte that is counted was read from the socket. */
  get #readsSocketOnly(): boolean {
    return this.#machine.inputs === "tcp" && this.#machine.bodies.length === 0;
  }

  /** HTTP answers whatever happens, and says so where nothing can be written. */
  async #ask(app: HttpApp): Promise<void> {
    const [ready, metrics, windows] = await Promise.all(
      ["/readyz", "/metrics", "/windows?limit=1000"].map((path) => app.request(path)),
    );
    for (const path of ["/summary", "/errors?limit=10", "/windows?step=1m"]) {
      assert.equal((await app.request(path)).status, 200, path);
    }
    const { writer_fault: fault } = await ready!.json();
    if (fault !== "") assert.equal(ready!.status, 503);
    this.#machine.count(`/readyz answered ${ready!.status}`);
    assert.deepEqual([metrics!.status, windows!.status], [200, 200]);
    const { totals } = await metrics!.json() as { readonly totals: TotalsJson };
    assert.equal(totals.valid, totals.in_windows + totals.late + totals.future);
    const { windows: closed } = await windows!.json() as { readonly windows: { start: string }[] };
    assert.equal(new Set(closed.map(({ start }) => start)).size, closed.length);
  }

  /** What a start finds is a checkpoint that was saved, the latest but for damage. */
  #checkRecovered({ epoch, state }: RecoveredState, history: WindowHistory): void {
    const { damagedSlots } = this.#machine;
    if (state !== undefined) {
      assert.deepEqual(state.totals, this.#begun.get(epoch), `checkpoint ${epoch}`);
      const oldest = this.#savedEpoch - (damagedSlots > 0 ? 1 : 0);
      assert.ok(epoch >= oldest, `checkpoint ${this.#savedEpoch} was saved, ${epoch} is there`);
    }
    this.#machine.damagedSlots = 0;
    this.#savedEpoch = epoch;
    checkAgreement({
      totals: state?.totals ?? emptyTotals(),
      open: (state?.windows.windows ?? []).map(({ startMs, totalCount, statuses }) => ({
        startMs,
        totalCount,
        errorCount: statuses.reduce((sum, { errorCount }) => sum + errorCount, 0),
      })),
      removed: this.#removed(history),
      history: this.#hasLostWindows ? undefined : history,
      windowLengthMs: this.#config.windowLengthMs,
      errorLines: this.#machine.errorLines(),
    });
  }

  /** Lets time go on until a promise is settled. */
  async #driven<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => isSettled = true;
    promise.then(settled, settled);
    for (let i = 0; i < 10_000; i++) {
      await settle();
      if (isSettled) return await promise;
      this.#machine.clock.advance(5);
    }
    throw new Error("Something is waited for that never comes");
  }

  /** Whatever was answered with 200 is there, and whatever was sent again is there once. */
  #checkDeliveries(): void {
    const found = this.#machine.errorUrls("/delivered-");
    const sent = this.#machine.bodies.flatMap((body) =>
      new TextDecoder().decode(body).match(/"url":"\/delivered-[^"]*/g) ?? []
    );
    assert.equal(found.length, sent.length, "error rows that were delivered");
  }
}

interface Opened {
  readonly history: WindowHistory;
  readonly recovered: RecoveredState;
  readonly checkpoints: CheckpointStore;
  readonly checkpointedFiles: () => readonly ErrorFilesState[];
}

/** Lets everything run that needs no time. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function digestAtOnce(_algorithm: string, bytes: Uint8Array): Promise<ArrayBuffer> {
  const digest = createHash("sha256").update(bytes).digest();
  return Promise.resolve(new Uint8Array(digest).buffer);
}
