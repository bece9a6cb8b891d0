import assert from "node:assert/strict";
import fc from "fast-check";
import type { StreamElement } from "../../../analyzer/stream/elements.ts";
import {
  WatermarkOperator,
  type WatermarkState,
} from "../../../analyzer/window/watermark_operator.ts";
import { recordBatch } from "../../support/batches.ts";

const OPTIONS = {
  windowLengthMs: 30_000,
  latenessMs: 5000,
  idleTimeoutMs: 5000,
  replayableInputs: [],
};

/** Drives one operator; all times in seconds, event time from the start of a window. */
class Driver {
  readonly #operator: WatermarkOperator;
  /** Every watermark so far, in s. */
  readonly watermarks: number[] = [];
  /** Kinds of all elements that came out, in order. */
  readonly kinds: string[] = [];

  constructor(restored?: WatermarkState, now = 0, replayableInputs: readonly string[] = []) {
    this.#operator = new WatermarkOperator({ ...OPTIONS, replayableInputs }, restored, now * 1000);
  }

  get watermark(): number {
    return this.watermarks.at(-1) ?? -Infinity;
  }

  push(element: StreamElement): StreamElement[] {
    const out: StreamElement[] = [];
    this.#operator.push(element, (element) => out.push(element));
    for (const element of out) {
      this.kinds.push(element.kind);
      if (element.kind === "watermark") this.watermarks.push(element.timeMs / 1000);
    }
    return out;
  }

  open(inputId: string, options: { readonly isLive: boolean } = { isLive: true }): void {
    this.push({ kind: "input-opened", inputId, ...options });
  }

  close(inputId: string, options: { readonly isComplete: boolean } = { isComplete: false }): void {
    this.push({ kind: "input-closed", inputId, ...options });
  }

  rows(inputId: string, receivedAt: number, ...times: (number | "future")[]): void {
    const rows = times.map((time) => ({ time: time === "future" ? time : time * 1000 }));
    this.push(recordBatch(rows, { inputId, receivedAtMs: receivedAt * 1000 }));
  }

  tick(now: number): void {
    this.push({ kind: "tick", monotonicMs: now * 1000, wallMs: 0 });
  }

  state(): WatermarkState {
    const barrier = this.push({ kind: "barrier", state: {} }).at(-1)!;
    assert.ok(barrier.kind === "barrier" && barrier.state.watermark !== undefined);
    return barrier.state.watermark;
  }
}

Deno.test("WatermarkOperator.push() passes the batch first, then the watermark behind it", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 10, 3);
  assert.deepEqual(driver.kinds, ["input-opened", "batch", "watermark"]);
  assert.deepEqual(driver.watermarks, [5]);
});

// S-18, S-20
Deno.test("WatermarkOperator emits a watermark only where it moves, and never back", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 10);
  driver.rows("a", 1, 10, 2);
  driver.rows("a", 2, 9);
  driver.rows("a", 3, 10.001);
  assert.deepEqual(driver.watermarks, [5, 5.001]);
});

// S-19
Deno.test("WatermarkOperator follows the lowest of several active inputs", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("b");
  driver.rows("b", 0, 20);
  driver.rows("a", 0, 100);
  assert.equal(driver.watermark, 15);
  driver.rows("b", 1, 90);
  assert.equal(driver.watermark, 85);
  driver.rows("b", 1, 200);
  assert.equal(driver.watermark, 95);
});

// S-19
Deno.test("WatermarkOperator lets a live input take part from its first row on", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("silent");
  driver.rows("a", 0, 100);
  assert.equal(driver.watermark, 95);
  // It cannot bring the watermark back, but it holds it.
  driver.rows("silent", 0, 50);
  driver.rows("a", 0, 110);
  assert.deepEqual(driver.watermarks, [95]);
});

// S-19
Deno.test("WatermarkOperator lets a replayable input hold the watermark from its opening on", () => {
  const driver = new Driver();
  driver.open("file", { isLive: false });
  driver.open("a");
  driver.rows("a", 0, 100);
  driver.tick(1000);
  assert.deepEqual(driver.watermarks, []);
  // However slow it is, it is never idle.
  driver.rows("file", 2000, 10);
  driver.rows("a", 2000, 101);
  driver.tick(9000);
  assert.deepEqual(driver.watermarks, [5]);
  driver.close("file", { isComplete: true });
  driver.rows("a", 9001, 102);
  assert.equal(driver.watermark, 97);
});

