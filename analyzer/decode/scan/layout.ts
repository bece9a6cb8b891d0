import { FIELD_NAMES, type FieldName } from "../../../log_format/log_record.ts";

import type { CsvLayout } from "../record_batch.ts";

/**
 * How the lines of one server look: the text between the fields, which is the same in every line,
 * and the fields, which are not. A line that follows a layout can be read without being parsed.
 */
export interface Layout {
  readonly format: "json" | "csv";
  /** From the first byte of the line to the last before its line end. */
  readonly segments: readonly Segment[];
  /** Tells layouts apart: equal for lines that follow the same one. */
  readonly signature: string;
}

/** A piece of a line: text that is the same in every line, or a field. */
export type Segment =
  | { readonly kind: "text"; readonly text: string }
  /** `YYYY-MM-DDThh:mm:ss`, a fraction of so many digits (0 for none), and an offset. */
  | {
    readonly kind: "timestamp";
    readonly fractionDigits: number;
    readonly offset: string;
  }
  /**
   * Whatever may stand before the byte that ends it: escapes in JSON, no quotes in CSV, no control
   * characters, well-formed UTF-8.
   */
  | {
    readonly kind: "string";
    readonly name: "ip" | "method" | "url" | undefined;
    readonly end: '"' | ",";
  }
  /** Three digits from 100 to 599. */
  | { readonly kind: "status" }
  /** A JSON number of an unknown key. */
  | { readonly kind: "number" }
  /** `true`, `false` or `null` of an unknown key. */
  | { readonly kind: "word" };

/**
 * The layout of a line, or `undefined` where no layout would fit it and others like it: nested
 * values may be there, but then they count as text.
 *
 * @param line a record by the judgement of `parseLine()`, printable ASCII or not, without its
 *   newline and carriage return
 * @param csv the columns that a CSV header has told; ignored for JSON
 */
export function learnLayout(line: string, csv: CsvLayout | undefined): Layout | undefined {
  // A carriage return may stand in a nested value; the parser replaces it.
  if (line.includes("\r")) return undefined;
  const isJson = line.startsWith("{");
  const segments = isJson ? learnJson(line) : learnCsv(line, csv);
  if (segments === undefined) return undefined;
  const textLength = segments.reduce(
    (length, segment) => length + (segment.kind === "text" ? segment.text.length : 0),
    0,
  );
  if (segments.length > SEGMENTS_MAX || textLength > TEXT_LENGTH_MAX) return undefined;
  return { format: isJson ? "json" : "csv", segments, signature: JSON.stringify(segments) };
}

/** Most text of one layout, in UTF-16 units: what it is compared with has to fit into memory. */
const TEXT_LENGTH_MAX = 4096;

/** Most texts and fields of one layout. */
const SEGMENTS_MAX = 200;

function learnJson(line: string): Segment[] | undefined {
  const builder = new SegmentBuilder();
  const seen = new Set<string>();
  let at = 0;
  for (;;) {
    const [head, key] = match(JSON_KEY, line, at) ?? [];
    // A known key that comes twice means what the last one says: too rare to be fast.
    if (key === undefined || (isField(key) && seen.has(key))) return undefined;
    seen.add(key);
    builder.text(head!);
    at += head!.length;

    const [value, string, number, word] = match(JSON_VALUE, line, at) ?? [];
    if (string !== undefined) {
      if (!addQuoted(builder, isField(key) ? key : undefined, string)) return undefined;
    } else if (isField(key)) {
      if (key !== "status" || number === undefined || !STATUS.test(number)) return undefined;
      builder.field({ kind: "status" });
    } else if (number !== undefined) {
      builder.field({ kind: "number" });
    } else if (word !== undefined) {
      builder.field({ kind: "word" });
    }
    at += value?.length ?? 0;
    if (value === undefined) {
      const end = nestedEnd(line, at);
      if (end === undefined || isField(key)) return undefined;
      builder.text(line.slice(at, end));
      at = end;
    }

    const [tail] = match(JSON_END, line, at) ?? [];
    if (tail !== undefined) {
      builder.text(tail);
      return FIELD_NAMES.every((name) => seen.has(name)) ? builder.segments : undefined;
    }
  }
}

