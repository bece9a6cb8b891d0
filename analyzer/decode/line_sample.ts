import type { MalformedReason } from "./malformed_reason.ts";

/** Why a line is in no window. */
export type SampleKind = MalformedReason | "oversized" | "partial" | "late" | "future";

/** What one line that is in no window looks like. */
export interface LineSample {
  /** Why it is in none. */
  readonly kind: SampleKind;
  /** The line's beginning, not escaped yet; bytes that are no UTF-8 as U+FFFD. */
  readonly text: string;
}

/** Bytes of a line that are kept to show what it looked like. */
export const SAMPLE_BYTES_MAX = 200;

/** The text of a sample, of a line without its newline. */
export function sampleText(line: Uint8Array): string {
  return lossyUtf8.decode(line.subarray(0, SAMPLE_BYTES_MAX));
}

const lossyUtf8 = new TextDecoder();
