/**
 * Decodes a log that lies in memory, again and again: `decode_in_memory.ts FILE
 * decoder|json-parse`. Prints the time of the median pass as JSON.
 *
 * @module
 */
import { LineDecoder } from "../../analyzer/decode/line_decoder.ts";
import { median } from "./measure.ts";

const [path, how] = Deno.args;
const CHUNK_BYTES = 256 * 1024;
const PASSES = 15;

using file = Deno.openSync(path!);
const memory = new Uint8Array(Math.min(file.statSync().size, 128 * 1024 ** 2));
for (let read = 0; read < memory.length;) read += file.readSync(memory.subarray(read)) ?? 0;
const bytes = memory.subarray(0, memory.lastIndexOf(0x0a) + 1);

/** Counts lines and errors. */
function decode(): { readonly lines: number; readonly errors: number } {
  const decoder = new LineDecoder("bench", {
    format: "auto",
    minStatus: 400,
    lineBytesMax: 64 * 1024,
    saves: false,
    windowLengthMs: 30_000,
    latenessMs: 5000,
  });
  const times = { receivedAtMs: 0, futureLimitMs: Infinity };
  let [lines, errors] = [0, 0];
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    decoder.push(bytes.subarray(start, start + CHUNK_BYTES), times, (batch) => {
      lines += batch.counts.valid;
      errors += batch.errors.count;
    });
  }
  return { lines, errors };
}

function parse(): { readonly lines: number; readonly errors: number } {
  const decoder = new TextDecoder();
  let [lines, errors, carry] = [0, 0, ""];
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const text = carry +
      decoder.decode(bytes.subarray(start, start + CHUNK_BYTES), { stream: true });
    const texts = text.split("\n");
    carry = texts.pop()!;
    for (const line of texts) {
      lines++;
      if (JSON.parse(line).status >= 400) errors++;
    }
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
