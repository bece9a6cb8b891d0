import assert from "node:assert/strict";
import type { InputElement, StreamElement } from "../../../analyzer/stream/elements.ts";
import { Signals } from "../../../analyzer/stream/signals.ts";
import { recordBatch } from "../../support/batches.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const TICK_MS = 250;
const CHECKPOINT_MS = 1000;
const URGENT_MS = 50;

/** An input that a test writes to; the element is told by its `inputId`. */
class Input {
  #controller!: ReadableStreamDefaultController<InputElement>;
  readonly stream = new ReadableStream<InputElement>({
    start: (controller) => {
      this.#controller = controller;
    },
  }, { highWaterMark: 0 });

  send(inputId: string): void {
    this.#controller.enqueue({ kind: "input-opened", inputId, isLive: true });
  }

  end(): void {
    this.#controller.close();
  }

  fail(cause: unknown): void {
    this.#controller.error(cause);
  }
}

function start(
  inputs: readonly AsyncIterable<InputElement>[],
  standing?: AsyncIterable<InputElement>,
) {
  const clock = new ManualClock();
  const controller = new AbortController();
  const signals = new Signals(inputs, {
    clock,
    tickIntervalMs: TICK_MS,
    checkpointIntervalMs: CHECKPOINT_MS,
    urgentCheckpointIntervalMs: URGENT_MS,
    ...(standing === undefined ? {} : { standingInput: standing }),
    replayableInputs: [],
    aheadMaxMs: 0,
  }, controller.signal);
  const reader = signals.open().getReader();
  const next = async () => {
    const { done, value } = await reader.read();
    return done ? "done" : nameOf(value);
  };
  /** What comes once nothing has happened for so long. */
  const nextAfter = async (durationMs: number) => {
    const pending = next();
    await clock.whenWaiting();
    clock.advance(durationMs);
    return await pending;
  };
  return { clock, controller, signals, reader, next, nextAfter };
}

function nameOf(element: StreamElement): string {
  return element.kind === "input-opened" ? element.inputId : element.kind;
}

Deno.test("Signals passes on what inputs send, as soon as they do", async () => {
  const [a, b] = [new Input(), new Input()];
  const { reader, next } = start([a.stream, b.stream]);
  const pending = next();
  a.send("a1");
  assert.equal(await pending, "a1");
  b.send("b1");
  assert.equal(await next(), "b1");
  await reader.cancel();
});

Deno.test("Signals ticks at its interval where nothing else happens, with both times", async () => {
  const { clock, reader, nextAfter } = start([new Input().stream]);
  assert.equal(await nextAfter(TICK_MS), "tick");
  clock.setWall(77);
  const pending = reader.read();
  await clock.whenWaiting();
  assert.equal(clock.nextDelayMs, TICK_MS);
  clock.advance(TICK_MS);
  assert.deepEqual((await pending).value, {
    kind: "tick",
    monotonicMs: 2 * TICK_MS,
    wallMs: 77 + TICK_MS,
  });
  await reader.cancel();
});

Deno.test("Signals ticks though an input is always ready, and makes up for no missed tick", async () => {
  const input = new Input();
  const { clock, reader, next } = start([input.stream]);
  for (let i = 0; i < 5; i++) input.send(`row ${i}`);
  assert.equal(await next(), "row 0");
  clock.advance(2 * TICK_MS);
  assert.equal(await next(), "tick");
  assert.equal(await next(), "row 1");
  assert.equal(await next(), "row 2");
  clock.advance(TICK_MS - 1);
  assert.equal(await next(), "row 3");
  clock.advance(1);
  assert.equal(await next(), "tick");
  assert.equal(await next(), "row 4");
  await reader.cancel();
});

// S-24
Deno.test("Signals lets inputs deliver after a stall before it says that time has passed", async () => {
  const input = new Input();
  const { clock, reader, next, nextAfter } = start([input.stream]);
  input.send("before");
  assert.equal(await next(), "before");
  clock.advance(2 * TICK_MS + 1);
  input.send("after");
  assert.equal(await next(), "after");
  assert.equal(await nextAfter(TICK_MS), "tick");
  await reader.cancel();
});

