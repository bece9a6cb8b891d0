import assert from "node:assert/strict";
import {
  type ConnectionEnd,
  LiveActivity,
  readLiveInput,
} from "../../../analyzer/source/live_connection.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import { ByteStream, LiveStream, sourceContext } from "./byte_streams.ts";

const LINE = jsonLine({ status: 404 });

interface Run {
  /** Each element in a word or two. */
  readonly elements: string[];
  readonly end: ConnectionEnd;
}

async function run(
  stream: ByteStream,
  options: { readonly endIsLoss: boolean; readonly onElement?: (stop: AbortController) => void },
): Promise<Run> {
  const { controller, context } = sourceContext();
  const input = readLiveInput(stream.readable, "input", context, options);
  const elements: string[] = [];
  for (;;) {
    const { done, value } = await input.next();
    if (done === true) return { elements, end: value };
    elements.push(describe(value));
    options.onElement?.(controller);
  }
}

function describe(element: InputElement): string {
  switch (element.kind) {
    case "input-opened":
      return element.isLive ? "opened" : "opened, replayable";
    case "batch":
      return `${element.counts.valid} valid, ${element.counts.partial} partial` +
        (element.samples.length > 0 ? ", shown" : "");
    case "input-closed":
      return element.isComplete ? "complete" : "lost";
    default:
      return element.kind;
  }
}

Deno.test("readLiveInput() counts what a lost connection has cut off, and never parses it", async () => {
  const stream = new ByteStream([`${LINE}\n`, LINE]);
  const { elements, end } = await run(stream, { endIsLoss: true });
  assert.deepEqual(elements, ["opened", "1 valid, 0 partial", "0 valid, 1 partial, shown", "lost"]);
  assert.deepEqual(end, { reason: "", bytes: LINE.length + 1 });
});

Deno.test("readLiveInput() takes a last line without newline for a line where the end is no loss", async () => {
  const { elements } = await run(new ByteStream([`${LINE}\n`, LINE]), { endIsLoss: false });
  assert.deepEqual(elements, ["opened", "1 valid, 0 partial", "1 valid, 0 partial", "complete"]);
});

Deno.test("readLiveInput() takes an exception for a lost connection, and says why", async () => {
  for (const endIsLoss of [false, true]) {
    const stream = new ByteStream([LINE], { end: new Error("connection reset") });
    const { elements, end } = await run(stream, { endIsLoss });
    assert.deepEqual(elements, ["opened", "0 valid, 1 partial, shown", "lost"]);
    assert.deepEqual(end, { reason: "connection reset", bytes: 0 });
  }
});

Deno.test("readLiveInput() ends soon after the signal, with everything that was read", async () => {
  const stream = new ByteStream([`${LINE}\n${LINE}`], { end: "open" });
  const { elements, end } = await run(stream, {
    endIsLoss: false,
    onElement: (stop) => {
      if (stream.readBytes.length === 1) stop.abort();
    },
  });
  assert.deepEqual(elements, ["opened", "1 valid, 0 partial", "0 valid, 1 partial", "lost"]);
  assert.equal(end.reason, "");
  assert.equal(stream.isCancelled, true);
});

Deno.test("readLiveInput() counts rows from the future by the wall clock of their read", async () => {
  const { clock, context } = sourceContext();
  const limitMs = clock.wallMs() + context.maxFutureMs + 5;
  const lines = [0, 1].map((aheadMs) => `${jsonLine({ timestampMs: limitMs + aheadMs })}\n`);
  const stream = new ByteStream(lines.toReversed(), { onRead: () => clock.advance(5) });
  const future: number[] = [];
  for await (
    const element of readLiveInput(stream.readable, "input", context, { endIsLoss: true })
  ) {
    if (element.kind === "batch") future.push(element.counts.future);
  }
  // The limit of the second read is later by 5 ms.
  assert.deepEqual(future, [1, 0]);
});

Deno.test("readLiveInput() takes no fault of our own for a lost connection", async () => {
  const { context } = sourceContext();
  const broken = new Error("a fault while decoding");
  const clock = {
    ...context.clock,
    monotonicMs: () => 0,
    wallMs: (): number => {
      throw broken;
    },
  };
  const stream = new ByteStream([`${LINE}\n`]);
  const input = readLiveInput(stream.readable, "input", { ...context, clock }, { endIsLoss: true });
  await assert.rejects(Array.fromAsync(input), broken);
});

Deno.test("readLiveInput() tells when the last row came, and since when a line is unfinished", async () => {
  const { clock, controller, context } = sourceContext();
  const activity = new LiveActivity(5);
  const stream = new LiveStream();
  const facts = () => [activity.isWaiting, activity.lastRowAtMs, activity.unfinishedSinceMs];
  assert.deepEqual(facts(), [false, 5, undefined]);
  const input = readLiveInput(stream.readable, "input", context, { endIsLoss: true, activity });
  const reading = Array.fromAsync(input);
  clock.advance(10);
  await stream.send("\n");
  assert.deepEqual(facts(), [true, 5, undefined]);
  clock.advance(10);
  await stream.send(`${LINE}\n`);
  assert.deepEqual(facts(), [true, 20, undefined]);
  clock.advance(10);
  await stream.send(`${LINE}\n${LINE.slice(0, 9)}`);
  assert.deepEqual(facts(), [true, 30, 30]);
  clock.advance(10);
  await stream.send(LINE.slice(9, 20));
  assert.deepEqual(facts(), [true, 30, 30]);
  clock.advance(10);
  await stream.send(`${LINE.slice(20)}\n`);
  assert.deepEqual(facts(), [true, 50, undefined]);
  controller.abort();
  await reading;
});
