import assert from "node:assert/strict";
import { LineDecoder } from "../../../analyzer/decode/line_decoder.ts";
import type { RecordBatch } from "../../../analyzer/decode/record_batch.ts";
import {
  type BufferBounds,
  nextBufferBytes,
  OWN_BUFFER,
  readBatches,
  ReadException,
  SharedMemory,
} from "../../../analyzer/source/read_batches.ts";
import { BASE_MS, jsonLine } from "../../support/log_lines.ts";
import { ByteStream, sourceContext } from "./byte_streams.ts";

const LINE = `${jsonLine({ status: 404 })}\n`;

function read(
  stream: ByteStream,
  futureLimitMs: () => number = () => Infinity,
  buffer?: BufferBounds,
) {
  const { clock, controller, context } = sourceContext();
  const decoder = new LineDecoder("input", context.decoder);
  const batches = readBatches(stream.readable, decoder, {
    ...context,
    futureLimitMs,
    ...buffer !== undefined && { buffer },
  });
  return { clock, controller, batches };
}

const linesOf = (batches: readonly RecordBatch[]) => batches.map(({ counts }) => counts.lines);

Deno.test("readBatches() makes a batch of each read, and carries unfinished lines over", async () => {
  const stream = new ByteStream([
    LINE,
    LINE + LINE + LINE.slice(0, 10),
    LINE.slice(10, 20),
    LINE.slice(20) + LINE,
  ]);
  const { batches } = read(stream);
  assert.deepEqual(linesOf(await Array.fromAsync(batches)), [1, 2, 2]);
});

Deno.test("readBatches() reads everything into one buffer of its own", async () => {
  const stream = new ByteStream(Array(5).fill(LINE));
  await Array.fromAsync(read(stream).batches);
  assert.deepEqual(stream.readBytes, Array(6).fill(OWN_BUFFER.bytesMin));
});

Deno.test("readBatches() reads into a larger buffer once a read has filled it, up to a bound", async () => {
  const { bytesMin, bytesMax } = OWN_BUFFER;
  const sizes = [1, 2, 4, 8, 16, 32, 32].map((factor) => factor * bytesMin);
  const stream = new ByteStream(sizes.map((size) => new Uint8Array(size)));
  await Array.fromAsync(read(stream).batches);
  assert.deepEqual(stream.readBytes, [...sizes, bytesMax]);
});

Deno.test("readBatches() waits with a small buffer again where little comes", async () => {
  const buffer = { bytesMin: 1024, bytesMax: 4096, shrinks: true };
  // Fifteen small ones in a row may be chance, sixteen are not; the largest of them still fits.
  const sizes = [1024, 2048, ...Array(15).fill(1023), 1024, 1000, ...Array(15).fill(100), 100];
  const stream = new ByteStream(sizes.map((size) => new Uint8Array(size)));
  await Array.fromAsync(read(stream, undefined, buffer).batches);
  assert.deepEqual(stream.readBytes, [1024, 2048, ...Array(32).fill(4096), 2048, 2048]);
});

Deno.test("nextBufferBytes() keeps a buffer that a quarter is used of", () => {
  const bounds = { bytesMin: 8, bytesMax: 64, shrinks: true };
  const next = (readBytes: number, bufferBytes: number) =>
    nextBufferBytes(readBytes, bufferBytes, bounds);
  assert.deepEqual([next(8, 8), next(32, 32), next(64, 64)], [16, 64, 64]);
  assert.deepEqual([next(7, 8), next(1, 8), next(63, 64), next(16, 64)], [8, 8, 64, 64]);
  assert.deepEqual([next(15, 64), next(8, 64), next(7, 64), next(1, 64)], [32, 16, 16, 8]);
  assert.equal(nextBufferBytes(1, 64, { ...bounds, shrinks: false }), 64);
});

Deno.test("readBatches() takes from memory that is shared, and gives it back", async () => {
  const shared = new SharedMemory(17_000);
  const buffer = { bytesMin: 1024, bytesMax: 4096, shrinks: true, shared };
  const chunks = [1024, 2048, 2048, ...Array(16).fill(10)].map((size) => new Uint8Array(size));
  const first = new ByteStream(chunks, { end: "open" });
  const { controller, batches } = read(first, undefined, buffer);
  const reading = Array.fromAsync(batches);
  while (first.readBytes.length < 20) await null;
  // 2048 more are too much of what is left; after some small reads all is given back.
  assert.deepEqual(first.readBytes, [1024, ...Array(18).fill(2048), 1024]);
  const second = new ByteStream([1024, 2048].map((size) => new Uint8Array(size)));
  await Array.fromAsync(read(second, undefined, buffer).batches);
  assert.deepEqual(second.readBytes, [1024, 2048, 2048]);
  assert.deepEqual([shared.take(1063), shared.take(1062)], [false, true]);
  controller.abort();
  await reading;
});

