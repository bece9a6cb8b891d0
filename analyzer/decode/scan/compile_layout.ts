import { IP_BYTES_MAX } from "../../../log_format/log_record.ts";
import { parseTimestamp } from "../../../log_format/parse_timestamp.ts";
import type { Layout, Segment } from "./layout.ts";
import { skipEscapeOrUtf8, skipUtf8 } from "./skip_rare.ts";

/**
 * Reads lines that follow one layout, from `position` on, until one does not or `state.isStopped`.
 *
 * @param bytes ends with a newline at `end - 1`, and is followed by at least
 *   {@linkcode SLACK_BYTES} more bytes, whatever they hold
 * @param view over the same bytes, from the same start
 * @returns where the first line begins that was not read; `end` where all were
 */
export type LineScanner = (
  bytes: Uint8Array,
  view: DataView,
  position: number,
  end: number,
  state: ScanState,
  rows: RowSink,
) => number;

/** Bytes behind a line that a scanner may look at, whatever they hold, before it gives up. */
export const SLACK_BYTES = 1024;

/** What scanners know of the time, and what they have counted. */
export interface ScanState {
  /** The window that rows are counted in without further ado: `[windowStartMs, windowEndMs)`. */
  windowStartMs: number;
  windowEndMs: number;
  /** Its index in the batch. */
  windowIndex: number;
  /** Rows counted in it since it became the window. */
  rowCount: number;
  /** Highest event time so far. */
  eventTimeMaxMs: number;
  /** Rows from here on are for {@linkcode RowSink.place}: in the future, or moving the watermark. */
  thresholdMs: number;
  /** Lines read. */
  lineCount: number;
  /** Set by {@linkcode RowSink.place} where no further line may go into this batch. */
  isStopped: boolean;
  readonly minStatus: number;
  readonly lineBytesMax: number;
}

