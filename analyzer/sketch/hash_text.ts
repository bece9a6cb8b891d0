import { PADDING_BYTES } from "../padded_bytes.ts";
import type { DistinctCounter } from "./distinct_counter.ts";
import { hashBytes } from "./hash.ts";

/** Adds the hash of a text, which is that of its bytes in UTF-8. */
export function addText(counter: DistinctCounter, text: string): void {
  const needed = 3 * text.length + PADDING_BYTES;
  if (needed > bytes.length) {
    bytes = new Uint8Array(2 * needed);
    view = new DataView(bytes.buffer);
  }
  hashBytes(view, 0, encoder.encodeInto(text, bytes).written, hash);
  counter.add(hash[0]!, hash[1]!);
}

const encoder = new TextEncoder();
const hash = new Uint32Array(2);
let bytes = new Uint8Array(4096);
let view = new DataView(bytes.buffer);
