import { MALFORMED_REASONS, type MalformedReason } from "../../analyzer/decode/malformed_reason.ts";
import type { LineSample } from "../../analyzer/decode/line_sample.ts";
import type { RecordBatch } from "../../analyzer/decode/record_batch.ts";
import { padBytes } from "../../analyzer/padded_bytes.ts";
import { RecordBatchBuilder } from "../../analyzer/decode/record_batch_builder.ts";
import type { AnalyzedBatch } from "../../analyzer/stream/elements.ts";
import type { LateCounts } from "../../analyzer/window/late_counts.ts";
import { LENGTH_MS } from "./window_fixtures.ts";

/** One record as a test writes it. */
export interface Row {
  /** Event time, or `"future"` for a row too far ahead of the clock. */
  readonly time: number | "future";
  /** 404 unless told otherwise; rows below 400 are no errors. */
  readonly status?: number;
  readonly ip?: string;
  readonly url?: string;
  /** The line in the error file without its newline; unless told otherwise made of the fields. */
  readonly line?: string;
}

/** What may be told of a batch beside its rows. */
export interface BatchFixture {
  readonly inputId?: string;
  readonly receivedAtMs?: number;
  readonly offsetBytes?: number;
  readonly windowLengthMs?: number;
  /** Lines that are no records, by what they are counted as. */
  readonly others?: readonly (MalformedReason | "oversized" | "empty" | "header" | "partial")[];
  readonly samples?: readonly LineSample[];
}

/** A batch as the decoder makes it; every line counts as its own length and a newline. */
export function recordBatch(rows: readonly Row[], fixture: BatchFixture = {}): RecordBatch {
  const builder = new RecordBatchBuilder({ windowLengthMs: fixture.windowLengthMs ?? LENGTH_MS });
  for (const row of rows) {
    const { time, status = 404, ip = "192.0.2.1", url = "/resource/1" } = row;
    const line = encode(`${row.line ?? JSON.stringify({ time, ip, url, status })}\n`);
    builder.addLine(line.length);
    const windowIndex = time === "future" ? builder.addFutureRow() : builder.addRow(time);
    builder.addRowSample(windowIndex, line, 0, line.length - 1);
    if (status >= 400) {
      const [ipBytes, urlBytes] = [encode(ip), encode(url)];
      builder.addError(
        windowIndex,
        status,
        padBytes(ipBytes),
        0,
        ipBytes.length,
        padBytes(urlBytes),
        0,
        urlBytes.length,
      );
      builder.addLineOfError(padBytes(line), 0, line.length);
    }
  }
  for (const other of fixture.others ?? []) {
    builder.addLine(1);
    if (isMalformed(other)) builder.addMalformed(other);
    else if (other === "oversized") builder.addOversized();
    else if (other === "empty") builder.addEmpty();
    else if (other === "header") builder.addHeader();
    else builder.addPartial();
  }
  for (const { kind, text } of fixture.samples ?? []) builder.addSample(kind, encode(text));
  return builder.build({
    inputId: fixture.inputId ?? "tcp://127.0.0.1:9999",
    receivedAtMs: fixture.receivedAtMs ?? 0,
    position: { offsetBytes: fixture.offsetBytes ?? 0, csvLayout: undefined },
  });
}

/**
 * A batch as the window operator passes it on.
 *
 * @param fixture with the time up to which windows had closed; no window unless told otherwise
 */
export function analyzedBatch(
  rows: readonly Row[],
  fixture: BatchFixture & { readonly closedUpToMs?: number } = {},
): AnalyzedBatch {
  const { closedUpToMs = -Infinity, windowLengthMs = LENGTH_MS } = fixture;
  const batch = recordBatch(rows, fixture);
  const late = Array.from(batch.windowStartsMs)
    .filter((startMs) => startMs < closedUpToMs)
    .map((windowStartMs): LateCounts => {
      const ofWindow = rows.filter(({ time }) =>
        time !== "future" && Math.floor(time / windowLengthMs) * windowLengthMs === windowStartMs
      );
      return {
        windowStartMs,
        lateCount: ofWindow.length,
        lateErrorCount: ofWindow.filter(isError).length,
      };
    });
  return {
    kind: "analyzed",
    batch,
    isLate: Uint8Array.from(batch.windowStartsMs, (startMs) => startMs < closedUpToMs ? 1 : 0),
    lateCount: late.reduce((sum, { lateCount }) => sum + lateCount, 0),
    lateErrorCount: late.reduce((sum, { lateErrorCount }) => sum + lateErrorCount, 0),
    futureErrorCount: rows.filter((row) => row.time === "future" && isError(row)).length,
    late,
  };
}

function isError({ status = 404 }: Row): boolean {
  return status >= 400;
}

function isMalformed(kind: string): kind is MalformedReason {
  return (MALFORMED_REASONS as readonly string[]).includes(kind);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
