import assert from "node:assert/strict";
import fc from "fast-check";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryLogFiles, type MemoryWriter } from "../../support/memory_log_files.ts";
import { ATTEMPTS_MAX } from "../../../analyzer/source/followed_file_source.ts";
import { Following, type Kept, LOG, numberedLine, numbersOf } from "./following.ts";

/** What happens to a log and to who follows it. */
type Event =
  /** So many lines, the last one only begun if `isCut`: the next event that writes ends it. */
  | { readonly kind: "write"; readonly count: number; readonly isCut: boolean }
  /** The log gets another name and is made anew; the server goes on writing to the old one. */
  | { readonly kind: "rename" }
  /** The server opens the log that has the name now. */
  | { readonly kind: "reopen" }
  /** Something comes into a log that the server has left; a line there may be lost, so it is empty. */
  | { readonly kind: "late" }
  /** A copy is made, and the log is emptied. */
  | { readonly kind: "copy-truncate" }
  | { readonly kind: "pass"; readonly durationMs: number }
  /** The system refuses a few times to do something. */
  | { readonly kind: "fault"; readonly operation: Operation; readonly count: number }
  /** Ends the run, of whose batches a share is in the checkpoint. */
  | { readonly kind: "crash"; readonly share: number }
  | { readonly kind: "start" };

const OPERATIONS = ["open", "look", "read", "list"] as const;
type Operation = typeof OPERATIONS[number];

const events = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("write" as const),
        count: fc.integer({ min: 1, max: 12 }),
        isCut: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "rename" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "late" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "copy-truncate" as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("pass" as const),
        durationMs: fc.constantFrom(50, 100, 300, 1500),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("fault" as const),
        operation: fc.constantFrom(...OPERATIONS),
        count: fc.integer({ min: 1, max: ATTEMPTS_MAX - 1 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("crash" as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "start" as const }) },
  ),
  { maxLength: 40, size: "max" },
);

/** A server, its log, and one run after another that follow it. */
class World {
  readonly #clock = new ManualClock();
  readonly #files = new MemoryLogFiles(() => this.#clock.wallMs());
  readonly #counted: number[] = [];
  #bad = 0;
  #writer: MemoryWriter;
  /** Of the log that the server has left last. */
  #old: MemoryWriter | undefined;
  #hasComeLate = false;
  #written = 0;
  #unfinished = "";
  /** Whether the server still writes to a log that was renamed. */
  #isBehind = false;
  #kept: Kept = { saved: undefined, position: undefined };
  #run: Following | undefined;

  constructor(readBytesMax: number) {
    this.#files.readBytesMax = readBytesMax;
    this.#writer = this.#files.create(LOG);
  }

  async happen(event: Event): Promise<void> {
    // Two writes are never of one time: what came later is told by it.
    this.#clock.advance(1);
    switch (event.kind) {
      case "write":
        this.#finishLine();
        for (let i = 0; i < event.count; i++) this.#writer.append(numberedLine(this.#written++));
        if (event.isCut) {
          const line = numberedLine(this.#written++);
          this.#writer.append(line.slice(0, 30));
          this.#unfinished = line.slice(30);
        }
        break;
      case "rename":
        // One that is not open anywhere is not rotated again.
        if (this.#isBehind) return;
        this.#shiftNames();
        this.#files.rename(LOG, `${LOG}.1`);
        this.#files.create(LOG);
        this.#isBehind = true;
        break;
      case "reopen":
        this.#finishLine();
        if (this.#isBehind) this.#old = this.#writer;
        this.#writer = this.#files.writer(LOG);
        this.#isBehind = false;
        break;
      case "late":
        this.#old?.append("\n");
        this.#hasComeLate = true;
        break;
      case "copy-truncate":
        if (this.#isBehind) return;
        this.#finishLine();
        this.#shiftNames();
        this.#files.copy(LOG, `${LOG}.1`);
        this.#clock.advance(1);
        this.#files.truncate(LOG);
        break;
      case "pass":
        // Longer than anybody who was told to open a new log takes to do it.
        if (this.#isBehind && event.durationMs >= 1000) await this.happen({ kind: "reopen" });
        if (this.#run === undefined) this.#clock.advance(event.durationMs);
        else await this.#run.pass(event.durationMs);
        break;
      case "fault": {
        // A program that cannot read its file at the start says so and ends.
        if (this.#run === undefined) return;
        let { count } = event;
        this.#files.fault = (operation) => {
          if (operation === event.operation && count-- > 0) throw new Error("input/output error");
        };
        // Until it is over: more of them in a row would be for good.
        await this.happen({ kind: "pass", durationMs: 10_000 });
        this.#files.fault = () => {};
        break;
      }
      case "crash":
        await this.#crash(event.share);
        break;
      case "start":
        this.#run ??= await Following.start(this.#clock, this.#files, this.#kept);
    }
  }

  async finish(): Promise<void> {
    await this.happen({ kind: "start" });
    await this.happen({ kind: "reopen" });
    await this.happen({ kind: "write", count: 1, isCut: false });
    await this.happen({ kind: "pass", durationMs: 20_000 });
    await this.#crash(1);
    // It may hide which of two files came first, never that one is to be read.
    if (this.#hasComeLate) this.#counted.sort((a, b) => a - b);
    assert.deepEqual(this.#counted, Array.from({ length: this.#written }, (_, i) => i));
    assert.equal(this.#bad, 0);
  }

  async #crash(share: number): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    await run.stop();
    const count = Math.round(share * run.batches.length);
    const batches = run.batches.slice(0, count);
    this.#counted.push(...numbersOf(batches));
    this.#bad += batches.reduce(
      (sum, { counts }) => sum + counts.lines - counts.valid - counts.empty,
      0,
    );
    this.#kept = run.kept(this.#kept, count);
  }

  #finishLine(): void {
    if (this.#unfinished !== "") this.#writer.append(this.#unfinished);
    this.#unfinished = "";
  }

  #shiftNames(): void {
    for (let i = 20; i >= 1; i--) {
      if (this.#files.paths().includes(`${LOG}.${i}`)) {
        this.#files.rename(`${LOG}.${i}`, `${LOG}.${i + 1}`);
      }
    }
  }
}

// S-44
Deno.test("FollowedFileSource.open() emits every line once, whatever happens to log and program", async () => {
  const readBytes = fc.constantFrom(7, 1000, 1e9);
  await fc.assert(
    fc.asyncProperty(events, readBytes, async (events, readBytesMax) => {
      const world = new World(readBytesMax);
      // What was rotated away before the first start is nobody's to read.
      await world.happen({ kind: "start" });
      for (const event of events) await world.happen(event);
      await world.finish();
    }),
    { numRuns: 200 },
  );
});
