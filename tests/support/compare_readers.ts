import assert from "node:assert/strict";
import {
  type ChunkTimes,
  LineDecoder,
  type LineReader,
} from "../../analyzer/decode/line_decoder.ts";
import { IP_KEY_BYTES, IpMask } from "../../analyzer/decode/ip_mask.ts";
import { sampleText } from "../../analyzer/decode/line_sample.ts";
import { FUTURE_WINDOW, type RecordBatch } from "../../analyzer/decode/record_batch.ts";
import { MutatedLines } from "./line_mutations.ts";
import { testLimits } from "./limits.ts";

/**
 * Reads mutated lines with and without the layouts that the decoder learns, and demands the same
 * of every field of every line: with a `minStatus` of 100 every record is an error row, and all
 * that is known of it comes out.
 *
 * @param options `isMasked` for the same with addresses masked, `saves` as in the decoder, true
 * unless given
 *
 * @throws {assert.AssertionError} with the seed and the first line that is read differently
 */
export function compareReaders(options: {
  readonly seed: number;
  readonly lineCount: number;
  readonly isMasked?: boolean;
  readonly saves?: boolean;
}) {
  const { seed, lineCount, isMasked = false, saves = true } = options;
  const decoderOptions = { ...OPTIONS, saves, ipMask: isMasked ? IP_MASK : undefined };
  const lines = new MutatedLines(seed);
  for (let done = 0; done < lineCount; done += BLOCK_LINES) {
    const block = Array.from({ length: BLOCK_LINES }, () => lines.next());
    const chunk = chunkOf(block);
    const fastRows = rowsOf(decode(new LineDecoder("input", decoderOptions), chunk));
    const slowRows = rowsOf(
      decode(new LineDecoder("input", decoderOptions, undefined, PARSER), chunk),
    );
    if (sameRows(fastRows, slowRows)) continue;
    for (const [i, line] of block.entries()) {
      assert.deepEqual(fastRows[i], slowRows[i], `seed ${seed}: ${new TextDecoder().decode(line)}`);
    }
    assert.deepEqual(fastRows, slowRows, `seed ${seed}`);
  }
}

/** As many lines as are read by one pair of decoders, so that layouts are learned and used. */
const BLOCK_LINES = 200;

const OPTIONS = {
  format: "auto",
  minStatus: 100,
  ...testLimits({ lineBytes: 400 }),
  windowLengthMs: 30_000,
  latenessMs: 5000,
} as const;

const IP_MASK = new IpMask(new Uint8Array(IP_KEY_BYTES));

/** Some lines are in the future. */
const TIMES: ChunkTimes = {
  receivedAtMs: 0,
  futureLimitMs: Date.UTC(2025, 4, 31, 0, 0, 45),
};

function decode(decoder: LineDecoder, chunk: Uint8Array): RecordBatch[] {
  const batches: RecordBatch[] = [];
  decoder.push(chunk, TIMES, (batch) => batches.push(batch));
  return batches;
}

/** Reads no line, so that all of them are parsed. */
const PARSER: LineReader = { scan: (position) => position, learn: () => {}, forgetCsv: () => {} };

function chunkOf(lines: readonly Uint8Array[]): Uint8Array {
  const chunk = new Uint8Array(lines.reduce((sum, line) => sum + line.length + 1, 0));
  let end = 0;
  for (const line of lines) {
    chunk.set(line, end);
    end += line.length;
    chunk[end++] = 0x0a;
  }
  return chunk;
}

/** All that batches hold, independent of where they were cut: error rows in order, then counts. */
function rowsOf(batches: readonly RecordBatch[]): string[] {
  const rows: string[] = [];
  const counts: Record<string, number> = {};
  const count = (name: string, by: number) => counts[name] = (counts[name] ?? 0) + by;
  const firstLines = new Map<number, string>();
  for (const batch of batches) {
    const { errors, windowStartsMs, windowRowCounts, windowSamples, counts: lineCounts } = batch;
    for (let i = 0; i < errors.count; i++) {
      const index = errors.windowIndexes[i]!;
      rows.push([
        index === FUTURE_WINDOW ? "future" : windowStartsMs[index],
        errors.statuses[i],
        errors.ipHashes.slice(2 * i, 2 * i + 2),
        errors.urlHashes.slice(2 * i, 2 * i + 2),
        decoder.decode(errors.urlBytes.subarray(errors.urlOffsets[i], errors.urlOffsets[i + 1])),
        decoder.decode(errors.lineBytes.subarray(errors.lineOffsets[i], errors.lineOffsets[i + 1])),
      ].join("|"));
    }
    windowStartsMs.forEach((start, i) => {
      count(`window ${start}`, windowRowCounts[i]!);
      // The parser has the blanks around a line as well.
      if (!firstLines.has(start)) firstLines.set(start, sampleText(windowSamples[i]!).trim());
    });
    for (const [name, value] of Object.entries(lineCounts)) {
      if (typeof value === "number") count(name, value);
      else (value as Uint32Array).forEach((part, i) => count(`${name} ${i}`, part));
    }
  }
  counts["maximum"] = Math.max(...batches.map(({ eventTimeMaxMs }) => eventTimeMaxMs));
  const { csvLayout, offsetBytes } = batches.at(-1)!.position;
  rows.push(
    JSON.stringify(Object.entries(counts).sort()),
    JSON.stringify({ csvLayout, offsetBytes }),
    JSON.stringify([...firstLines].sort()),
  );
  return rows;
}

const decoder = new TextDecoder();

function sameRows(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((row, i) => row === b[i]);
}