// S-24
Deno.test("WatermarkOperator waits for an input to the last millisecond before it is idle", () => {
  const driver = new Driver();
  driver.open("slow");
  driver.open("fast");
  driver.rows("slow", 0, 20);
  driver.rows("fast", 1, 100);
  driver.tick(4.999);
  assert.equal(driver.watermark, 15);
  driver.tick(5);
  assert.equal(driver.watermark, 95);
  // It takes part again with its next row, which the watermark does not wait for any more.
  driver.rows("slow", 5.5, 21);
  driver.rows("fast", 5.6, 120);
  assert.equal(driver.watermark, 95);
  driver.rows("slow", 5.7, 119);
  assert.equal(driver.watermark, 114);
});

// S-19, S-20
Deno.test("WatermarkOperator counts a closed input no more, until it returns with a row", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("b");
  driver.rows("a", 0, 20);
  driver.rows("b", 0, 100);
  driver.close("a");
  driver.tick(0.1);
  assert.equal(driver.watermark, 95);
  driver.open("a");
  driver.rows("a", 0.2, 97);
  driver.rows("b", 0.3, 200);
  assert.equal(driver.watermark, 95);
  driver.rows("a", 0.4, 150);
  assert.equal(driver.watermark, 145);
});

// S-24, S-25
Deno.test("WatermarkOperator lets time go on with the clock when the source is quiet", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 100, 20);
  driver.tick(104.999);
  assert.deepEqual(driver.watermarks, [15]);
  driver.tick(105);
  assert.equal(driver.watermark, 20);
  driver.tick(114);
  assert.equal(driver.watermark, 29);
  // Never beyond the end of the newest window that holds rows.
  driver.tick(115);
  assert.equal(driver.watermark, 30);
  driver.tick(100_000);
  assert.equal(driver.watermark, 30);
  // What comes on time after a pause moves on from there.
  driver.rows("a", 100_001, 3600);
  assert.equal(driver.watermark, 3595);
});

// S-24
Deno.test("WatermarkOperator lets time go on for an input that is closed, too", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 20);
  driver.close("a");
  driver.tick(4.999);
  assert.equal(driver.watermark, 15);
  driver.tick(15);
  assert.equal(driver.watermark, 30);
});

// S-25
Deno.test("WatermarkOperator does not close windows of a log that is paused and goes on", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 31);
  driver.tick(3600);
  assert.equal(driver.watermark, 60);
  driver.rows("a", 3601, 61);
  driver.rows("a", 3602, 62);
  assert.equal(driver.watermark, 60);
});

Deno.test("WatermarkOperator does nothing with the clock before the first row", () => {
  const driver = new Driver();
  driver.tick(1);
  driver.open("a");
  driver.tick(100);
  driver.rows("a", 101);
  driver.tick(200);
  driver.push({ kind: "end-of-input" });
  assert.deepEqual(driver.watermarks, []);
});

// S-24
Deno.test("WatermarkOperator follows the furthest of inputs that are all silent", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("b");
  driver.rows("a", 0, 11);
  driver.rows("b", 0, 70);
  assert.equal(driver.watermark, 6);
  driver.tick(5);
  assert.equal(driver.watermark, 70);
  driver.tick(1000);
  assert.equal(driver.watermark, 90);
});

// S-27
Deno.test("WatermarkOperator closes the last window of an input that was read to its end", () => {
  for (const isLive of [true, false]) {
    const driver = new Driver();
    driver.open("file", { isLive });
    driver.rows("file", 0, 31);
    driver.close("file", { isComplete: true });
    driver.tick(0.001);
    assert.equal(driver.watermark, 60, `${isLive}`);
  }
});

Deno.test("WatermarkOperator waits for the other inputs at the end of one", () => {
  const driver = new Driver();
  driver.open("file", { isLive: false });
  driver.open("a");
  driver.rows("a", 0, 20);
  driver.rows("file", 0, 100);
  driver.close("file", { isComplete: true });
  driver.tick(1);
  assert.equal(driver.watermark, 15);
});

// S-27
Deno.test("WatermarkOperator takes an input that was complete and returns for a live one again", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 20);
  driver.close("a", { isComplete: true });
  driver.tick(1);
  assert.equal(driver.watermark, 30);
  driver.open("a");
  driver.rows("a", 100, 40);
  driver.tick(105);
  assert.equal(driver.watermark, 40);
});

Deno.test("WatermarkOperator moves to the end of the newest window at the end of input", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("b");
  driver.rows("a", 0, 20);
  driver.rows("b", 0, 60);
  driver.close("b", { isComplete: true });
  driver.close("a", { isComplete: true });
  const out = driver.push({ kind: "end-of-input" });
  assert.deepEqual(out, [{ kind: "watermark", timeMs: 90_000 }, { kind: "end-of-input" }]);
});

