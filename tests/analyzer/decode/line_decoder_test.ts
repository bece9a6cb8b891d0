import assert from "node:assert/strict";
import fc from "fast-check";
import { type DecoderOptions, LineDecoder } from "../../../analyzer/decode/line_decoder.ts";
import { SAMPLE_BYTES_MAX } from "../../../analyzer/decode/line_sample.ts";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import type { InputPosition, RecordBatch } from "../../../analyzer/decode/record_batch.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import { BATCH_WINDOWS_MAX } from "../../../analyzer/decode/record_batch_builder.ts";
import {
  BASE_MS,
  hostileLine,
  jsonLine,
  MALFORMED_LINES,
  toBytes,
} from "../../support/log_lines.ts";
import { testLimits } from "../../support/limits.ts";

const LINE_BYTES_MAX = 256;
const OPTIONS: DecoderOptions = {
  format: "auto",
  minStatus: 400,
  ...testLimits({ lineBytes: LINE_BYTES_MAX }),
  saves: true,
  windowLengthMs: 30_000,
  latenessMs: 5000,
};
const TIMES = { receivedAtMs: 0, futureLimitMs: Infinity };
const encoder = new TextEncoder();

interface DecodeRun {
  readonly options?: Partial<DecoderOptions>;
  readonly position?: InputPosition;
  readonly isCut?: boolean;
  readonly futureLimitMs?: number;
}

/** Every batch of these chunks, each of them in one buffer that is overwritten afterwards. */
function decode(chunks: readonly Uint8Array[], run: DecodeRun = {}): RecordBatch[] {
  const batches: RecordBatch[] = [];
  const emit = (batch: RecordBatch) => void batches.push(batch);
  const times = { ...TIMES, futureLimitMs: run.futureLimitMs ?? Infinity };
  const decoder = new LineDecoder("input", { ...OPTIONS, ...run.options }, run.position);
  for (const chunk of chunks) {
    const borrowed = chunk.slice();
    decoder.push(borrowed, times, emit);
    borrowed.fill(0x0a);
  }
  decoder.end(times, { isCut: run.isCut ?? false }, emit);
  return batches;
}

/** Sums of the batches, samples and errors in order: what must not depend on the chunks. */
function sum(batches: readonly RecordBatch[]) {
  const counts = {
    bytes: 0,
    lines: 0,
    valid: 0,
    future: 0,
    oversized: 0,
    empty: 0,
    header: 0,
    partial: 0,
  };
  const malformed = new Uint32Array(MALFORMED_REASONS.length);
  let errorLines = "";
  for (const batch of batches) {
    for (const key of Object.keys(counts) as (keyof typeof counts)[]) {
      counts[key] += batch.counts[key];
    }
    batch.counts.malformed.forEach((count, i) => malformed[i]! += count);
    errorLines += new TextDecoder().decode(batch.errors.lineBytes);
  }
  return {
    ...counts,
    malformed: [...malformed],
    errorLines,
    samples: batches.flatMap((batch) => batch.samples),
    end: batches.at(-1)?.position,
  };
}

/** Event times as seconds after the base, one line each. */
function linesAt(...seconds: number[]): Uint8Array {
  return toBytes(seconds.map((second) => jsonLine({ timestampMs: BASE_MS + second * 1000 })));
}

// S-23
Deno.test("LineDecoder.push() gives the same lines wherever a small input is cut in two", () => {
  const bytes = toBytes([
    "\uFEFFurl,status,timestamp,ip,method\r",
    `/é,404,${BASE_MS},192.0.2.1,GET`,
    "",
    jsonLine({ status: 500 }),
    Uint8Array.of(0xff),
    "x".repeat(LINE_BYTES_MAX + 1),
    `/last,599,${BASE_MS},192.0.2.1,GET\r`,
  ]).subarray(0, -1);
  const whole = sum(decode([bytes]));
  assert.deepEqual([whole.lines, whole.valid, whole.bytes], [7, 3, bytes.length]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(sum(decode([bytes.subarray(0, cut), bytes.subarray(cut)])), whole);
  }
  assert.deepEqual(sum(decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))), whole);
});

