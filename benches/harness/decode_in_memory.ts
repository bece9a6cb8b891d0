/**
 * Decodes lines that lie in memory, as many as one read brings, again and again:
 * `decode_in_memory.ts FILE decoder|json-parse`. Prints the time of the median pass as JSON.
 *
 * @module
 */
import { LineDecoder } from "../../analyzer/decode/line_decoder.ts";
import { OPTIONS } from "./decode_file.ts";
import { OWN_BUFFER } from "../../analyzer/source/read_batches.ts";
import { median } from "./measure.ts";

const [path, how] = Deno.args;
const PASSES = 500;

using file = Deno.openSync(path!);
const memory = new Uint8Array(Math.min(file.statSync().size, OWN_BUFFER.bytesMax));
for (let read = 0; read < memory.length;) read += file.readSync(memory.subarray(read)) ?? 0;
const bytes = memory.subarray(0, memory.lastIndexOf(0x0a) + 1);

// One decoder for all passes: a stream has a beginning only once.
const decoder = new LineDecoder("bench", { ...OPTIONS, saves: false });

/** Counts lines and errors. */
function decode(): { readonly lines: number; readonly errors: number } {
  const times = { receivedAtMs: 0, futureLimitMs: Infinity };
  let [lines, errors] = [0, 0];
  decoder.push(bytes, times, (batch) => {
    lines += batch.counts.valid;
    errors += batch.errors.count;
  });
  return { lines, errors };
}

function parse(): { readonly lines: number; readonly errors: number } {
  let [lines, errors] = [0, 0];
  for (const line of new TextDecoder().decode(bytes).trimEnd().split("\n")) {
    lines++;
    if (JSON.parse(line).status >= 400) errors++;
  }
  return { lines, errors };
}

const run = how === "decoder" ? decode : parse;
const seconds: number[] = [];
let result = run();
for (let pass = 0; pass < PASSES; pass++) {
  const startedAtMs = performance.now();
  result = run();
  seconds.push((performance.now() - startedAtMs) / 1000);
}
console.log(JSON.stringify({ ...result, seconds: median(seconds) }));
