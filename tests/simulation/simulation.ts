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
import { createApp, type HttpApp } from "../../analyzer/http/app.ts";
import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import { type RunningPipeline, startPipeline } from "../../analyzer/pipeline.ts";
import { ID_FILE, openResults, type RecoveredState } from "../../analyzer/recovery.ts";
import { ErrorFiles } from "../../analyzer/sink/error_files.ts";
import { StorageRetrier } from "../../analyzer/sink/storage_retrier.ts";
import { emptyTotals, type Totals } from "../../analyzer/sink/totals.ts";
import { FileSource } from "../../analyzer/source/file_source.ts";
import { FollowedFileSource } from "../../analyzer/source/followed_file_source.ts";
import type { Source } from "../../analyzer/source/source.ts";
import { TcpSource } from "../../analyzer/source/tcp_source.ts";
import type { WindowHistory } from "../../analyzer/sink/window_history.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { BASE_MS } from "../support/log_lines.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { MemoryLogFiles } from "../support/memory_log_files.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import { type NaiveAnalysis, naiveAnalysis } from "../support/naive_analysis.ts";
import { checkAgreement, checkTotals, checkWindows } from "./invariants.ts";
import { Life } from "./life.ts";
import { SimulatedDatabase } from "./simulated_database.ts";
import { type DiskOperation, SimulatedDisk } from "./simulated_disk.ts";
import { SimulatedDeliverer } from "./simulated_deliverer.ts";
import { LOG_PATH, SimulatedLog } from "./simulated_log.ts";
import { SimulatedSender } from "./simulated_sender.ts";
import { LINE_BYTES_MAX, traffic } from "./traffic.ts";

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
  readonly #random: Mulberry32;
  readonly #clock = new ManualClock({ wallMs: BASE_MS });
  readonly #disk: SimulatedDisk;
  readonly #database: SimulatedDatabase;
  readonly #inputs: typeof INPUTS[number];
  readonly #files: MemoryLogFiles;
  readonly #log: SimulatedLog;
  /** What the log amounts to, read to its end. */
  readonly #expected: NaiveAnalysis;
  readonly #sender: SimulatedSender;
  readonly #bodies: readonly Uint8Array[];
  readonly #deliverer: SimulatedDeliverer;
  readonly #config: AnalyzerConfig;
  readonly #events = new Map<string, number>();

  /** Totals by the number of the checkpoint that was last begun to be saved with them. */
  readonly #begun = new Map<number, Totals>();
  /** The latest checkpoint that is known to be saved. */
  #savedEpoch = -1;
  /** Windows are gone with a database that was damaged. */
  #hasLostWindows = false;
  /** A run that begins anew begins with the log as it is then; what came before is set aside. */
  #hasLeftRotated = false;
  /** A damaged checkpoint may take what was delivered with it. */
  #hasLostCheckpoint = false;

  constructor(seed: number) {
    this.#random = new Mulberry32(seed);
    this.#disk = new SimulatedDisk(this.#random);
    this.#database = new SimulatedDatabase(this.#random);
    this.#inputs = this.#random.pick(INPUTS);
    const log = (name: string, isWanted: boolean) =>
      traffic(this.#random, {
        name,
        lines: isWanted ? 20 + this.#random.below(200) : 0,
        startMs: BASE_MS,
      });
    this.#sender = new SimulatedSender(this.#random, log("tcp", this.#inputs.includes("tcp")));
    // Bytes that are no text are the socket's to bring.
    const text = new TextDecoder().decode(log("log", this.#inputs !== "tcp"));
    this.#files = new MemoryLogFiles(() => this.#clock.wallMs());
    this.#log = new SimulatedLog(this.#random, this.#files, text, !this.#isFollowed);
    this.#expected = naiveAnalysis(text.split("\n").slice(0, -1), {
      windowLengthMs: 1000,
      latenessMs: 500,
      minStatus: 400,
      lineBytesMax: LINE_BYTES_MAX,
    });
    const bodyCount = this.#random.pick([0, 0, 5]);
    this.#bodies = Array.from({ length: bodyCount }, (_, i) =>
      traffic(this.#random, {
        name: `delivered-${i}`,
        lines: 5 + this.#random.below(30),
        startMs: BASE_MS,
        isAllJson: true,
      }));
    this.#deliverer = new SimulatedDeliverer(this.#random, this.#bodies);
    this.#config = analyzerConfig(parseOptions(analyzerOptions, [
      ...(this.#inputs.includes("tcp") ? ["--source", TCP] : []),
      ...(this.#inputs === "tcp" ? [] : ["--source", LOG]),
      ...(this.#isFollowed ? ["--follow"] : []),
      ...["--line-bytes-max", String(LINE_BYTES_MAX), "--window", "1s"],
      ...["--lateness", "500ms", "--idle-timeout", "2s", "--max-future", "off"],
      ...["--checkpoint-interval", this.#random.pick(["20ms", "100ms", "1s"])],
    ]));
  }

  async run(): Promise<Events> {
    const lives = 1 + this.#random.below(5);
    for (let i = 0; i < lives; i++) await this.#live(false);
    await this.#live(true);
    for (const [operation, count] of this.#disk.refused) this.#count(`refused ${operation}`, count);
    for (const [kind, count] of this.#deliverer.answers) this.#count(`answered ${kind}`, count);
    if (!this.#hasLostCheckpoint) this.#checkDeliveries();
    if (!this.#hasLeftRotated) {
      assert.equal(this.#errorUrls("/log/").length, this.#expected.errors, "error rows of the log");
    }
    return this.#events;
  }

  [Symbol.dispose](): void {
    this.#database[Symbol.dispose]();
  }

  /** One process, from its start to its end; in the last one all troubles are over. */
  async #live(isLast: boolean): Promise<void> {
    const life = new Life(this.#clock);
    const stopping = new AbortController();
    const { signal } = stopping;
    const retrier = new StorageRetrier({ clock: life, signal, notice: () => {} });
    const sources = this.#sources(life);
    const mend = isLast ? () => {} : this.#damageSomething();
    if (isLast) this.#endOutages();
    const { history, recovered, checkpoints } = await this.#driven(this.#open(life, sources))
      .catch((exception) => {
        if (!(exception instanceof StorageException) || isLast) throw exception;
        return {} as Partial<Opened>;
      });
    mend();
    if (history === undefined || recovered === undefined || checkpoints === undefined) {
      this.#count("failed start");
      this.#end(life, "kill");
      return;
    }
    this.#checkRecovered(recovered, history);
    const base = recovered.state?.totals ?? emptyTotals();
    const readBefore = this.#sender.readBytes;
    const closedUpToMs = recovered.state?.windows.closedUpToMs ?? -Infinity;
    const closed = new Set<number>();
    const pipeline = startPipeline({
      config: this.#config,
      clock: life,
      sources,
      recovered,
      history,
      checkpoints,
      errors: new ErrorFiles(
        this.#disk.storage(OUTPUT, life),
        { partBytesMax: 3000, partAgeMaxMs: 10_000 },
        recovered.errorFiles,
        retrier,
      ),
      retrier,
      reporter: {
        windowClosed({ startMs }) {
          assert.ok(startMs >= closedUpToMs, `window ${startMs} was closed before`);
          assert.ok(!closed.has(startMs), `window ${startMs} closes twice`);
          closed.add(startMs);
        },
        badLine() {},
        futureRow() {},
        notice() {},
      },
      isAnswering: () => this.#random.next() < 0.5,
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
      health: () => {
        const { idleMs, isWriting } = pipeline.progress();
        return {
          state: signal.aborted ? "stopping" : "running",
          writerIdleMs: idleMs,
          inputWaiting: isWriting,
          writerFault: retrier.fault,
          writerRefusals: retrier.refusalCount,
        };
      },
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
      pipeline.board.fresh();
      const { totals, watermarkMs: nowMs = -Infinity } = pipeline.board.latest;
      checkTotals(totals);
      assert.ok(nowMs >= watermarkMs, "the watermark went back");
      watermarkMs = nowMs;
      const readBytes = this.#sender.readBytes - readBefore;
      if (this.#readsSocketOnly) {
        assert.ok(totals.bytes <= base.bytes + readBytes, "more was counted than was read");
      }
    };

    const steps = isLast ? Infinity : 5 + this.#random.below(60);
    for (let step = 0; step < steps; step++) {
      await look();
      const isSent = this.#sender.isDone && this.#sender.isDrained && this.#deliverer.isDone &&
        this.#log.isDone;
      if (isLast && isSent) break;
      assert.ok(step < 10_000, "the last life does not come to its end");
      if (this.#random.next() < 0.3) this.#deliverer.send(pipeline.deliveries!, isLast);
      this.#happen(isLast);
      if (this.#random.next() < 0.05) void ask();
    }
    if (isLast) {
      // Each rotation takes a second to be passed; then all sources fall silent.
      let silentSteps = 0;
      for (let step = 0; step < 2000 && silentSteps < 60; step++) {
        this.#clock.advance(250);
        await look();
        const isRead = this.#hasLeftRotated ||
          this.#errorUrls("/log/").length === this.#expected.errors;
        silentSteps = isRead ? silentSteps + 1 : 0;
      }
      const { open } = pipeline.board.latest;
      if (this.#inputs === "file" && this.#bodies.length === 0) {
        checkWindows(history, this.#expected);
      }
      assert.deepEqual(open.map(({ startMs }) => startMs), [], "a window stays open");
      return await this.#stop(pipeline, stopping, life, history, base.bytes - readBefore);
    }
    const end = this.#random.next();
    if (end < 0.4) return this.#end(life, "kill");
    if (end < 0.75) return this.#end(life, "crash");
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
      this.#count("stopped while the storage refused");
      this.#end(life, "kill");
      return;
    }
    this.#count("stop");
    const { totals, open } = pipeline.board.latest;
    if (this.#readsSocketOnly) {
      assert.equal(totals.bytes, bytesBefore + this.#sender.readBytes, "bytes were read and lost");
    }
    checkAgreement({
      totals,
      open,
      history: this.#hasLostWindows ? undefined : history,
      windowLengthMs: this.#config.windowLengthMs,
      errorLines: this.#errorLines(),
    });
    this.#end(life, undefined);
  }

  #end(life: Life, how: "kill" | "crash" | undefined): void {
    if (how !== undefined) this.#count(how);
    life.die();
    this.#sender.reset(false);
    this.#deliverer.receiverDied();
    this.#disk.endOperations();
    if (how === "crash") {
      this.#disk.crash();
      // Another start, hours later maybe.
      this.#clock.setWall(this.#clock.wallMs() + this.#random.below(2) * 28_800_000);
    }
    this.#database.die(how === "crash");
  }

  async #open(life: Life, sources: readonly Source[]): Promise<Opened> {
    const output = this.#disk.storage(OUTPUT, life);
    const stored = new StoredCheckpoints(this.#disk.storage(CHECKPOINTS, life), "label");
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
      openHistory: () => this.#database.open(life, windowLengthMs),
      setAside: async (what) => {
        await life.whileAlive();
        this.#count(`${what} set aside`);
        this.#database.setAside();
        if (what === "database") this.#hasLostWindows = true;
        else {
          this.#disk.moveAll(
            [`${OUTPUT}/${ID_FILE}`, ...this.#disk.paths(`${OUTPUT}/errors`)],
            ASIDE,
          );
          this.#hasLostWindows = false;
          this.#savedEpoch = -1;
          this.#hasLeftRotated ||= this.#isFollowed;
        }
        if (what === "everything") {
          this.#disk.moveAll(CHECKPOINT_FILES.map((file) => `${CHECKPOINTS}/${file}`), ASIDE);
        }
        return ASIDE;
      },
    }, { sources, windowLengthMs, minStatus, label: "label", notice: () => {} });
    return { history, recovered, checkpoints };
  }

  #sources(life: Life): Source[] {
    const nowMs = () => life.wallMs();
    const options = { files: this.#files, path: LOG_PATH, nowMs };
    return this.#config.sources.map(({ kind, name }) => {
      if (kind === "tcp") {
        return new TcpSource(name, {
          connect: () => this.#sender.connect(life),
          once: false,
          nowMs,
          random: () => this.#random.next(),
        });
      }
      return this.#isFollowed
        ? new FollowedFileSource(name, options)
        : new FileSource(name, options);
    });
  }

  get #isFollowed(): boolean {
    return this.#inputs.includes("follow");
  }

  /** Then every byte that is counted was read from the socket. */
  get #readsSocketOnly(): boolean {
    return this.#inputs === "tcp" && this.#bodies.length === 0;
  }

  /** HTTP answers whatever happens, and says so where nothing can be written. */
  async #ask(app: HttpApp): Promise<void> {
    const [ready, metrics, windows] = await Promise.all(
      ["/readyz", "/metrics", "/windows?limit=1000"].map((path) => app.request(path)),
    );
    const { writer_fault: fault } = await ready!.json();
    if (fault !== "") assert.equal(ready!.status, 503);
    this.#count(`/readyz answered ${ready!.status}`);
    assert.deepEqual([metrics!.status, windows!.status], [200, 200]);
    const { totals } = await metrics!.json() as { readonly totals: TotalsJson };
    assert.equal(totals.valid, totals.in_windows + totals.late + totals.future);
    const { windows: closed } = await windows!.json() as { readonly windows: { start: string }[] };
    assert.equal(new Set(closed.map(({ start }) => start)).size, closed.length);
  }

  /** What a start finds is a checkpoint that was saved, the latest but for damage. */
  #checkRecovered({ epoch, state }: RecoveredState, history: WindowHistory): void {
    const { damagedSlots } = this;
    if (state !== undefined) {
      assert.deepEqual(state.totals, this.#begun.get(epoch), `checkpoint ${epoch}`);
      const oldest = this.#savedEpoch - (damagedSlots > 0 ? 1 : 0);
      assert.ok(epoch >= oldest, `checkpoint ${this.#savedEpoch} was saved, ${epoch} is there`);
    }
    this.damagedSlots = 0;
    this.#savedEpoch = epoch;
    checkAgreement({
      totals: state?.totals ?? emptyTotals(),
      open: (state?.windows.windows ?? []).map(({ startMs, totalCount, statuses }) => ({
        startMs,
        totalCount,
        errorCount: statuses.reduce((sum, { errorCount }) => sum + errorCount, 0),
      })),
      history: this.#hasLostWindows ? undefined : history,
      windowLengthMs: this.#config.windowLengthMs,
      errorLines: this.#errorLines(),
    });
  }

  /** Checkpoints that were damaged since the last start. */
  damagedSlots = 0;

  /** Damages a file that nobody has open. Returns a function that mends what recovery must bear. */
  #damageSomething(): () => void {
    const dice = this.#random.next();
    if (dice < 0.1) {
      const slots = CHECKPOINT_FILES.map((file) => `${CHECKPOINTS}/${file}`)
        .filter((path) => (this.#disk.bytes(path)?.length ?? 0) > 0);
      const isAll = this.#random.next() < 0.2;
      for (const path of isAll ? slots : slots.slice(0, 1)) {
        this.#disk.flipBit(path);
        this.damagedSlots++;
        this.#hasLostCheckpoint = true;
        this.#count("bit flipped in a checkpoint");
      }
    } else if (dice < 0.15) {
      const paths = this.#disk.paths(`${OUTPUT}/errors`)
        .filter((path) => this.#disk.bytes(path)!.length > 0);
      if (paths.length > 0) {
        this.#count("bit flipped in an error file");
        return this.#disk.flipBit(this.#random.pick(paths));
      }
    } else if (dice < 0.18) {
      this.#count("database damaged");
      this.#database.damage();
    }
    return () => {};
  }

  /** One thing that happens to a running program. */
  #happen(isLast: boolean): void {
    if (this.#random.next() < 0.3) {
      this.#log.write(this.#random.pick([1, 30, 300, 3000]));
      if (this.#isFollowed && this.#random.next() < 0.1) {
        this.#count("log rotated");
        this.#log.rotate();
      }
    }
    const dice = this.#random.next();
    if (dice < 0.45) {
      this.#sender.send(this.#random.pick([1, 2, 30, 100, 300, 1000, 5000]));
    } else if (dice < 0.8) {
      this.#clock.advance(this.#random.pick([1, 5, 20, 20, 100, 250, 1000, 3000]));
    } else if (isLast) {
      return;
    } else if (dice < 0.84) {
      this.#count("connection lost");
      this.#sender.reset(this.#random.next() < 0.3);
    } else if (dice < 0.86) {
      this.#sender.isDown = !this.#sender.isDown;
    } else if (dice < 0.88) {
      this.#count("clock set");
      const wallMs = this.#clock.wallMs();
      this.#clock.setWall(wallMs + this.#random.pick([-3_600_000, 3_600_000]));
    } else if (dice < 0.94) {
      this.#beginOutage();
    } else {
      this.#endOutages();
    }
  }

  #beginOutage(): void {
    const dice = this.#random.next();
    const share = this.#random.pick([0.2, 0.5, 1]);
    if (dice < 0.3) {
      this.#count("disk full");
      const operations = ["write", "append", "replace", "sync"] as const;
      this.#disk.outage = { reason: "No space left on device", operations, share };
    } else if (dice < 0.6) {
      this.#count("disk failing");
      const operation = this.#random.pick(FAILING_OPERATIONS);
      this.#disk.outage = { reason: "Input/output error", operations: [operation], share };
    } else if (dice < 0.75) {
      this.#count("database locked");
      this.#database.isBusy = true;
    } else if (dice < 0.9) {
      this.#count("database full");
      this.#database.isFull = true;
    } else {
      this.#count("database not made durable");
      this.#database.failsToSync = true;
    }
  }

  #endOutages(): void {
    this.#disk.outage = undefined;
    this.#database.isBusy = false;
    this.#database.isFull = false;
    this.#database.failsToSync = false;
    this.#sender.isDown = false;
  }

  /** Lets time go on until a promise is settled. */
  async #driven<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = () => isSettled = true;
    promise.then(settled, settled);
    for (let i = 0; i < 10_000; i++) {
      await settle();
      if (isSettled) return await promise;
      this.#clock.advance(5);
    }
    throw new Error("Something is waited for that never comes");
  }

  #errorLines(): string[] {
    return this.#disk.paths(`${OUTPUT}/errors`).flatMap((path) => {
      const text = new TextDecoder().decode(this.#disk.bytes(path));
      assert.ok(text === "" || text.endsWith("\n"), `${path} ends with half a line`);
      return text.split("\n").slice(0, -1);
    });
  }

  /** Whatever was answered with 200 is there, and whatever was sent again is there once. */
  #checkDeliveries(): void {
    const found = this.#errorUrls("/delivered-");
    const sent = this.#bodies.flatMap((body) =>
      new TextDecoder().decode(body).match(/"url":"\/delivered-[^"]*/g) ?? []
    );
    assert.equal(found.length, sent.length, "error rows that were delivered");
  }

  /** URLs of the error rows that begin so; that none is there twice is checked elsewhere. */
  #errorUrls(beginning: string): string[] {
    return this.#errorLines()
      .map((line) => JSON.parse(line).url as string)
      .filter((url) => url.startsWith(beginning));
  }

  #count(event: string, count = 1): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + count);
  }
}

interface Opened {
  readonly history: WindowHistory;
  readonly recovered: RecoveredState;
  readonly checkpoints: CheckpointStore;
}

/** What a run reads besides what is delivered to it. */
const INPUTS = ["tcp", "file", "follow", "tcp and file", "tcp and follow"] as const;

const TCP = "tcp://127.0.0.1:9999";
const LOG = `file:${LOG_PATH}`;
const OUTPUT = "/output";
const CHECKPOINTS = "/checkpoint";
const ASIDE = "/aside";

const FAILING_OPERATIONS: readonly DiskOperation[] = [
  "write",
  "sync",
  "replace",
  "append",
  "truncate",
  "move",
  "remove",
  "list",
  "read",
];

/** Lets everything run that needs no time. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function digestAtOnce(_algorithm: string, bytes: Uint8Array): Promise<ArrayBuffer> {
  const digest = createHash("sha256").update(bytes).digest();
  return Promise.resolve(new Uint8Array(digest).buffer);
}
