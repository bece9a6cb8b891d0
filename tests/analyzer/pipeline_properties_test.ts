import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checkpoint } from "../../analyzer/checkpoint/checkpoint.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../analyzer/checkpoint/checkpoint_codec.ts";
import { LineDecoder } from "../../analyzer/decode/line_decoder.ts";
import type { RecordBatch } from "../../analyzer/decode/record_batch.ts";
import type { Totals } from "../../analyzer/sink/totals.ts";
import { TotalsCounter } from "../../analyzer/sink/totals_counter.ts";
import type { StreamElement } from "../../analyzer/stream/elements.ts";
import { TumblingWindowOperator } from "../../analyzer/window/tumbling_window_operator.ts";
import { WatermarkOperator } from "../../analyzer/window/watermark_operator.ts";
import type { ClosedWindow } from "../../analyzer/window/window_summary.ts";
import {
  BASE_MS,
  concatBytes,
  hostileLine,
  jsonLine,
  toBytes,
  validLine,
} from "../support/log_lines.ts";
import { type NaiveAnalysis, naiveAnalysis } from "../support/naive_analysis.ts";
import { testLimits } from "../support/limits.ts";

const LINE_BYTES_MAX = 400;
const OPTIONS = {
  format: "auto",
  windowLengthMs: 30_000,
  latenessMs: 5000,
  idleTimeoutMs: 5000,
  minStatus: 400,
  lineBytesMax: LINE_BYTES_MAX,
  ...testLimits({ lineBytes: LINE_BYTES_MAX, openWindows: 10_000 }),
  saves: true,
  replayableInputs: [],
} as const;
const FUTURE_LIMIT_MS = BASE_MS + 120_000;
const TIMES = { receivedAtMs: 0, futureLimitMs: FUTURE_LIMIT_MS };
const INPUT_ID = "input";

/** A few windows of both formats, with late, future and bad lines among them. */
const SMALL_INPUT = toBytes([
  "\uFEFFtimestamp,ip,method,url,status\r",
  jsonLine({ timestampMs: BASE_MS, status: 404 }),
  `${BASE_MS + 34_999},192.0.2.7,GET,"/a ""b""",500\r`,
  jsonLine({ timestampMs: BASE_MS + 29_999, status: 404, url: "/ü" }),
  jsonLine({ timestampMs: BASE_MS + 35_000 }),
  jsonLine({ timestampMs: BASE_MS + 29_999, status: 404 }),
  "",
  "status,url,method,ip,timestamp",
  `503,/swapped,GET,192.0.2.8,${BASE_MS + 31_000}`,
  Uint8Array.of(0xc3),
  jsonLine({ timestampMs: FUTURE_LIMIT_MS + 1, status: 599 }),
  "a".repeat(401),
]);

/** The hostile lines, over several windows, some of them in the future. */
const hostileLines = fc.array(hostileLine({ lineBytesMax: LINE_BYTES_MAX }), {
  maxLength: 40,
  size: "max",
});

/** Sizes of chunks that are used in turn, from one byte to more than the whole input. */
const chunkSizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 10 });

/** The two operators in a row, and everything that comes out of them. */
class Pipeline {
  readonly #watermark: WatermarkOperator;
  readonly #windows: TumblingWindowOperator;
  readonly #totals: TotalsCounter;
  readonly #closed: ClosedWindow[] = [];
  readonly #late = new Map<number, { lateCount: number; lateErrorCount: number }>();
  #errorLines = "";
  #state: Partial<Checkpoint> = {};

  constructor(restored?: Checkpoint) {
    this.#watermark = new WatermarkOperator(OPTIONS, restored?.watermark, 0);
    this.#windows = new TumblingWindowOperator(OPTIONS, restored?.windows);
    this.#totals = new TotalsCounter(restored?.totals);
    this.push({ kind: "input-opened", inputId: INPUT_ID, isLive: false });
  }

  push(element: StreamElement): void {
    this.#watermark.push(element, (timed) => {
      this.#windows.push(timed, (out) => this.#take(out));
    });
  }

  /** Takes the state at this place, through the bytes of a checkpoint and back. */
  async checkpoint(): Promise<Checkpoint> {
    this.push({ kind: "barrier", state: {} });
    const { watermark, windows } = this.#state;
    const bytes = await encodeCheckpoint({
      epoch: 1,
      identity: { outputId: "id", windowLengthMs: OPTIONS.windowLengthMs, minStatus: 400 },
      watermark: watermark!,
      windows: windows!,
      totals: this.#totals.snapshot(),
      errorFiles: { nextPart: 1, open: [] },
      positions: new Map(),
      sources: [],
    });
    return await decodeCheckpoint(bytes);
  }

  finish(): Output {
    this.push({ kind: "input-closed", inputId: INPUT_ID, isComplete: true });
    this.push({ kind: "end-of-input" });
    return this.output();
  }

  output(): Output {
    return {
      windows: this.#closed,
      late: this.#late,
      errorLines: this.#errorLines,
      totals: this.#totals.snapshot(),
    };
  }

  #take(element: StreamElement): void {
    if (element.kind === "barrier") this.#state = element.state;
    if (element.kind === "window-closed") this.#closed.push(element.window);
    if (element.kind !== "analyzed") return;
    this.#totals.add(element);
    assertConserved(this.#totals.snapshot());
    this.#errorLines += new TextDecoder().decode(element.batch.errors.lineBytes);
    for (const { windowStartMs, lateCount, lateErrorCount } of element.late) {
      const known = this.#late.get(windowStartMs) ?? { lateCount: 0, lateErrorCount: 0 };
      this.#late.set(windowStartMs, {
        lateCount: known.lateCount + lateCount,
        lateErrorCount: known.lateErrorCount + lateErrorCount,
      });
    }
  }
}

