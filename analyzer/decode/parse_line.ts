import { parse as parseCsv } from "@std/csv/parse";
import { FIELD_NAMES, IP_BYTES_MAX, STATUS_MAX, STATUS_MIN } from "../../log_format/log_record.ts";
import { epochToMs, parseTimestamp } from "../../log_format/parse_timestamp.ts";
import type { MalformedReason } from "./malformed_reason.ts";
import type { CsvLayout } from "./record_batch.ts";

/** Which lines count as records: `auto` takes a line that starts with `{` as JSON, others as CSV. */
export type LineFormat = "auto" | "json" | "csv";

/** What one line turned out to be. */
export type ParsedLine =
  | { readonly kind: "record"; readonly record: ParsedRecord }
  | { readonly kind: "header"; readonly layout: CsvLayout }
  | { readonly kind: "empty" }
  | { readonly kind: "malformed"; readonly reason: MalformedReason };

/** A record, and the line as the error files keep it. */
export interface ParsedRecord {
  /** Event time in whole ms since the epoch, rounded down. */
  readonly eventTimeMs: number;
  readonly ip: string;
  readonly url: string;
  readonly status: number;
  /**
   * The record as one JSON object, without a newline: the original where the line was JSON, and
   * where it was not, or another address is to stand in it, the five fields and nothing else.
   */
  toJson(maskedIp?: string): string;
}

/**
 * The complete reading of one line: everything that is accepted, and every reason for which a line
 * is refused, is decided here. Faster readers are tested against it.
 *
 * @param bytes the line without its newline; a carriage return at its end and a byte order mark at
 *   its start do not count
 * @param layout the CSV header in force; without one the five fields stand in their own order
 */
export function parseLine(
  bytes: Uint8Array,
  format: LineFormat,
  layout: CsvLayout | undefined,
): ParsedLine {
  let text = utf8.decode(bytes);
  if (text.includes("\ufffd") && !isUtf8(bytes)) return malformed("invalid_utf8");
  text = trimBlanks(text);
  if (text === "") return EMPTY;
  if (text.includes("\0")) return malformed("nul_byte");
  const isJson = format === "json" || (format === "auto" && text.startsWith("{"));
  return isJson ? parseJsonLine(text) : parseCsvLine(text, layout);
}

/** What is no UTF-8 becomes U+FFFD; a byte order mark at the start is dropped. */
const utf8 = new TextDecoder();

/**
 * Asked for those few lines only that hold U+FFFD, which may stand in them by itself. A strict
 * decoder would throw, which costs as much as fifty lines.
 */
function isUtf8(bytes: Uint8Array): boolean {
  const again = utf8Encoder.encode(wholeUtf8.decode(bytes));
  return again.length === bytes.length && again.every((byte, i) => byte === bytes[i]);
}

const utf8Encoder = new TextEncoder();
/** Keeps a byte order mark, so that nothing but what is no UTF-8 changes. */
const wholeUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Drops JSON's own white space at both ends: anything else around a line belongs to it. Not by a
 * regular expression, which takes seconds for a line of 64 KiB of blanks between two letters.
 */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

const EMPTY: ParsedLine = { kind: "empty" };

function malformed(reason: MalformedReason): ParsedLine {
  return { kind: "malformed", reason };
}

function parseJsonLine(text: string): ParsedLine {
  // A line that was cut is told without an exception, which would cost as much as fifty lines.
  if (!text.startsWith("{") || !text.endsWith("}")) return malformed("not_json");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse throws nothing but a SyntaxError; its message may quote the line, so it stays here.
    return malformed("not_json");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return malformed("not_json");
  }
  return checkRecord(value as RawFields, text);
}

/**
 * JSON takes a carriage return for a blank, and Spark and Python for the end of a line: what stands
 * between two of them in an error file would be a record to those.
 */
function withoutCarriageReturns(json: string): string {
  return json.replaceAll("\r", " ");
}

/** The record that an object of a JSON line stands for; `undefined` where it is none. */
export function recordOf(value: object): Omit<ParsedRecord, "toJson"> | undefined {
  const parsed = checkRecord(value);
  return parsed.kind === "record" ? parsed.record : undefined;
}