// S-27
Deno.test("WatermarkOperator moves likewise where sources have ended and nothing is delivered", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 0, 20);
  driver.close("a", { isComplete: false });
  const out = driver.push({ kind: "sources-ended" });
  assert.deepEqual(out, [{ kind: "watermark", timeMs: 30_000 }, { kind: "sources-ended" }]);
});

// S-55
Deno.test("WatermarkOperator leaves it to open inputs and the clock where sources have ended", () => {
  const driver = new Driver();
  driver.open("http");
  driver.rows("http", 0, 10);
  driver.open("a");
  driver.rows("a", 0, 20);
  driver.close("a", { isComplete: true });
  driver.push({ kind: "sources-ended" });
  assert.equal(driver.watermark, 5);
  driver.rows("http", 1, 21);
  assert.equal(driver.watermark, 16);
  driver.tick(6);
  assert.equal(driver.watermark, 30);
});

// S-26
Deno.test("WatermarkOperator is not moved by a row in the future, nor held by it", () => {
  const driver = new Driver();
  driver.open("a");
  driver.open("b");
  driver.rows("b", 0, "future");
  driver.rows("a", 0, 10, "future");
  assert.deepEqual(driver.watermarks, [5]);
  // An input that sends nothing else is as good as silent.
  for (let now = 1; now <= 10; now++) driver.rows("b", now, "future");
  driver.rows("a", 10, 40);
  assert.equal(driver.watermark, 35);
  for (let now = 11; now <= 40; now++) driver.rows("a", now, "future");
  assert.equal(driver.watermark, 60);
});

Deno.test("WatermarkOperator passes on what is not its own, and refuses unknown inputs", () => {
  const driver = new Driver();
  assert.deepEqual(driver.push({ kind: "view-request" }), [
    { kind: "view-request", eventTimeMaxMs: undefined },
  ]);
  assert.deepEqual(driver.kinds, ["view-request"]);
  driver.close("never opened");
  assert.throws(() => driver.rows("never opened", 0, 1), /"never opened" was never opened/);
});

Deno.test("WatermarkOperator keeps a bounded state, however many connections come and go", () => {
  for (const isComplete of [false, true]) {
    const driver = new Driver();
    driver.open("long");
    driver.rows("long", 0, 1);
    for (let i = 0; i < 1000; i++) {
      driver.open(`tcp#${i}`);
      // Some bring no row at all, and some the same time as the one before.
      if (i % 3 > 0) driver.rows(`tcp#${i}`, i / 1000, Math.floor(i / 100));
      driver.close(`tcp#${i}`, { isComplete });
    }
    const { inputs } = driver.state();
    assert.ok(inputs.length <= 2, `${inputs.length} inputs`);
    assert.ok(inputs.some(({ inputId }) => inputId === "long"));
    // The clock still closes what the last of them has opened.
    driver.tick(3600);
    assert.equal(driver.watermark, 30);
  }
});

// S-19
Deno.test("WatermarkOperator waits for every replayable input from the first element on", () => {
  const driver = new Driver(undefined, 0, ["slow to open", "file"]);
  driver.open("file", { isLive: false });
  driver.rows("file", 0, 100);
  driver.tick(60);
  assert.deepEqual(driver.watermarks, []);
  driver.open("slow to open", { isLive: false });
  driver.rows("slow to open", 61, 20);
  assert.equal(driver.watermark, 15);
});

Deno.test("WatermarkOperator goes on from its state, and waits for silence anew", () => {
  const first = new Driver();
  first.open("a");
  first.open("b");
  first.rows("a", 0, 20);
  first.rows("b", 0, 40);
  const second = new Driver(structuredClone(first.state()), 1000);
  // Live inputs of the run before keep what they knew, under names that no new one will have.
  const inputs = first.state().inputs.map((input, i) => ({ ...input, inputId: `restored ${i}` }));
  assert.deepEqual(second.state(), { ...first.state(), inputs });
  // Not yet connected, they take no part; the clock counts from the start of the second run.
  second.tick(1004.999);
  assert.deepEqual(second.watermarks, []);
  second.tick(1005);
  assert.equal(second.watermark, 40);
  second.open("a");
  second.rows("a", 1006, 30);
  assert.equal(second.watermark, 40);
  second.rows("a", 1007, 100);
  assert.equal(second.watermark, 95);
});

// S-24
Deno.test("WatermarkOperator closes the newest window after a restart, whose silence counts anew", () => {
  const first = new Driver();
  first.open("long silent");
  first.rows("long silent", 0, 1);
  first.close("long silent");
  first.open("later");
  first.rows("later", 4000, 3600);
  // The one before has been silent for so long that its watermark is ahead.
  first.close("later");
  const second = new Driver(first.state(), 100);
  second.tick(100 + 40);
  assert.equal(second.watermark, 3630, "the end of the newest window");
});