Deno.test("LineDecoder.push() counts each line once, by what it is", () => {
  const lines = fc.array(hostileLine({ lineBytesMax: LINE_BYTES_MAX }), {
    maxLength: 30,
    size: "max",
  });
  fc.assert(fc.property(lines, (lines) => {
    const bytes = toBytes(lines);
    const { malformed, ...counts } = sum(decode([bytes]));
    assert.equal(counts.lines, lines.length);
    assert.equal(counts.bytes, bytes.length);
    assert.equal(
      counts.lines,
      counts.valid + malformed.reduce((a, b) => a + b, 0) + counts.oversized + counts.empty +
        counts.header + counts.partial,
    );
    assert.equal(counts.end?.offsetBytes ?? 0, bytes.length);
  }));
});

// S-8
Deno.test("LineDecoder.push() accepts the longest line and counts one byte more as oversized", () => {
  const longest = jsonLine({ status: 404 }).padEnd(LINE_BYTES_MAX, " ");
  for (const [line, expected] of [[longest, 0], [`${longest} `, 1]] as const) {
    const bytes = toBytes([line, jsonLine()]);
    for (const chunkBytes of [1, 7, LINE_BYTES_MAX, LINE_BYTES_MAX + 1, bytes.length]) {
      const { oversized, valid } = sum(decode(split(bytes, chunkBytes)));
      assert.deepEqual([oversized, valid], [expected, 2 - expected], `${chunkBytes}`);
    }
  }
});

// S-8
Deno.test("LineDecoder.push() skips an endless line and goes on after it", () => {
  const chunk = new Uint8Array(10_000).fill(0x61);
  const batches = decode([...Array(100).fill(chunk), encoder.encode(`\n${jsonLine()}\n`)]);
  const { oversized, valid, bytes, samples } = sum(batches);
  assert.deepEqual([oversized, valid], [1, 1]);
  assert.equal(bytes, 1_000_001 + jsonLine().length + 1);
  assert.deepEqual(samples, [{ kind: "oversized", text: "a".repeat(SAMPLE_BYTES_MAX) }]);
});

Deno.test("LineDecoder.push() keeps the first sample of each kind, cut to a safe length", () => {
  const lines = Object.values(MALFORMED_LINES).flat();
  const { samples } = sum(decode([toBytes([...lines, ...lines])]));
  assert.deepEqual(samples.map(({ kind }) => kind), Object.keys(MALFORMED_LINES));
  const long = sum(
    decode([toBytes(["é".repeat(120)])], { options: testLimits({ lineBytes: 999 }) }),
  );
  assert.equal(long.samples[0]!.text, "é".repeat(SAMPLE_BYTES_MAX / 2));
  assert.equal(samples[0]!.text, "\uFFFD");
  // Of a line that is too long no more than of one that came in pieces.
  const tooLong = encoder.encode("0123456789\n");
  for (const chunkBytes of [1, 3, 11]) {
    const options = testLimits({ lineBytes: 5 });
    const { samples } = sum(decode(split(tooLong, chunkBytes), { options }));
    assert.equal(options.limitCounter.count("lineBytes"), 1);
    assert.deepEqual(samples, [{ kind: "oversized", text: "01234" }]);
  }
});

Deno.test("LineDecoder.push() keeps a sample of each kind a batch, so that the latest can be had", () => {
  const batches = decode([toBytes(["{first", "{second"]), toBytes(["{third", "{fourth"])]);
  assert.deepEqual(
    batches.map(({ samples }) => samples.map(({ text }) => text)),
    [["{first"], ["{third"]],
  );
});