/** Takes what is not an ordinary row: few rows out of ten. */
export interface RowSink {
  /** Counts a row outside of the current window. Returns the index of its window in the batch. */
  place(eventTimeMs: number, state: ScanState): number;
  /** Adds an error row; all positions are in `bytes`, padded; ends are not part of the piece. */
  addError(
    bytes: DataView,
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void;
  /** The same where the URL has escapes of JSON. */
  addEscapedError(
    bytes: DataView,
    windowIndex: number,
    status: number,
    ipStart: number,
    ipEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void;
  /** Adds the line of the error row before, which is JSON. */
  addJsonLine(bytes: DataView, start: number, end: number): void;
  /** Makes JSON of a row of CSV, whose fields hold nothing that JSON would escape. */
  addCsvLine(
    bytes: DataView,
    status: number,
    timestampStart: number,
    timestampEnd: number,
    ipStart: number,
    ipEnd: number,
    methodStart: number,
    methodEnd: number,
    urlStart: number,
    urlEnd: number,
  ): void;
}

/**
 * Makes a scanner for a layout: the layout becomes a program, in which every text is a comparison
 * of 32-bit words and every field a loop over its bytes. Nothing of a line gets into the program
 * but numbers.
 *
 * Everything that is skipped is verified. What a scanner accepts is what `parseLine()` would make
 * of the line; whatever it is not sure of it leaves alone: other spacing, escapes, bytes beyond
 * ASCII, numbers in other forms.
 */
export function compileLayout(layout: Layout): LineScanner {
  const parts = partsOf(layout);
  const fields = parts.map((part, i) => fieldCode(part, i, layout)).join("\n");
  const timestamp = parts.find((part) => part.kind === "timestamp");
  const at = (name: string) => parts.findIndex((part) => "name" in part && part.name === name);
  const [ip, method, url] = [at("ip"), at("method"), at("url")];
  const time = parts.findIndex(({ kind }) => kind === "timestamp");
  const status = parts.findIndex(({ kind }) => kind === "status");
  const places = `view, windowIndex, status, s${ip}, e${ip}, s${url}, e${url}`;
  const addLine = layout.format === "json"
    ? `rows.addJsonLine(view, start, q - ${trailingBlanks(parts)});`
    : `rows.addCsvLine(view, status, s${time}, e${time}, s${ip}, e${ip}, s${method}, e${method}, s${url}, e${url});`;
  const code = `"use strict";
let c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, secondMs = NaN;
return function scan(bytes, view, position, end, state, rows) {
  const minStatus = state.minStatus, lineBytesMax = state.lineBytesMax;
  let windowStartMs = state.windowStartMs, windowEndMs = state.windowEndMs;
  let maxMs = state.eventTimeMaxMs, thresholdMs = state.thresholdMs;
  let rowCount = state.rowCount, lineCount = 0;
  let start = position;
  lines: while (start < end) {
    let q = start, hasEscapedUrl = false;
    ${fields}
    let next = q;
    if (bytes[next] === 13) next++;
    if (bytes[next] !== 10 || next - start > lineBytesMax) break;
    const status = d${status};
    const timeMs = t${time};
    let windowIndex = state.windowIndex;
    let isStopped = false;
    if (timeMs >= windowStartMs && timeMs < windowEndMs && timeMs < thresholdMs) {
      rowCount++;
      if (timeMs > maxMs) maxMs = timeMs;
    } else {
      state.rowCount = rowCount;
      state.eventTimeMaxMs = maxMs;
      windowIndex = rows.place(timeMs, state);
      windowStartMs = state.windowStartMs;
      windowEndMs = state.windowEndMs;
      maxMs = state.eventTimeMaxMs;
      thresholdMs = state.thresholdMs;
      rowCount = state.rowCount;
      isStopped = state.isStopped;
    }
    lineCount++;
    if (status >= minStatus) {
      if (hasEscapedUrl) rows.addEscapedError(${places});
      else rows.addError(${places});
      ${addLine}
    }
    start = next + 1;
    if (isStopped) break;
  }
  state.rowCount = rowCount;
  state.eventTimeMaxMs = maxMs;
  state.lineCount += lineCount;
  return start;
};`;
  const offset = timestamp?.kind === "timestamp" ? timestamp.offset : "";
  const names = ["readSecond", "skipNumber", "skipWord", "skipEscapeOrUtf8", "skipUtf8"];
  return new Function(...names, code)(
    (bytes: Uint8Array, position: number) => readSecond(bytes, position, offset),
    skipNumber,
    skipWord,
    skipEscapeOrUtf8,
    skipUtf8,
  );
}

/** The segments, with the offset of the time, which is the same in every line, as text. */
function partsOf(layout: Layout): Segment[] {
  const parts: Segment[] = [];
  for (const segment of layout.segments) {
    const before = parts.at(-1);
    if (segment.kind === "text" && before?.kind === "text") {
      parts[parts.length - 1] = { kind: "text", text: before.text + segment.text };
    } else {
      parts.push(segment);
    }
    if (segment.kind === "timestamp") parts.push({ kind: "text", text: segment.offset });
  }
  return parts;
}

/** The code that reads one part from \`q\` on: \`break\` where the line is another one. */
function fieldCode(part: Segment, index: number, layout: Layout): string {
  switch (part.kind) {
    case "text":
      return textCode(encoder.encode(part.text));
    case "timestamp":
      return timestampCode(part, index);
    case "status":
      return `
    const d${index}h = bytes[q] - 49, d${index}t = bytes[q + 1] - 48, d${index}u = bytes[q + 2] - 48;
    if (d${index}h >>> 0 > 4 || d${index}t >>> 0 > 9 || d${index}u >>> 0 > 9) break;
    const d${index} = 100 + d${index}h * 100 + d${index}t * 10 + d${index}u;
    q += 3;`;
    case "number":
      return `q = skipNumber(bytes, q); if (q < 0) break;`;
    case "word":
      return `q = skipWord(bytes, q); if (q < 0) break;`;
    case "string": {
      const isFirst = index === 0;
      const isLast = layout.segments.at(-1) === part;
      return `
    const s${index} = q;
    ${stringEndCode(part, layout.format)}
    const e${index} = q;` +
        (part.name === "ip"
          ? `if (e${index} === s${index} || e${index} - s${index} > ${IP_BYTES_MAX}) break;`
          : "") +
        // At the start of a line a blank or a byte order mark does not count, and a brace makes it
        // JSON; nor does a blank at its end.
        (isFirst ? `if ([32, 123, 0xef].includes(bytes[start])) break;` : "") +
        (isLast && part.end === ","
          ? `if (e${index} > s${index} && bytes[e${index} - 1] === 32) break;`
          : "");
    }
  }
}

/**
 * Moves `q` to the end of a string. Several words are looked at together and without a branch,
 * since the lengths of strings are what a processor cannot predict.
 */
function stringEndCode(
  { name, end }: Extract<Segment, { kind: "string" }>,
  format: "json" | "csv",
): string {
  const words = Array.from({ length: name === "method" ? 2 : 4 }, (_, i) => `word${i}`);
  const loads = words.map((word, i) => `${word} = view.getInt32(q + ${4 * i}, true)`);
  const stops = words.map((word, i) => {
    // A byte below 0x80 less one more than itself has its highest bit set; so has a control
    // character, and a quote that has become the next one, less 0x21. Borrows disturb only what
    // comes behind the first stop.
    const ends = [
      `(${word} ^ ${0x5c5c5c5c}) - ${0x01010101}`,
      `(${word} ^ ${0x02020202}) - ${0x21212121}`,
    ];
    if (end === ",") ends.push(`(${word} ^ ${0x2c2c2c2c}) - ${0x01010101}`);
    const flags = `(${ends.map((end) => `(${end})`).join(" | ")} | ${word}) & -2139062144`;
    // Gathers the highest bits of four bytes, that of the first one lowest.
    return `Math.imul((${flags}) >>> 7, 0x10204080) >>> 28 << ${4 * i}`;
  });
  // An escaped address is for the parser: its length is not that of its bytes.
  const mayHaveEscapes = format === "json" && name !== "ip";
  return `for (;;) {
      const ${loads.join(", ")};
      const stops = ${stops.map((stop) => `(${stop})`).join(" | ")};
      if (stops === 0) { q += ${4 * words.length}; continue; }
      q += 31 - Math.clz32(stops & -stops);
      if (bytes[q] === ${end.charCodeAt(0)}) break;
      ${mayHaveEscapes && name === "url" ? "if (bytes[q] === 92) hasEscapedUrl = true;" : ""}
      q = ${mayHaveEscapes ? "skipEscapeOrUtf8" : "skipUtf8"}(bytes, q);
      if (q < 0) break lines;
    }`;
}

/** Compares text with the bytes at \`q\`: whole words, the last one overlapping the one before. */
function textCode(text: Uint8Array): string {
  const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  const differences: string[] = [];
  if (text.length >= 4) {
    for (let i = 0; i < text.length; i += 4) {
      const at = Math.min(i, text.length - 4);
      differences.push(`view.getInt32(q + ${at}, true) ^ ${view.getInt32(at, true)}`);
    }
  } else {
    text.forEach((byte, i) => differences.push(`bytes[q + ${i}] ^ ${byte}`));
  }
  return `
    if ((${differences.map((difference) => `(${difference})`).join(" | ")}) !== 0) break;
    q += ${text.length};`;
}

/** Rows of one second share its 19 bytes: those are compared, and parsed only when they change. */
function timestampCode(
  { fractionDigits, offset }: Extract<Segment, { kind: "timestamp" }>,
  index: number,
): string {
  const bytes = 19 + (fractionDigits > 0 ? 1 + fractionDigits : 0) + offset.length;
  let fraction = `
    const t${index} = secondMs;
    q += 19;`;
  if (fractionDigits > 0) {
    const checks: string[] = [];
    if (fractionDigits >= 4) {
      for (let i = 0; i < fractionDigits; i += 4) {
        const at = 20 + Math.min(i, fractionDigits - 4);
        const word = `view.getInt32(q + ${at}, true)`;
        checks.push(
          `((${word} & -252645136) | (((${word} + 101058054) & -252645136) >>> 4)) ^ 858993459`,
        );
      }
    } else {
      for (let i = 0; i < fractionDigits; i++) {
        checks.push(`(bytes[q + ${20 + i}] - 48 >>> 0 > 9 ? 1 : 0)`);
      }
    }
    fraction = `
    if (((bytes[q + 19] ^ 46) | ${checks.map((check) => `(${check})`).join(" | ")}) !== 0) break;
    const t${index} = secondMs + bytes[q + 20] * 100 + bytes[q + 21] * 10 + bytes[q + 22] - 5328;
    q += ${20 + fractionDigits};`;
  }
  return `
    const s${index} = q, e${index} = q + ${bytes};
    const w0 = view.getInt32(q, true), w1 = view.getInt32(q + 4, true), w2 = view.getInt32(q + 8, true);
    const w3 = view.getInt32(q + 12, true), w4 = view.getInt32(q + 15, true);
    if (((w0 ^ c0) | (w1 ^ c1) | (w2 ^ c2) | (w3 ^ c3) | (w4 ^ c4)) !== 0) {
      const readMs = readSecond(bytes, q);
      if (readMs === undefined) break;
      secondMs = readMs; c0 = w0; c1 = w1; c2 = w2; c3 = w3; c4 = w4;
    }${fraction}`;
}

const encoder = new TextEncoder();

function trailingBlanks(parts: readonly Segment[]): number {
  const last = parts.at(-1);
  return last?.kind === "text" ? last.text.length - last.text.trimEnd().length : 0;
}

/** `YYYY-MM-DDThh:mm:ss` with the offset of the layout, ms since the epoch. */
function readSecond(bytes: Uint8Array, position: number, offset: string): number | undefined {
  for (const [at, byte] of SEPARATORS) if (bytes[position + at] !== byte) return undefined;
  const text = String.fromCharCode(...bytes.subarray(position, position + 19));
  // 24:00:00 is the end of a day, but a fraction after it is no time at all.
  if (!SECOND.test(text) || text.startsWith("24", 11)) return undefined;
  return parseTimestamp(text + offset);
}

/** Where the separators stand: lines that hold something else need no look at their digits. */
const SEPARATORS = [[4, 0x2d], [7, 0x2d], [13, 0x3a], [16, 0x3a]] as const;

const SECOND = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d$/;

/** The end of a JSON number, or -1 where there is none. */
function skipNumber(bytes: Uint8Array, start: number): number {
  let i = start;
  if (bytes[i] === 0x2d) i++;
  const first = i;
  while (isDigit(bytes[i]!)) i++;
  if (i === first || (bytes[first] === 0x30 && i > first + 1)) return -1;
  if (bytes[i] === 0x2e) {
    const point = i++;
    while (isDigit(bytes[i]!)) i++;
    if (i === point + 1) return -1;
  }
  if ((bytes[i]! | 0x20) === 0x65) {
    i++;
    if (bytes[i] === 0x2b || bytes[i] === 0x2d) i++;
    const exponent = i;
    while (isDigit(bytes[i]!)) i++;
    if (i === exponent) return -1;
  }
  return i;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The end of `true`, `false` or `null`, or -1 where there is none of them. */
function skipWord(bytes: Uint8Array, start: number): number {
  for (const word of WORDS) {
    let i = 0;
    while (i < word.length && bytes[start + i] === word[i]) i++;
    if (i === word.length) return start + i;
  }
  return -1;
}

const WORDS = ["true", "false", "null"].map((word) => encoder.encode(word));
