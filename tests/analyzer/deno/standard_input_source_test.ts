import assert from "node:assert/strict";
import { StandardInputSource } from "../../../analyzer/deno/standard_input_source.ts";
import type { InputElement, SourceChanged } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import { ByteStream, sourceContext } from "../source/byte_streams.ts";

const LINE = `${jsonLine({ status: 404 })}\n`;

function setUp(input: ByteStream) {
  const { context, controller } = sourceContext();
  const source = new StandardInputSource(() => input.readable, () => 7);
  return { source, controller, read: () => Array.fromAsync(source.open(context)) };
}

Deno.test("StandardInputSource.prepare() keeps what was saved, and else begins now", async () => {
  const { source } = setUp(new ByteStream([]));
  const first = await source.prepare(undefined);
  assert.deepEqual(first, { name: "-", firstStartedAtMs: 7, file: undefined });
  const saved = { ...first, firstStartedAtMs: 5 };
  assert.deepEqual(await source.prepare(saved), saved);
  assert.deepEqual([source.isLive, source.isReplayable], [true, false]);
});

Deno.test("StandardInputSource.open() reads to the end, the last line without newline too", async () => {
  const elements = await setUp(new ByteStream([LINE, LINE.trimEnd()])).read();
  const batches = elements.filter((element) => element.kind === "batch");
  assert.deepEqual(batches.map(({ counts }) => [counts.valid, counts.partial]), [[1, 0], [1, 0]]);
  assert.deepEqual(elements.filter(({ kind }) => kind !== "batch"), [
    changed({ phase: "connected", connectionsDelta: 1 }),
    { kind: "input-opened", inputId: "-", isLive: true },
    { kind: "input-closed", inputId: "-", isComplete: true },
    changed({ phase: "ended", connectionsDelta: -1, notice: "Standard input: read to its end" }),
  ]);
});

Deno.test("StandardInputSource.open() tells why it was lost, and counts the cut line", async () => {
  const input = new ByteStream([LINE, "{"], { end: new Error("device gone") });
  const elements = await setUp(input).read();
  const partial = elements.filter((element) => element.kind === "batch")
    .reduce((sum, { counts }) => sum + counts.partial, 0);
  assert.equal(partial, 1);
  assert.deepEqual(
    elements.at(-1),
    changed({
      phase: "ended",
      connectionsDelta: -1,
      reason: "device gone",
      notice: "Standard input: lost (device gone)",
    }),
  );
});

Deno.test("StandardInputSource.open() ends when it is told to, though the input is open", async () => {
  const input = new ByteStream([LINE], { end: "open" });
  const { controller, source } = setUp(input);
  const { context } = sourceContext();
  const elements: InputElement[] = [];
  for await (const element of source.open({ ...context, signal: controller.signal })) {
    elements.push(element);
    if (element.kind === "batch") controller.abort();
  }
  assert.ok(elements.some(({ kind }) => kind === "batch"));
  // It was not read to its end, and it was not lost: there is nothing to say.
  assert.deepEqual(elements.at(-1), changed({ phase: "ended", connectionsDelta: -1 }));
  assert.equal(input.isCancelled, true);
});

function changed(change: Partial<SourceChanged>): SourceChanged {
  return {
    kind: "source-changed",
    source: "-",
    phase: "connected",
    connectionsDelta: 0,
    reason: "",
    notice: "",
    ...change,
  };
}