// S-19
Deno.test("Signals reads files side by side in event time, and others as they come", async () => {
  const file = (inputId: string, times: readonly number[]) =>
    ReadableStream.from<InputElement>([
      ...times.map((time) => recordBatch([{ time }], { inputId })),
      { kind: "input-closed", inputId, isComplete: true },
    ]);
  const signals = new Signals(
    [file("new", [1000, 1010, 1020]), file("old", [0, 10, 20]), file("live", [9999])],
    {
      clock: new ManualClock(),
      tickIntervalMs: TICK_MS,
      checkpointIntervalMs: CHECKPOINT_MS,
      urgentCheckpointIntervalMs: URGENT_MS,
      replayableInputs: ["new", "old"],
      aheadMaxMs: 100,
    },
    new AbortController().signal,
  );
  const order: string[] = [];
  for await (const element of signals.open()) {
    if (element.kind === "batch") order.push(`${element.inputId} ${element.eventTimeMaxMs}`);
    if (element.kind === "input-closed") order.push(`${element.inputId} ended`);
  }
  const ofFiles = order.filter((entry) => !entry.startsWith("live"));
  // The newer one waits after its first batch, until the older one has come near or has ended.
  assert.deepEqual(ofFiles, [
    ...["new 1000", "old 0", "old 10", "old 20", "old ended"],
    ...["new 1010", "new 1020", "new ended"],
  ]);
  assert.ok(order.indexOf("live 9999") < 5, String(order));
});

Deno.test("Signals no longer holds back a file for one that has become live", async () => {
  const batch = (inputId: string, time: number) => recordBatch([{ time }], { inputId });
  const followed = async function* (): AsyncGenerator<InputElement> {
    yield batch("followed", 0);
    yield { kind: "input-opened", inputId: "followed", isLive: true };
    // Silent, for ever.
    await new Promise(() => {});
  };
  const file = async function* (): AsyncGenerator<InputElement> {
    for (const time of [1000, 1010]) yield batch("file", time);
  };
  const signals = new Signals([followed(), file()], {
    clock: new ManualClock(),
    tickIntervalMs: TICK_MS,
    checkpointIntervalMs: CHECKPOINT_MS,
    urgentCheckpointIntervalMs: CHECKPOINT_MS,
    replayableInputs: ["followed", "file"],
    aheadMaxMs: 100,
  }, new AbortController().signal);
  const times: number[] = [];
  for await (const element of signals.open()) {
    if (element.kind !== "batch") continue;
    if (element.inputId === "file") times.push(element.eventTimeMaxMs);
    if (times.length === 2) break;
  }
  assert.deepEqual(times, [1000, 1010]);
});

Deno.test("Signals waits with one timer, however often it waits, and leaves none behind", async () => {
  for (const end of ["cancel", "end", "exception"] as const) {
    const input = new Input();
    const { clock, reader, next } = start([input.stream]);
    for (const name of ["a", "b", "c"]) {
      const pending = next();
      await clock.whenWaiting();
      input.send(name);
      assert.equal(await pending, name);
      assert.equal(clock.pendingCount, 1);
    }
    if (end === "cancel") await reader.cancel();
    else if (end === "end") {
      input.end();
      while (!(await reader.read()).done);
    } else {
      input.fail(new Error("broken"));
      await assert.rejects(reader.read());
    }
    assert.equal(clock.pendingCount, 0, end);
  }
});

// S-36
Deno.test("Signals sends a barrier at the interval, and none while nothing has changed", async () => {
  const { clock, reader, signals, next, nextAfter } = start([new Input().stream]);
  clock.advance(5 * CHECKPOINT_MS);
  assert.equal(await nextAfter(TICK_MS), "tick");
  signals.markChanged();
  assert.equal(await next(), "barrier");
  // No second one before the first has come through.
  clock.advance(5 * CHECKPOINT_MS);
  assert.equal(await nextAfter(TICK_MS), "tick");
  signals.barrierDone();
  signals.markChanged();
  clock.advance(2 * TICK_MS);
  assert.equal(await next(), "tick");
  clock.advance(2 * TICK_MS - 1);
  assert.equal(await next(), "tick");
  assert.equal(await nextAfter(1), "barrier");
  signals.barrierDone();
  clock.advance(5 * CHECKPOINT_MS);
  assert.equal(await nextAfter(TICK_MS), "tick");
  await reader.cancel();
});

Deno.test("Signals.requestView() goes ahead of what is ready, and ends the wait", async () => {
  const input = new Input();
  const { clock, reader, signals, next } = start([input.stream]);
  input.send("row");
  signals.requestView();
  signals.requestView();
  assert.equal(await next(), "view-request");
  assert.equal(await next(), "row");
  const pending = next();
  await clock.whenWaiting();
  signals.requestView();
  assert.equal(await pending, "view-request");
  await reader.cancel();
});

