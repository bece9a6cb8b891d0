/**
 * How fast lines are decoded with the data in memory, beside `JSON.parse` of each line: 100,000
 * lines of the generator's own layout, 10 % errors, in chunks of 256 KiB, fixed seed.
 *
 * Estimate: 125 bytes a line at a comparison of four a time and a loop over 35, 50 to 70 ns; an
 * error row costs two hashes and two copies more, 200 to 400 ns, at one line in ten.
 *
 * @module
 */
import assert from "node:assert/strict";
import { LineDecoder } from "../analyzer/decode/line_decoder.ts";
import { parseLine } from "../analyzer/decode/parse_line.ts";
import { generatorConfig, generatorOptions } from "../generator/config.ts";
import { generatorStream } from "../generator/generator_stream.ts";
import { parseOptions } from "../command_line/deno/parse_options.ts";

const LINES = 100_000;
const CHUNK_BYTES = 256 * 1024;

async function generate(format: "json" | "csv"): Promise<Uint8Array<ArrayBuffer>> {
  const options = ["--rate", "max", "--count", String(LINES), "--seed", "7", "--format", format];
  const config = generatorConfig(
    parseOptions(generatorOptions, [...options, "--start", "2025-05-30T18:52:30Z"]),
  );
  return new Uint8Array(await new Response(generatorStream(config)).arrayBuffer());
}

/** The bytes as a source reads them: one buffer, filled again for each chunk. */
function decode(bytes: Uint8Array): number {
  const decoder = new LineDecoder("bench", {
    format: "auto",
    minStatus: 400,
    lineBytesMax: 64 * 1024,
    saves: true,
    windowLengthMs: 30_000,
    latenessMs: 5000,
  });
  const buffer = new Uint8Array(CHUNK_BYTES);
  const times = { receivedAtMs: 0, futureLimitMs: Infinity };
  let errorCount = 0;
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES);
    buffer.set(chunk);
    decoder.push(buffer.subarray(0, chunk.length), times, (batch) => {
      errorCount += batch.errors.count;
    });
  }
  return errorCount;
}

const [json, csv] = [await generate("json"), await generate("csv")];
const lines = new TextDecoder().decode(json).trimEnd().split("\n");
const lineBytes = lines.map((line) => new TextEncoder().encode(line));
const errorCount = lines.filter((line) => JSON.parse(line).status >= 400).length;

Deno.bench("LineDecoder, JSON, 100,000 lines", { group: "decode" }, () => {
  assert.equal(decode(json), errorCount);
});

Deno.bench("LineDecoder, CSV, 100,000 lines", { group: "decode" }, () => {
  assert.equal(decode(csv), errorCount);
});

Deno.bench("JSON.parse() of each line, 100,000 lines", { group: "decode", baseline: true }, () => {
  let errors = 0;
  for (const line of lines) if (JSON.parse(line).status >= 400) errors++;
  assert.equal(errors, errorCount);
});

Deno.bench("parseLine() of each line, 100,000 lines", { group: "decode" }, () => {
  let errors = 0;
  for (const bytes of lineBytes) {
    const parsed = parseLine(bytes, "auto", undefined);
    if (parsed.kind === "record" && parsed.record.status >= 400) errors++;
  }
  assert.equal(errors, errorCount);
});