interface Output {
  readonly windows: readonly ClosedWindow[];
  readonly late: ReadonlyMap<
    number,
    { readonly lateCount: number; readonly lateErrorCount: number }
  >;
  readonly errorLines: string;
  readonly totals: Totals;
}

function assertConserved(totals: Totals): void {
  const malformed = Object.values(totals.malformed).reduce((sum, count) => sum + count, 0);
  const { valid, oversized, empty, header, partial } = totals;
  assert.equal(totals.lines, valid + malformed + oversized + empty + header + partial);
  assert.equal(valid, totals.inWindows + totals.late + totals.future);
  const byStatus = [...totals.errorsByStatus.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(totals.errors, byStatus);
  assert.equal(totals.errors, totals.errorsInWindows + totals.lateErrors + totals.futureErrors);
}

function decode(
  chunks: readonly Uint8Array[],
  position?: RecordBatch["position"],
): RecordBatch[] {
  const batches: RecordBatch[] = [];
  const emit = (batch: RecordBatch) => void batches.push(batch);
  const decoder = new LineDecoder(INPUT_ID, OPTIONS, position);
  for (const chunk of chunks) decoder.push(chunk, TIMES, emit);
  decoder.end(TIMES, { isCut: false }, emit);
  return batches;
}

function run(chunks: readonly Uint8Array[]): Output {
  const pipeline = new Pipeline();
  for (const batch of decode(chunks)) pipeline.push(batch);
  return pipeline.finish();
}

function split(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks = [];
  for (let start = 0, i = 0; start < bytes.length; i++) {
    const end = start + sizes[i % sizes.length]!;
    chunks.push(bytes.subarray(start, end));
    start = end;
  }
  return chunks;
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines = [];
  let start = 0;
  for (let end; (end = bytes.indexOf(0x0a, start)) >= 0; start = end + 1) {
    lines.push(bytes.subarray(start, end));
  }
  return lines;
}

/** The output has to be what the naive model makes of the same lines, to the last count. */
function assertEqualsNaive(output: Output, lines: readonly Uint8Array[]): void {
  const naive = naiveAnalysis(lines, { ...OPTIONS, futureLimitMs: FUTURE_LIMIT_MS });
  assert.deepEqual(inNaiveTerms(output), naive);
  assert.ok(output.windows.every((window) => window.state === "closed"));
}

function inNaiveTerms({ windows, late, errorLines, totals }: Output): NaiveAnalysis {
  const { bytes: _, partial, errorsByStatus: __, malformed, ...counts } = totals;
  assert.equal(partial, 0);
  return {
    ...counts,
    malformed: Object.fromEntries(Object.entries(malformed).filter(([, count]) => count > 0)),
    // In the order in which they closed, which has to be that of their starts.
    windows: windows.map(({ startMs, totalCount, errorCount, uniqueIps, statuses }) => ({
      startMs,
      totalCount,
      errorCount,
      uniqueIps: uniqueIps.count,
      statuses: statuses.map(({ status, errorCount, uniqueIps, urls }) => ({
        status,
        errorCount,
        uniqueIps: uniqueIps.count,
        urls: urls.map(({ url, count }) => ({ url, count })),
      })),
    })),
    lateByWindow: [...late]
      .map(([windowStartMs, counts]) => ({ windowStartMs, ...counts }))
      .sort((a, b) => a.windowStartMs - b.windowStartMs),
    errorLines: errorLines.split("\n").slice(0, -1),
  };
}

Deno.test("pipeline: a small input gives the naive model's windows, wherever it is cut", () => {
  const whole = run([SMALL_INPUT]);
  assertEqualsNaive(whole, linesOf(SMALL_INPUT));
  const { late, future, errors, inWindows } = whole.totals;
  assert.deepEqual({ late, future, errors, inWindows }, {
    late: 1,
    future: 1,
    errors: 6,
    inWindows: 5,
  });
  for (let cut = 0; cut <= SMALL_INPUT.length; cut++) {
    assert.deepEqual(run([SMALL_INPUT.subarray(0, cut), SMALL_INPUT.subarray(cut)]), whole);
  }
  assert.deepEqual(run(split(SMALL_INPUT, [1])), whole);
});

// S-23, S-30
Deno.test("pipeline: any chunks of any lines give the naive model's windows", () => {
  fc.assert(
    fc.property(hostileLines, chunkSizes, (lines, sizes) => {
      const bytes = toBytes(lines);
      const whole = run([bytes]);
      assertEqualsNaive(whole, lines);
      assert.deepEqual(run(split(bytes, sizes)), whole);
    }),
    { numRuns: 300 },
  );
});

Deno.test("pipeline: one byte at a time gives the naive model's windows", () => {
  fc.assert(
    fc.property(hostileLines, (lines) => {
      assertEqualsNaive(run(split(toBytes(lines), [1])), lines);
    }),
    { numRuns: 50 },
  );
});

// S-9
Deno.test("pipeline: a last line without newline is an ordinary line", () => {
  fc.assert(fc.property(fc.array(validLine(), { minLength: 1, maxLength: 5 }), (lines) => {
    assertEqualsNaive(run([toBytes(lines).subarray(0, -1)]), lines);
  }));
});

// S-18
Deno.test("pipeline: disorder within the lateness loses nothing", () => {
  // Each row comes at most the lateness before the highest one so far.
  const steps = fc.array(
    fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 0, max: OPTIONS.latenessMs })),
    { minLength: 1, maxLength: 60, size: "max" },
  );
  fc.assert(fc.property(steps, chunkSizes, (steps, sizes) => {
    let highestMs = BASE_MS - 100_000;
    const times = steps.map(([aheadMs, behindMs]) => {
      highestMs += aheadMs;
      return highestMs - behindMs;
    }).filter((timeMs) => timeMs <= FUTURE_LIMIT_MS);
    const lines = times.map((timestampMs, i) => jsonLine({ timestampMs, status: 200 + i * 5 }));
    const { windows, totals } = run(split(toBytes(lines), sizes));
    assert.equal(totals.late, 0);
    const inOrder = [...lines].sort();
    const expected = run([toBytes(inOrder)]).windows;
    assert.deepEqual(
      windows.map(({ startMs, totalCount, errorCount, uniqueIps }) => (
        { startMs, totalCount, errorCount, uniqueIps }
      )),
      expected.map(({ startMs, totalCount, errorCount, uniqueIps }) => (
        { startMs, totalCount, errorCount, uniqueIps }
      )),
    );
  }));
});