// S-23
Deno.test("LineDecoder.push() ends a batch at the row that closes a window, and only there", () => {
  const cut = (...seconds: number[]) =>
    decode([linesAt(...seconds)]).map((batch) => batch.counts.lines);
  // The first row moves the watermark of the input in any case.
  assert.deepEqual(cut(0, 1, 34.999), [1, 2]);
  assert.deepEqual(cut(0, 1, 35, 2, 3), [1, 2, 2]);
  assert.deepEqual(cut(0, 35, 35.001, 36, 35, 65, 64), [1, 1, 4, 1]);
  assert.deepEqual(cut(0, 500, 0, 400, 500, 501), [1, 1, 4]);
});

Deno.test("LineDecoder.push() ends a batch that holds as many windows as it may", () => {
  const seconds = Array.from({ length: 3 * BATCH_WINDOWS_MAX }, (_, i) => -30 * i);
  const batches = decode([linesAt(...seconds)]);
  assert.deepEqual(
    batches.map((batch) => batch.windowStartsMs.length),
    [1, BATCH_WINDOWS_MAX, BATCH_WINDOWS_MAX, BATCH_WINDOWS_MAX - 1],
  );
});

// S-26
Deno.test("LineDecoder.push() keeps a row in the future out of windows and event time", () => {
  const futureLimitMs = BASE_MS + 1000;
  const lines = [1000, 1001, 1e9].map((offsetMs) =>
    jsonLine({ timestampMs: BASE_MS + offsetMs, status: 404 })
  );
  const batches = decode([toBytes(lines)], { futureLimitMs });
  const { valid, future, errorLines } = sum(batches);
  assert.deepEqual([valid, future], [3, 2]);
  assert.equal(errorLines, lines.map((line) => `${line}\n`).join(""));
  assert.equal(Math.max(...batches.map((batch) => batch.eventTimeMaxMs)), futureLimitMs);
  assert.equal(batches.at(-1)!.windowStartsMs.length, 0);
});

// S-11
Deno.test("LineDecoder counts statuses from minStatus on as errors", () => {
  const bytes = toBytes([499, 500].map((status) => jsonLine({ status })));
  const { errorLines } = sum(decode([bytes], { options: { minStatus: 500 } }));
  assert.equal(errorLines, `${jsonLine({ status: 500 })}\n`);
});

// S-16
Deno.test("LineDecoder counts a URL up to its bound whole, a longer one cut between characters", () => {
  const options = testLimits({ lineBytes: 9999 });
  const urlOf = (url: string) => {
    const line = jsonLine({ url, status: 404 });
    const [batch] = decode([toBytes([line])], { options });
    const { lineBytes, urlBytes } = batch!.errors;
    assert.equal(new TextDecoder().decode(lineBytes), `${line}\n`);
    return new TextDecoder("utf-8", { fatal: true }).decode(urlBytes);
  };
  const longest = "/".repeat(DEFAULT_LIMITS.urlBytes);
  assert.equal(urlOf(longest), longest);
  // The ellipsis takes three bytes.
  assert.equal(urlOf(`${longest}/`), `${longest.slice(3)}…`);
  for (const shift of ["", "/", "//", "///"]) {
    const cut = urlOf(shift + "😀".repeat(DEFAULT_LIMITS.urlBytes / 4 + 1));
    const bytes = encoder.encode(cut).length;
    assert.ok(cut.endsWith("😀…"), cut.slice(-3));
    assert.ok(bytes <= DEFAULT_LIMITS.urlBytes && bytes > DEFAULT_LIMITS.urlBytes - 4, `${bytes}`);
  }
  assert.equal(options.limitCounter.count("urlBytes"), 5);
});

