import { systemClock } from "../../analyzer/clock.ts";
import { LineDecoder } from "../../analyzer/decode/line_decoder.ts";
import type { RecordBatch } from "../../analyzer/decode/record_batch.ts";
import { readBatches } from "../../analyzer/source/read_batches.ts";
import { WINDOW_MS } from "./dataset.ts";
import { DEFAULT_LIMITS, LimitCounter } from "../../analyzer/limits.ts";

/** How everything is decoded and counted where decoding itself is measured. */
export const OPTIONS = {
  format: "auto",
  minStatus: 400,
  limits: DEFAULT_LIMITS,
  limitCounter: new LimitCounter(),
  saves: true,
  windowLengthMs: WINDOW_MS,
  latenessMs: 5000,
} as const;

/** The batches of a file, whose path names the input. */
export async function* decodeFile(path: string): AsyncGenerator<RecordBatch> {
  using file = await Deno.open(path);
  yield* readBatches(file.readable, new LineDecoder(path, OPTIONS), {
    clock: systemClock,
    signal: new AbortController().signal,
    futureLimitMs: () => Infinity,
    turnIntervalMs: () => 100,
    readsAhead: true,
  });
}