Deno.test("WatermarkOperator does not wait for a restored live input that has no row yet", () => {
  const first = new Driver();
  first.open("silent");
  first.open("a");
  first.rows("a", 0, 20);
  const second = new Driver(structuredClone(first.state()), 1000);
  second.open("silent");
  second.open("a");
  second.rows("a", 1000, 50);
  assert.equal(second.watermark, 45);
});

// S-17, S-19
Deno.test("WatermarkOperator takes a followed file for a live input from when it is said to be one", () => {
  const driver = new Driver(undefined, 0, ["log"]);
  driver.open("log", { isLive: false });
  driver.open("tcp");
  driver.rows("tcp", 0, 100);
  driver.rows("log", 0, 20);
  // As a file it is waited for, however long it takes.
  driver.rows("tcp", 60, 110);
  assert.equal(driver.watermark, 15);
  driver.open("log", { isLive: true });
  driver.rows("tcp", 61, 120);
  assert.equal(driver.watermark, 115);
});

Deno.test("WatermarkOperator knows a followed file again, and one that is followed no more", () => {
  const first = new Driver(undefined, 0, ["log"]);
  first.open("log", { isLive: false });
  first.open("log", { isLive: true });
  first.rows("log", 0, 50);
  for (const isLive of [true, false]) {
    const second = new Driver(structuredClone(first.state()), 0, ["log"]);
    second.open("log", { isLive });
    assert.deepEqual(second.state().inputs, [
      { inputId: "log", isLive, isComplete: false, eventTimeMaxMs: 50_000 },
    ]);
    second.tick(100);
    assert.equal(second.state().timeMs, isLive ? 60_000 : 45_000);
  }
});

type Step =
  | { readonly kind: "open" | "close" | "complete"; readonly input: number }
  | { readonly kind: "rows"; readonly input: number; readonly times: readonly number[] }
  | { readonly kind: "wait"; readonly seconds: number };

const input = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("open", "close", "complete"), input }),
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("rows"),
      input,
      times: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 3 }),
    }),
  },
  fc.record({ kind: fc.constant("wait"), seconds: fc.integer({ min: 0, max: 8 }) }),
);

Deno.test("WatermarkOperator obeys the naive rules, whatever inputs do", () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(steps, (steps) => {
      const driver = new Driver();
      // Input 0 is a file, which may be opened again; every other one is a place for connections.
      const inputs: { id: string; isOpen: boolean; highest: number; lastRowAt: number }[] = [];
      const begin = (id: string) => {
        const input = { id, isOpen: false, highest: -Infinity, lastRowAt: 0 };
        inputs.push(input);
        return input;
      };
      const places = [0, 1, 2, 3].map((place) => begin(`input ${place}`));
      let now = 0;
      let before = -Infinity;
      for (const step of steps) {
        if (step.kind === "wait") {
          driver.tick(now += step.seconds);
        } else {
          let input = places[step.input]!;
          if (step.kind === "rows") {
            if (!input.isOpen) continue;
            driver.rows(input.id, now, ...step.times);
            if (step.times.length > 0) input.lastRowAt = now;
            input.highest = Math.max(input.highest, ...step.times);
          } else if (step.kind === "open") {
            if (input.isOpen) continue;
            if (step.input > 0) {
              input = begin(`input ${step.input}#${inputs.length}`);
              places[step.input] = input;
            }
            driver.open(input.id, { isLive: step.input > 0 });
            input.isOpen = true;
          } else {
            driver.close(input.id, { isComplete: step.kind === "complete" });
            input.isOpen = false;
          }
        }
        const highest = Math.max(...inputs.map((input) => input.highest));
        const { watermark } = driver;
        assert.ok(watermark >= before, "it goes back");
        assert.ok(
          watermark <= (Math.floor(highest / 30) + 1) * 30,
          "it is beyond the newest window",
        );
        const active = inputs.filter((input, i) =>
          input.isOpen && (i === 0 || (input.highest > -Infinity && now - input.lastRowAt < 5))
        );
        // Where it stands still behind an active input it does so for that input's sake.
        const lowest = Math.min(...active.map((input) => input.highest - 5));
        if (active.length > 0 && (step.kind === "rows" || step.kind === "wait")) {
          assert.equal(watermark, Math.max(before, lowest));
        }
        before = watermark;
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("WatermarkOperator tells a view the highest event time, futures left out", () => {
  const driver = new Driver();
  driver.open("a");
  driver.rows("a", 1, 40, 35, "future");
  assert.deepEqual(driver.push({ kind: "view-request" }), [
    { kind: "view-request", eventTimeMaxMs: 40_000 },
  ]);
});
