/**
 * Counts two files side by side, decoding on one thread or each in a Worker: `two_files.ts
 * one-thread|workers FILE FILE`. Prints rows and errors as JSON.
 *
 * @module
 */
import type { RecordBatch } from "../../analyzer/decode/record_batch.ts";
import { FairMerge } from "../../analyzer/stream/fair_merge.ts";
import { TumblingWindowOperator } from "../../analyzer/window/tumbling_window_operator.ts";
import { WatermarkOperator } from "../../analyzer/window/watermark_operator.ts";
import { decodeFile, OPTIONS } from "./decode_file.ts";

const [how, ...paths] = Deno.args;

async function* decodeInWorker(path: string): AsyncGenerator<RecordBatch> {
  const worker = new Worker(new URL("decode_worker.ts", import.meta.url), { type: "module" });
  const queue: (RecordBatch | null)[] = [];
  let arrived = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<RecordBatch | null>) => {
    queue.push(data);
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  worker.postMessage(path);
  for (;;) {
    while (queue.length === 0) await arrived.promise;
    const batch = queue.shift()!;
    if (batch === null) break;
    worker.postMessage(null);
    yield batch;
  }
  worker.terminate();
}

const watermark = new WatermarkOperator(
  { ...OPTIONS, idleTimeoutMs: 5000, replayableInputs: paths },
  undefined,
  0,
);
const windows = new TumblingWindowOperator(OPTIONS, undefined);
const inputs = new FairMerge<RecordBatch>();
for (const path of paths) inputs.add(how === "workers" ? decodeInWorker(path) : decodeFile(path));
let [rows, errors] = [0, 0];
for (;;) {
  const batch = inputs.take();
  if (batch === undefined) {
    if (inputs.size === 0) break;
    await inputs.changed();
    continue;
  }
  rows += batch.counts.valid;
  errors += batch.errors.count;
  watermark.push(batch, (element) => windows.push(element, () => {}));
}
console.log(JSON.stringify({ rows, errors }));