// S-9
Deno.test("LineDecoder.end() parses a last line without newline, unless it was cut off", () => {
  // Cut in the middle of the status it would still be a valid line.
  const bytes = encoder.encode(`${BASE_MS},192.0.2.1,GET,/,200\n${BASE_MS},192.0.2.1,GET,/,404`);
  const complete = sum(decode([bytes]));
  assert.deepEqual([complete.lines, complete.valid, complete.partial], [2, 2, 0]);
  const cut = sum(decode([bytes], { isCut: true }));
  assert.deepEqual([cut.lines, cut.valid, cut.partial], [2, 1, 1]);
  assert.deepEqual(cut.samples, [{ kind: "partial", text: `${BASE_MS},192.0.2.1,GET,/,404` }]);
  for (const { bytes: counted, end } of [complete, cut]) {
    assert.equal(counted, bytes.length);
    assert.equal(end!.offsetBytes, bytes.length);
  }
});

// S-9
Deno.test("LineDecoder.end() counts an endless line as oversized, cut off or not", () => {
  const bytes = new Uint8Array(LINE_BYTES_MAX + 1).fill(0x61);
  for (const isCut of [false, true]) {
    const { lines, oversized, partial } = sum(decode([bytes], { isCut }));
    assert.deepEqual([lines, oversized, partial], [1, 1, 0]);
  }
});

Deno.test("LineDecoder.end() emits nothing where nothing is left", () => {
  for (const isCut of [false, true]) {
    assert.deepEqual(decode([], { isCut }), []);
    assert.equal(decode([linesAt(0)], { isCut }).length, 1);
  }
});

Deno.test("LineDecoder goes on from the position of any batch, with the header in force there", () => {
  const lines = fc.array(hostileLine({ lineBytesMax: LINE_BYTES_MAX }), {
    minLength: 1,
    maxLength: 20,
    size: "max",
  });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 300 }), (lines, chunkBytes) => {
      const bytes = toBytes(lines);
      const batches = decode(split(bytes, chunkBytes));
      const { samples: _samples, ...whole } = sum(batches);
      for (let i = 0; i < batches.length; i++) {
        const position = batches[i]!.position;
        const rest = decode([bytes.subarray(position.offsetBytes)], { position });
        const { samples: _, ...both } = sum([...batches.slice(0, i + 1), ...rest]);
        assert.deepEqual(both, whole);
      }
    }),
    { numRuns: 50 },
  );
});

function split(bytes: Uint8Array, chunkBytes: number): Uint8Array[] {
  const chunks = [];
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    chunks.push(bytes.subarray(start, start + chunkBytes));
  }
  return chunks;
}

Deno.test("LineDecoder.mark() makes a batch of no lines that tells the position", () => {
  const csvLayout = { fieldCount: 5, columns: [1, 2, 3, 4, 0] };
  const decoder = new LineDecoder("input", OPTIONS, { offsetBytes: 7, csvLayout });
  const batch = decoder.mark(5);
  assert.deepEqual(batch.position, { offsetBytes: 7, csvLayout });
  assert.deepEqual([batch.inputId, batch.receivedAtMs, batch.counts.lines], ["input", 5, 0]);
  assert.equal(batch.eventTimeMaxMs, -Infinity);
  assert.equal(batch.windowStartsMs.length, 0);
});

Deno.test("LineDecoder.unfinishedSinceMs is when the first byte of the unfinished line came", () => {
  const decoder = new LineDecoder("input", OPTIONS);
  const since = (text: string, receivedAtMs: number) => {
    decoder.push(encoder.encode(text), { ...TIMES, receivedAtMs }, () => {});
    return decoder.unfinishedSinceMs;
  };
  assert.equal(decoder.unfinishedSinceMs, undefined);
  assert.equal(since("{", 1), 1);
  assert.equal(since('"a"', 2), 1);
  assert.equal(since("}\n", 3), undefined);
  assert.equal(since("x\ny", 4), 4);
  assert.equal(since("\nz", 5), 5);
  // One that is too long to be kept is unfinished as well.
  assert.equal(since("z".repeat(2 * LINE_BYTES_MAX), 6), 5);
  assert.equal(since("\n", 7), undefined);
  since("w", 8);
  decoder.end(TIMES, { isCut: true }, () => {});
  assert.equal(decoder.unfinishedSinceMs, undefined);
});