Deno.test("Signals ends with end of input, a checkpoint and a view once all inputs have", async () => {
  const [a, b] = [new Input(), new Input()];
  const { next } = start([a.stream, b.stream]);
  a.end();
  const pending = next();
  b.send("last");
  b.end();
  assert.equal(await pending, "last");
  const rest = [await next(), await next(), await next(), await next()];
  assert.deepEqual(rest, ["end-of-input", "barrier", "view-request", "done"]);
});

// S-43
Deno.test("Signals lets no time pass behind the last checkpoint, however long it takes", async () => {
  const { clock, next, signals } = start([]);
  const last: string[] = [];
  for (;;) {
    // A tick behind the barrier could close a window, which then is in no checkpoint.
    clock.advance(10 * CHECKPOINT_MS);
    signals.markChanged();
    last.push(await next());
    if (last.at(-1) === "done") break;
  }
  assert.deepEqual(last, ["end-of-input", "barrier", "view-request", "done"]);
});

Deno.test("Signals says nothing of an end of input where the run was stopped", async () => {
  const input = new Input();
  const { controller, next } = start([input.stream]);
  controller.abort();
  input.end();
  assert.deepEqual([await next(), await next(), await next()], ["barrier", "view-request", "done"]);
});

Deno.test("Signals takes nothing from an input before it is asked, but for one element", async () => {
  let asked = 0;
  async function* counting(): AsyncGenerator<InputElement> {
    for (;;) yield { kind: "input-opened", inputId: `${++asked}`, isLive: true };
  }
  const { reader, next } = start([counting()]);
  await Promise.resolve();
  assert.equal(asked, 1);
  assert.equal(await next(), "1");
  assert.equal(await next(), "2");
  assert.ok(asked <= 3);
  await reader.cancel();
});

Deno.test("Signals fails with what an input has thrown", async () => {
  const input = new Input();
  const { next } = start([input.stream]);
  const lost = new Error("lost");
  input.fail(lost);
  await assert.rejects(next(), lost);
});

Deno.test("Signals ends its inputs when its reader goes away", async () => {
  async function* endless(): AsyncGenerator<InputElement> {
    try {
      for (;;) yield { kind: "input-opened", inputId: "a", isLive: true };
    } finally {
      ended.resolve();
    }
  }
  const ended = Promise.withResolvers<void>();
  const { reader, next } = start([endless()]);
  assert.equal(await next(), "a");
  await reader.cancel();
  await ended.promise;
});

Deno.test("Signals.requestCheckpoint() brings a barrier at once, and the next one after a while", async () => {
  const { clock, signals, reader, next } = start([new Input().stream]);
  signals.requestCheckpoint();
  assert.equal(await next(), "barrier");
  signals.requestCheckpoint();
  signals.barrierDone();
  // The barrier that is done has covered that request too.
  signals.requestCheckpoint();
  const pending = next();
  await clock.whenWaiting();
  clock.advance(URGENT_MS - 1);
  signals.requestView();
  assert.equal(await pending, "view-request");
  const second = next();
  clock.advance(1);
  assert.equal(await second, "barrier");
  signals.barrierDone();
  signals.markChanged();
  // Nobody waits for another one: the tick comes first.
  const third = next();
  for (let i = 0; i < 10; i++) await null;
  assert.equal(clock.nextDelayMs, TICK_MS - URGENT_MS);
  clock.advance(TICK_MS - URGENT_MS);
  assert.equal(await third, "tick");
  await reader.cancel();
});

// S-28
Deno.test("Signals tells that all inputs but the standing one have ended, and goes on", async () => {
  const [file, standing] = [new Input(), new Input()];
  const { controller, next } = start([file.stream], standing.stream);
  const first = next();
  file.end();
  assert.equal(await first, "sources-ended");
  assert.equal(await next(), "barrier");
  const late = next();
  standing.send("delivered");
  assert.equal(await late, "delivered");
  controller.abort();
  const last = next();
  standing.end();
  assert.equal(await last, "barrier");
  assert.equal(await next(), "view-request");
  assert.equal(await next(), "done");
});

Deno.test("Signals says nothing of ended inputs where the program stops", async () => {
  const [file, standing] = [new Input(), new Input()];
  const { controller, next } = start([file.stream], standing.stream);
  const first = next();
  controller.abort();
  file.end();
  standing.end();
  assert.equal(await first, "barrier");
  assert.equal(await next(), "view-request");
  assert.equal(await next(), "done");
});
