import assert from "node:assert/strict";
import type { AnalyzerConfig } from "../../analyzer/config.ts";
import { CHECKPOINT_FILES } from "../../analyzer/checkpoint/stored_checkpoints.ts";
import { FileSource } from "../../analyzer/source/file_source.ts";
import { FollowedFileSource } from "../../analyzer/source/followed_file_source.ts";
import type { Source } from "../../analyzer/source/source.ts";
import { TcpSource } from "../../analyzer/source/tcp_source.ts";
import { BASE_MS } from "../support/log_lines.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { MemoryLogFiles } from "../support/memory_log_files.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import { type NaiveAnalysis, naiveAnalysis } from "../support/naive_analysis.ts";
import type { Life } from "./life.ts";
import { SimulatedDatabase } from "./simulated_database.ts";
import { SimulatedDeliverer } from "./simulated_deliverer.ts";
import { type DiskOperation, SimulatedDisk } from "./simulated_disk.ts";
import { LOG_PATH, SimulatedLog } from "./simulated_log.ts";
import { SimulatedSender } from "./simulated_sender.ts";
import { LINE_BYTES_MAX, traffic } from "./traffic.ts";

/**
 * All that the analyzer has to do with and that outlives it: a clock, a disk, a database, and
 * whoever sends it lines; with everything that can happen to them.
 */
export class SimulatedMachine implements Disposable {
  readonly random: Mulberry32;
  readonly clock = new ManualClock({ wallMs: BASE_MS });
  readonly disk: SimulatedDisk;
  readonly database: SimulatedDatabase;
  readonly inputs: typeof INPUTS[number];
  readonly files: MemoryLogFiles;
  readonly log: SimulatedLog;
  /** What the log amounts to, read to its end. */
  readonly expected: NaiveAnalysis;
  readonly sender: SimulatedSender;
  readonly bodies: readonly Uint8Array[];
  readonly deliverer: SimulatedDeliverer;
  readonly #events = new Map<string, number>();
  /** Checkpoints that were damaged, and that no start has looked at yet. */
  damagedSlots = 0;
  /** What retention has removed. */
  readonly removedLines: string[] = [];
  /** A damaged checkpoint may take what was delivered with it. */
  hasLostCheckpoint = false;

  constructor(seed: number) {
    this.random = new Mulberry32(seed);
    this.disk = new SimulatedDisk(this.random, () => this.clock.wallMs());
    this.database = new SimulatedDatabase(this.random);
    this.inputs = this.random.pick(INPUTS);
    const log = (name: string, isWanted: boolean) =>
      traffic(this.random, {
        name,
        lines: isWanted ? 20 + this.random.below(200) : 0,
        startMs: BASE_MS,
      });
    this.sender = new SimulatedSender(this.random, log("tcp", this.inputs.includes("tcp")));
    // Bytes that are no text are the socket's to bring.
    const text = new TextDecoder().decode(log("log", this.inputs !== "tcp"));
    // Nobody sets the clock of the log's files back: the order of files may be told by nothing else.
    this.files = new MemoryLogFiles(() => BASE_MS + this.clock.monotonicMs());
    this.log = new SimulatedLog(this.random, this.files, text, {
      isWhole: !this.isFollowed,
      nowMs: () => this.clock.monotonicMs(),
    });
    this.expected = naiveAnalysis(text.split("\n").slice(0, -1), {
      windowLengthMs: 1000,
      latenessMs: 500,
      minStatus: 400,
      lineBytesMax: LINE_BYTES_MAX,
    });
    const bodyCount = this.random.pick([0, 0, 5]);
    this.bodies = Array.from({ length: bodyCount }, (_, i) =>
      traffic(this.random, {
        name: `delivered-${i}`,
        lines: 5 + this.random.below(30),
        startMs: BASE_MS,
        isAllJson: true,
      }));
    this.deliverer = new SimulatedDeliverer(this.random, this.bodies);
  }