function parseCsvLine(text: string, layout: CsvLayout | undefined): ParsedLine {
  const cells = splitCsv(text);
  if (cells === undefined) return malformed("csv_syntax");
  const row = parseCsvRow(cells, layout ?? DEFAULT_LAYOUT);
  if (row.kind === "record") return row;
  const header = readHeader(cells);
  return header === undefined ? row : { kind: "header", layout: header };
}

function parseCsvRow(cells: readonly string[], { fieldCount, columns }: CsvLayout): ParsedLine {
  if (cells.length !== fieldCount) return malformed("csv_field_count");
  const [timestamp, ip, method, url, status] = columns.map((column) => cells[column]!);
  return checkRecord({ timestamp, ip, method, url, status });
}

const DEFAULT_LAYOUT: CsvLayout = { fieldCount: 5, columns: [0, 1, 2, 3, 4] };

/** The cells of one row, or `undefined` where its quotes do not match. */
function splitCsv(text: string): string[] | undefined {
  if (!text.includes('"')) return text.split(",");
  if (!CSV_ROW.test(text)) return undefined;
  try {
    return parseCsv(text)[0];
  } catch (exception) {
    if (exception instanceof SyntaxError) return undefined;
    throw exception;
  }
}

/** Cells in quotes, in which a quote is written twice, or without any. */
const CSV_ROW = /^(?:"[^"]*(?:""[^"]*)*"|[^",]*)(?:,(?:"[^"]*(?:""[^"]*)*"|[^",]*))*$/;

/** A row that holds the name of every field, and is no record, is a header wherever it stands. */
function readHeader(cells: readonly string[]): CsvLayout | undefined {
  if (!cells.some((cell) => cell.trim().toLowerCase() === FIELD_NAMES[0])) return undefined;
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const columns = FIELD_NAMES.map((name) => names.indexOf(name));
  return columns.includes(-1) ? undefined : { fieldCount: cells.length, columns };
}

/** The five fields of a line, whatever they hold. */
interface RawFields {
  readonly timestamp?: unknown;
  readonly ip?: unknown;
  readonly method?: unknown;
  readonly url?: unknown;
  readonly status?: unknown;
}

/** @param original the line where it is a JSON object */
function checkRecord(fields: RawFields, original?: string): ParsedLine {
  const { timestamp, ip, method, url, status } = fields;
  if (
    timestamp === undefined || ip === undefined || method === undefined || url === undefined ||
    status === undefined
  ) return malformed("missing_field");
  if (
    typeof ip !== "string" || typeof method !== "string" || typeof url !== "string" ||
    !(typeof timestamp === "string" || typeof timestamp === "number") ||
    !(typeof status === "string" || typeof status === "number")
  ) return malformed("wrong_type");
  const eventTimeMs = typeof timestamp === "number"
    ? epochToMs(timestamp)
    : parseTimestamp(timestamp);
  if (eventTimeMs === undefined) return malformed("bad_timestamp");
  if (ip === "" || utf8Length(ip) > IP_BYTES_MAX) return malformed("bad_ip");
  const statusCode = parseStatus(status);
  if (statusCode === undefined) return malformed("bad_status");
  return {
    kind: "record",
    record: {
      eventTimeMs,
      ip,
      url,
      status: statusCode,
      toJson: (maskedIp) =>
        maskedIp === undefined && original !== undefined
          ? withoutCarriageReturns(original)
          : JSON.stringify({ timestamp, ip: maskedIp ?? ip, method, url, status: statusCode }),
    },
  };
}

function parseStatus(status: string | number): number | undefined {
  const code = typeof status === "number" ? status : /^\d{3}$/.test(status) ? Number(status) : NaN;
  return Number.isInteger(code) && code >= STATUS_MIN && code <= STATUS_MAX ? code : undefined;
}

const encoder = new TextEncoder();

function utf8Length(text: string): number {
  // UTF-8 takes at most three bytes a UTF-16 unit: most addresses need no encoding to be judged.
  return text.length * 3 <= IP_BYTES_MAX ? text.length : encoder.encode(text).length;
}