/** What stands before a value: the start of the object or a comma, and a key without escapes. */
const JSON_KEY = /[ \t]*[{,][ \t]*"([^"\\]*)"[ \t]*:[ \t]*/y;

/** A value: a string, a number or a word. */
const JSON_VALUE =
  /(?:"((?:[^"\\]|\\.)*)"|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/y;

const JSON_END = /[ \t]*\}[ \t]*$/y;

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}

/** Where the array or object ends that begins at a place of valid JSON. */
function nestedEnd(line: string, start: number): number | undefined {
  let depth = 0;
  for (const { 0: token, index } of line.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[{[\]}]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth === 0) return start + index + token.length;
  }
  return undefined;
}

function learnCsv(line: string, csv: CsvLayout | undefined): Segment[] | undefined {
  // A blank at an end changes what the cells are: for the parser.
  if (line !== line.trim()) return undefined;
  const cells = [...`${line},`.matchAll(CSV_CELL)];
  const isWhole = cells.reduce((bytes, [cell]) => bytes + cell.length, 0) === line.length + 1;
  if (!isWhole) return undefined;
  const { fieldCount, columns } = csv ?? { fieldCount: 5, columns: [0, 1, 2, 3, 4] };
  if (cells.length !== fieldCount) return undefined;
  const builder = new SegmentBuilder();
  for (const [column, [, quoted, bare]] of cells.entries()) {
    if (column > 0) builder.text(",");
    const [name, ...others] = FIELD_NAMES.filter((_, i) => columns[i] === column);
    if (others.length > 0) return undefined;
    const isAdded = quoted !== undefined
      ? addQuoted(builder, name, quoted)
      : addValue(builder, name, bare!, ",");
    if (!isAdded) return undefined;
  }
  return builder.segments;
}

/** A cell and its comma; in quotes, but without any in them, or without quotes. */
const CSV_CELL = /(?:"([^"]*)"|([^",]*)),/gy;

function addQuoted(builder: SegmentBuilder, name: FieldName | undefined, value: string): boolean {
  builder.text('"');
  if (!addValue(builder, name, value, '"')) return false;
  builder.text('"');
  return true;
}

/** Adds the value of a field, or of an unknown key; false where it has no fixed form. */
function addValue(
  builder: SegmentBuilder,
  name: FieldName | undefined,
  value: string,
  end: '"' | ",",
): boolean {
  if (name === "status") {
    if (!STATUS.test(value)) return false;
    builder.field({ kind: "status" });
  } else if (name === "timestamp") {
    const [, fraction, offset] = TIMESTAMP.exec(value) ?? [];
    if (offset === undefined) return false;
    builder.field({ kind: "timestamp", fractionDigits: fraction?.length ?? 0, offset });
  } else {
    builder.field({ kind: "string", name, end });
  }
  return true;
}

const STATUS = /^[1-5]\d\d$/;
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d{3,9}))?([Zz]|[+-]\d\d(?::?\d\d)?)$/;

function isField(key: string): key is FieldName {
  return (FIELD_NAMES as readonly string[]).includes(key);
}

/** Collects segments, neighbouring texts as one. */
class SegmentBuilder {
  readonly segments: Segment[] = [];

  text(text: string): void {
    if (text === "") return;
    const last = this.segments.at(-1);
    if (last?.kind === "text") {
      this.segments[this.segments.length - 1] = { kind: "text", text: last.text + text };
    } else {
      this.segments.push({ kind: "text", text });
    }
  }

  field(segment: Exclude<Segment, { kind: "text" }>): void {
    this.segments.push(segment);
  }
}