  /** What the machine went through, by kind. */
  get events(): ReadonlyMap<string, number> {
    const events = new Map(this.#events);
    for (const [operation, count] of this.disk.refused) events.set(`refused ${operation}`, count);
    for (const [kind, count] of this.deliverer.answers) events.set(`answered ${kind}`, count);
    return events;
  }

  [Symbol.dispose](): void {
    this.database[Symbol.dispose]();
  }

  get isFollowed(): boolean {
    return this.inputs.includes("follow");
  }

  /** The sources of a run with such a configuration, for one process. */
  sources(life: Life, config: AnalyzerConfig): Source[] {
    const nowMs = () => life.wallMs();
    const options = { files: this.files, path: LOG_PATH, nowMs };
    return config.sources.map(({ kind, name }) => {
      if (kind === "tcp") {
        return new TcpSource(name, {
          connect: () => this.sender.connect(life),
          once: false,
          nowMs,
          random: () => this.random.next(),
        });
      }
      return this.isFollowed
        ? new FollowedFileSource(name, options)
        : new FileSource(name, options);
    });
  }

  /** The process ends, by itself or not, and the machine with it or not. */
  end(life: Life, how: "kill" | "crash" | undefined): void {
    if (how !== undefined) this.count(how);
    life.die();
    this.sender.reset(false);
    this.deliverer.receiverDied();
    this.disk.endOperations();
    if (how === "crash") {
      this.disk.crash();
      // Another start, hours later maybe.
      this.clock.setWall(this.clock.wallMs() + this.random.below(2) * 28_800_000);
    }
    this.database.die(how === "crash");
  }

  /** Damages a file that nobody has open. Returns a function that mends what recovery must bear. */
  damageSomething(): () => void {
    const dice = this.random.next();
    if (dice < 0.1) {
      const slots = CHECKPOINT_FILES.map((file) => `${CHECKPOINTS}/${file}`)
        .filter((path) => (this.disk.bytes(path)?.length ?? 0) > 0);
      const isAll = this.random.next() < 0.2;
      for (const path of isAll ? slots : slots.slice(0, 1)) {
        this.disk.flipBit(path);
        this.damagedSlots++;
        this.hasLostCheckpoint = true;
        this.count("bit flipped in a checkpoint");
      }
    } else if (dice < 0.15) {
      const paths = this.disk.paths(`${OUTPUT}/errors`)
        .filter((path) => this.disk.bytes(path)!.length > 0);
      if (paths.length > 0) {
        this.count("bit flipped in an error file");
        return this.disk.flipBit(this.random.pick(paths));
      }
    } else if (dice < 0.18) {
      this.count("database damaged");
      this.database.damage();
    }
    return () => {};
  }

  /** One thing that happens to a running program. */
  happen(isLast: boolean): void {
    if (this.random.next() < 0.3) {
      this.log.write(this.random.pick([1, 30, 300, 3000]));
      if (this.isFollowed && this.random.next() < 0.1) {
        if (this.log.rotate()) this.count("log rotated");
      }
    }
    const dice = this.random.next();
    if (dice < 0.45) {
      this.sender.send(this.random.pick([1, 2, 30, 100, 300, 1000, 5000]));
    } else if (dice < 0.8) {
      this.clock.advance(this.random.pick([1, 5, 20, 20, 100, 250, 1000, 3000]));
    } else if (isLast) {
      return;
    } else if (dice < 0.84) {
      this.count("connection lost");
      this.sender.reset(this.random.next() < 0.3);
    } else if (dice < 0.86) {
      this.sender.isDown = !this.sender.isDown;
    } else if (dice < 0.88) {
      this.count("clock set");
      const wallMs = this.clock.wallMs();
      this.clock.setWall(wallMs + this.random.pick([-3_600_000, 3_600_000]));
    } else if (dice < 0.89) {
      // Long enough for all that is stored to become too old, and for somebody to look.
      this.count("day passed");
      this.clock.setWall(this.clock.wallMs() + 108_000_000);
      this.clock.advance(61_000);
    } else if (dice < 0.94) {
      this.#beginOutage();
    } else {
      this.endOutages();
    }
  }

  #beginOutage(): void {
    const dice = this.random.next();
    const share = this.random.pick([0.2, 0.5, 1]);
    if (dice < 0.3) {
      this.count("disk full");
      const operations = ["write", "append", "replace", "sync"] as const;
      this.disk.outage = { reason: "No space left on device", operations, share };
    } else if (dice < 0.6) {
      this.count("disk failing");
      const operation = this.random.pick(FAILING_OPERATIONS);
      this.disk.outage = { reason: "Input/output error", operations: [operation], share };
    } else if (dice < 0.75) {
      this.count("database locked");
      this.database.isBusy = true;
    } else if (dice < 0.9) {
      this.count("database full");
      this.database.isFull = true;
    } else {
      this.count("database not made durable");
      this.database.failsToSync = true;
    }
  }

  /** All is well again. */
  endOutages(): void {
    this.disk.outage = undefined;
    this.database.isBusy = false;
    this.database.isFull = false;
    this.database.failsToSync = false;
    this.sender.isDown = false;
  }

  /** How many whole lines there are in the error files, with those removed as old. */
  errorLineCount(): number {
    let count = this.removedLines.length;
    for (const path of this.disk.paths(`${OUTPUT}/errors`)) {
      for (const byte of this.disk.bytes(path)!) if (byte === 0x0a) count++;
    }
    return count;
  }

  /** Lines of all error files, in the order of their paths, and before them those removed as old. */
  errorLines(): string[] {
    const lines = this.disk.paths(`${OUTPUT}/errors`).flatMap((path) => {
      const text = new TextDecoder().decode(this.disk.bytes(path));
      assert.ok(text === "" || text.endsWith("\n"), `${path} ends with half a line`);
      return text.split("\n").slice(0, -1);
    });
    return [...this.removedLines, ...lines];
  }

  /** URLs of the error rows that begin so; that none is there twice is checked elsewhere. */
  errorUrls(beginning: string): string[] {
    return this.errorLines()
      .map((line) => JSON.parse(line).url as string)
      .filter((url) => url.startsWith(beginning));
  }

  count(event: string, count = 1): void {
    this.#events.set(event, (this.#events.get(event) ?? 0) + count);
  }
}

/** What a run reads besides what is delivered to it. */
const INPUTS = ["tcp", "file", "follow", "tcp and file", "tcp and follow"] as const;

export const TCP = "tcp://127.0.0.1:9999";
export const LOG = `file:${LOG_PATH}`;
export const OUTPUT = "/output";
export const CHECKPOINTS = "/checkpoint";
export const ASIDE = "/aside";

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
