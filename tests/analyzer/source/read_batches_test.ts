import assert from "node:assert/strict";
import { LineDecoder } from "../../../analyzer/decode/line_decoder.ts";
import type { RecordBatch } from "../../../analyzer/decode/record_batch.ts";
import {
  READ_BYTES_MAX,
  READ_BYTES_MIN,
  readBatches,
  ReadException,
} from "../../../analyzer/source/read_batches.ts";
import { BASE_MS, jsonLine } from "../../support/log_lines.ts";
import { ByteStream, sourceContext } from "./byte_streams.ts";

const LINE = `${jsonLine({ status: 404 })}\n`;

function read(
  stream: ByteStream,
  futureLimitMs: () => number = () => Infinity,
  readBytesMax?: number,
) {
  const { clock, controller, context } = sourceContext();
  const decoder = new LineDecoder("input", context.decoder);
  const batches = readBatches(stream.readable, decoder, {
    ...context,
    futureLimitMs,
    ...readBytesMax !== undefined && { readBytesMax },
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
  assert.deepEqual(stream.readBytes, Array(6).fill(READ_BYTES_MIN));
});

Deno.test("readBatches() reads into a larger buffer once a read has filled it, up to a bound", async () => {
  const sizes = [1, 2, 4, 8, 16, 32, 32].map((factor) => factor * READ_BYTES_MIN);
  const stream = new ByteStream([...sizes.map((size) => new Uint8Array(size)), LINE]);
  await Array.fromAsync(read(stream).batches);
  assert.deepEqual(stream.readBytes, [...sizes, READ_BYTES_MAX, READ_BYTES_MAX]);

  const bounded = new ByteStream(
    [1, 2, 2].map((factor) => new Uint8Array(factor * READ_BYTES_MIN)),
  );
  await Array.fromAsync(read(bounded, undefined, 2 * READ_BYTES_MIN).batches);
  assert.deepEqual(bounded.readBytes, [1, 2, 2, 2].map((factor) => factor * READ_BYTES_MIN));
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