// S-21
Deno.test("pipeline: a row behind by the lateness and a window is late, a millisecond less is not", () => {
  const at = (offsetMs: number) => jsonLine({ timestampMs: BASE_MS + offsetMs, status: 404 });
  for (const [highestMs, late] of [[34_999, 0], [35_000, 1]] as const) {
    const { totals, windows } = run([toBytes([at(highestMs), at(29_999)])]);
    assert.equal(totals.late, late);
    assert.equal(totals.lateErrors, late);
    assert.equal(windows.length, 2 - late);
  }
});

// S-31
Deno.test("pipeline: cut at any batch and restored from a checkpoint, it gives the same output", async () => {
  const property = fc.asyncProperty(hostileLines, chunkSizes, async (lines, sizes) => {
    const bytes = toBytes(lines);
    const whole = run([bytes]);
    const batches = decode(split(bytes, sizes));
    for (let i = 0; i < batches.length; i++) {
      const first = new Pipeline();
      for (const batch of batches.slice(0, i + 1)) first.push(batch);
      const second = new Pipeline(await first.checkpoint());
      const { position } = batches[i]!;
      const rest = bytes.subarray(position.offsetBytes);
      for (const batch of decode(split(rest, sizes), position)) second.push(batch);
      assert.deepEqual(joined(first.output(), second.finish()), whole);
    }
  });
  await fc.assert(property, { numRuns: 30 });
});

/** What two runs that follow each other have put out together; totals go on by themselves. */
function joined(first: Output, second: Output): Output {
  const late = new Map(first.late);
  for (const [startMs, { lateCount, lateErrorCount }] of second.late) {
    const known = late.get(startMs) ?? { lateCount: 0, lateErrorCount: 0 };
    late.set(startMs, {
      lateCount: known.lateCount + lateCount,
      lateErrorCount: known.lateErrorCount + lateErrorCount,
    });
  }
  return {
    windows: [...first.windows, ...second.windows],
    late,
    errorLines: first.errorLines + second.errorLines,
    totals: second.totals,
  };
}

// S-27
Deno.test("pipeline: a file that grew is read on as if it had been read at once, but for late rows", async () => {
  const at = (seconds: number) => jsonLine({ timestampMs: BASE_MS + seconds * 1000, status: 404 });
  const head = toBytes([at(0), at(10)]);
  const tail = toBytes([at(29), at(30), at(45)]);
  const first = new Pipeline();
  const batches = decode([head]);
  for (const batch of batches) first.push(batch);
  first.finish();
  const second = new Pipeline(await first.checkpoint());
  const { position } = batches.at(-1)!;
  const whole = concatBytes([head, tail]);
  for (const batch of decode([whole.subarray(position.offsetBytes)], position)) second.push(batch);
  // The end of the file had closed the window of its last row, and no later one.
  const { windows, totals } = joined(first.output(), second.finish());
  assert.deepEqual(windows.map(({ startMs, totalCount }) => [startMs - BASE_MS, totalCount]), [
    [0, 2],
    [30_000, 2],
  ]);
  assert.equal(totals.late, 1);
});