Deno.test("SharedMemory leaves some for those who come later, and never gives more than it has", () => {
  const shared = new SharedMemory(32 * 1024 * 1024);
  const kib = (): number => {
    let bytes = 16;
    while (bytes < 2048 && shared.take(bytes * 1024)) bytes *= 2;
    return bytes;
  };
  const shares = Array.from({ length: 500 }, kib);
  // Each level has a few; the last ones have what they had at first.
  assert.deepEqual([shares[0], shares[7], shares[30], shares[499]], [2048, 2048, 256, 16]);
  assert.ok(shares.every((share, i) => i === 0 || share <= shares[i - 1]!), `${shares}`);
  const givenKib = shares.reduce((sum, share) => sum + share - 16, 0);
  assert.ok(givenKib < 32 * 1024, `${givenKib} KiB`);
});

Deno.test("readBatches() tells whether it waits for bytes, or they for it", async () => {
  const activity = { isWaiting: false };
  const { clock, controller, context } = sourceContext();
  const decoder = new LineDecoder("input", context.decoder);
  const stream = new ByteStream([LINE], { end: "open" });
  const batches = readBatches(stream.readable, decoder, {
    ...context,
    clock,
    futureLimitMs: () => Infinity,
    activity,
  });
  await batches.next();
  // What was read is with somebody else, for as long as that takes.
  assert.equal(activity.isWaiting, false);
  const rest = batches.next();
  while (stream.readBytes.length < 2) await null;
  assert.equal(activity.isWaiting, true);
  controller.abort();
  await rest;
  assert.equal(activity.isWaiting, false);
});

Deno.test("readBatches() tells when each read came, and asks for the future limit before it", async () => {
  let futureLimitMs = BASE_MS - 1;
  const stream: ByteStream = new ByteStream([LINE, LINE], { onRead: () => clock.advance(7) });
  const { clock, batches } = read(stream, () => futureLimitMs++);
  const [first, second] = await Array.fromAsync(batches);
  assert.deepEqual([first!.receivedAtMs, second!.receivedAtMs], [7, 14]);
  assert.deepEqual([first!.counts.future, second!.counts.future], [1, 0]);
});

Deno.test("readBatches() throws what the stream throws, after what came before it", async () => {
  const reset = new Error("connection reset");
  const { batches } = read(new ByteStream([LINE], { end: reset }));
  assert.equal((await batches.next()).done, false);
  await assert.rejects(batches.next(), (exception) => {
    assert.ok(exception instanceof ReadException);
    assert.deepEqual([exception.message, exception.cause], ["connection reset", reset]);
    return true;
  });
});

Deno.test("readBatches() ends when the signal is aborted, in the middle of a read too", async () => {
  const stream = new ByteStream([LINE], { end: "open" });
  const { controller, batches } = read(stream);
  assert.equal((await batches.next()).done, false);
  const pending = batches.next();
  controller.abort();
  assert.equal((await pending).done, true);
  assert.equal(stream.isCancelled, true);
});

Deno.test("readBatches() reads nothing when the signal is aborted already", async () => {
  const stream = new ByteStream([LINE], { end: "open" });
  const { controller, batches } = read(stream);
  controller.abort();
  assert.deepEqual(await Array.fromAsync(batches), []);
  assert.equal(stream.isCancelled, true);
});

Deno.test("readBatches() passes on every batch of the last read though it was aborted", async () => {
  const farLine = `${jsonLine({ timestampMs: BASE_MS + 100_000 })}\n`;
  const { controller, batches } = read(new ByteStream([LINE + farLine + LINE], { end: "open" }));
  assert.equal((await batches.next()).done, false);
  controller.abort();
  assert.deepEqual(linesOf(await Array.fromAsync(batches)), [1, 1]);
});

Deno.test("readBatches() cancels the stream when its reader goes away", async () => {
  const stream = new ByteStream([LINE], { end: "open" });
  for await (const _ of read(stream).batches) break;
  assert.equal(stream.isCancelled, true);
});

Deno.test("readBatches() gives the event loop a turn as often as it was told", async () => {
  const stream: ByteStream = new ByteStream(Array(9).fill(LINE), {
    onRead: () => clock.advance(7),
  });
  const { clock, batches } = read(stream);
  const turns: number[] = [];
  for await (const _ of batches) turns.push(clock.turnCount);
  // It comes behind the batch with which 20 ms are over.
  assert.deepEqual(turns, [0, 0, 0, 1, 1, 1, 2, 2, 2]);
  assert.equal(clock.turnCount, 3);
});
