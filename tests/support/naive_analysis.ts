// @ts-types="./papaparse.d.ts"
import Papa from "papaparse";

/** How lines are to be understood; the same meaning as the program's own options. */
export interface NaiveOptions {
  readonly windowLengthMs: number;
  readonly latenessMs: number;
  readonly minStatus: number;
  /** Rows after this time are in the future, ms since the epoch. */
  readonly futureLimitMs?: number;
  readonly lineBytesMax?: number;
  readonly format?: "auto" | "json" | "csv";
}

/** What the lines of one input, read to its end, amount to. */
export interface NaiveAnalysis {
  readonly lines: number;
  readonly valid: number;
  /** By reason; a reason that never occurred has no entry. */
  readonly malformed: Readonly<Record<string, number>>;
  readonly oversized: number;
  readonly empty: number;
  readonly header: number;
  readonly inWindows: number;
  readonly late: number;
  readonly future: number;
  readonly errors: number;
  readonly errorsInWindows: number;
  readonly lateErrors: number;
  readonly futureErrors: number;
  /** By start. */
  readonly windows: readonly NaiveWindow[];
  /** By window start: rows that came after the window had closed. */
  readonly lateByWindow: readonly NaiveLate[];
  /** What the error files hold, in order, without newlines. */
  readonly errorLines: readonly string[];
}

/** One window in plain numbers. */
export interface NaiveWindow {
  readonly startMs: number;
  readonly totalCount: number;
  readonly errorCount: number;
  readonly uniqueIps: number;
  readonly statuses: readonly {
    readonly status: number;
    readonly errorCount: number;
    readonly uniqueIps: number;
    readonly urls: readonly { readonly url: string; readonly count: number }[];
  }[];
}

/** Late rows of one closed window. */
export interface NaiveLate {
  readonly windowStartMs: number;
  readonly lateCount: number;
  readonly lateErrorCount: number;
}

/**
 * The meaning of a log, computed row by row the slow and obvious way: what the analyzer has to
 * find, however it gets there. It shares no code with it.
 *
 * @param lines the lines of one input without their newlines, in order; text stands for its UTF-8
 */
export function naiveAnalysis(
  lines: readonly (string | Uint8Array)[],
  options: NaiveOptions,
): NaiveAnalysis {
  const { windowLengthMs, latenessMs, minStatus, futureLimitMs = Infinity } = options;
  const outcomes: Outcome[] = [];
  let columns: readonly string[] = FIELDS;
  for (const line of lines) {
    const outcome = readLine(line, columns, options);
    if (outcome.kind === "header") columns = outcome.columns;
    outcomes.push(outcome);
  }
  const rows = outcomes.filter((outcome) => outcome.kind === "row");
  const errors = rows.filter(({ status }) => status >= minStatus);

  const future = rows.filter(({ timeMs }) => timeMs > futureLimitMs);
  const onTime: Row[] = [];
  const late: Row[] = [];
  let highestMs = -Infinity;
  for (const row of rows) {
    if (row.timeMs > futureLimitMs) continue;
    const windowEndMs = windowStart(row, windowLengthMs) + windowLengthMs;
    (highestMs - latenessMs >= windowEndMs ? late : onTime).push(row);
    highestMs = Math.max(highestMs, row.timeMs);
  }

  const isError = ({ status }: Row) => status >= minStatus;
  const count = (kind: Outcome["kind"]) => outcomes.filter((one) => one.kind === kind).length;
  return {
    lines: lines.length,
    valid: rows.length,
    malformed: Object.fromEntries(
      [...groupBy(outcomes.filter((one) => one.kind === "malformed"), ({ reason }) => reason)]
        .map(([reason, group]) => [reason, group.length]),
    ),
    oversized: count("oversized"),
    empty: count("empty"),
    header: count("header"),
    inWindows: onTime.length,
    late: late.length,
    future: future.length,
    errors: errors.length,
    errorsInWindows: onTime.filter(isError).length,
    lateErrors: late.filter(isError).length,
    futureErrors: future.filter(isError).length,
    windows: byNumber(groupBy(onTime, (row) => windowStart(row, windowLengthMs)))
      .map(([startMs, group]) => summarize(startMs, group, group.filter(isError))),
    lateByWindow: byNumber(groupBy(late, (row) => windowStart(row, windowLengthMs)))
      .map(([windowStartMs, group]) => ({
        windowStartMs,
        lateCount: group.length,
        lateErrorCount: group.filter(isError).length,
      })),
    errorLines: errors.map(({ json }) => json),
  };
}

interface Row {
  readonly kind: "row";
  readonly timeMs: number;
  readonly ip: string;
  readonly url: string;
  readonly status: number;
  readonly json: string;
}

type Outcome =
  | Row
  | { readonly kind: "header"; readonly columns: readonly string[] }
  | { readonly kind: "malformed"; readonly reason: string }
  | { readonly kind: "empty" }
  | { readonly kind: "oversized" };

const FIELDS = ["timestamp", "ip", "method", "url", "status"];

function windowStart({ timeMs }: Row, windowLengthMs: number): number {
  return Math.floor(timeMs / windowLengthMs) * windowLengthMs;
}

function summarize(startMs: number, rows: readonly Row[], errors: readonly Row[]): NaiveWindow {
  return {
    startMs,
    totalCount: rows.length,
    errorCount: errors.length,
    uniqueIps: new Set(errors.map(({ ip }) => ip)).size,
    statuses: byNumber(groupBy(errors, ({ status }) => status)).map(([status, group]) => ({
      status,
      errorCount: group.length,
      uniqueIps: new Set(group.map(({ ip }) => ip)).size,
      urls: [...groupBy(group, ({ url }) => url)]
        .map(([url, same]) => ({ url, count: same.length }))
        .sort((a, b) => b.count - a.count || (a.url < b.url ? -1 : 1)),
    })),
  };
}

function readLine(
  line: string | Uint8Array,
  columns: readonly string[],
  { lineBytesMax = 65_536, format = "auto" }: NaiveOptions,
): Outcome {
  const bytes = typeof line === "string" ? new TextEncoder().encode(line) : line;
  if (bytes.length > lineBytesMax) return { kind: "oversized" };
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return malformed("invalid_utf8");
  }
  while (/^[ \t\r]/.test(text)) text = text.slice(1);
  while (/[ \t\r]$/.test(text)) text = text.slice(0, -1);
  if (text === "") return { kind: "empty" };
  if (text.includes("\0")) return malformed("nul_byte");
  const isJson = format === "json" || (format === "auto" && text[0] === "{");
  return isJson ? readJson(text) : readCsv(text, columns);
}

function readJson(text: string): Outcome {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed("not_json");
  }
  if (Object.prototype.toString.call(value) !== "[object Object]") return malformed("not_json");
  return toRow(new Map(Object.entries(value)), text.replaceAll("\r", " "));
}

/** RFC 4180, one record: each field is quoted as a whole, or has no quote in it. */
const CSV_RECORD = /^(?:"(?:[^"]|"")*"|[^",]*)(?:,(?:"(?:[^"]|"")*"|[^",]*))*$/;

function readCsv(text: string, columns: readonly string[]): Outcome {
  if (!CSV_RECORD.test(text)) return malformed("csv_syntax");
  const cells = Papa.parse<string[]>(text, { delimiter: ",", newline: "\n" }).data[0]!;
  const names = cells.map((cell) => cell.trim().toLowerCase());
  if (FIELDS.every((field) => names.includes(field))) return { kind: "header", columns: names };
  if (cells.length !== columns.length) return malformed("csv_field_count");
  const cell = (field: string) => cells[columns.indexOf(field)]!;
  const json = Object.fromEntries(FIELDS.map((field) => [field, cell(field)] as const));
  return toRow(
    new Map<string, unknown>(FIELDS.map((field) => [field, cell(field)])),
    JSON.stringify({ ...json, status: Number(cell("status")) }),
  );
}

function toRow(fields: ReadonlyMap<string, unknown>, json: string): Outcome {
  if (FIELDS.some((field) => !fields.has(field))) return malformed("missing_field");
  const [timestamp, ip, method, url, status] = FIELDS.map((field) => fields.get(field));
  const isTextOrNumber = (value: unknown) => ["string", "number"].includes(typeof value);
  if (typeof ip !== "string" || typeof method !== "string" || typeof url !== "string") {
    return malformed("wrong_type");
  }
  if (!isTextOrNumber(timestamp) || !isTextOrNumber(status)) return malformed("wrong_type");
  const timeMs = readTime(String(timestamp));
  if (timeMs === undefined) return malformed("bad_timestamp");
  const ipBytes = new TextEncoder().encode(ip).length;
  if (ipBytes < 1 || ipBytes > 64) return malformed("bad_ip");
  if (!/^[1-5]\d\d$/.test(String(status))) return malformed("bad_status");
  return { kind: "row", timeMs, ip, url, status: Number(status), json };
}

/** Bare numbers by their digits, the rest by Temporal, which wants an offset as we do. */
function readTime(text: string): number | undefined {
  const digits = /^(\d+)(?:\.(\d*))?$/.exec(text);
  if (digits !== null) {
    const [, whole, fraction = ""] = digits;
    const timeMs = Number(whole) < 1e11
      ? Number(whole) * 1000 + Number(fraction.padEnd(3, "0").slice(0, 3))
      : Number(whole);
    return timeMs < Date.UTC(10_000, 0, 1) ? timeMs : undefined;
  }
  try {
    return text.includes("[") ? undefined : Temporal.Instant.from(text).epochMilliseconds;
  } catch {
    return undefined;
  }
}

function malformed(reason: string): Outcome {
  return { kind: "malformed", reason };
}

function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  return Map.groupBy(items, key);
}

function byNumber<T>(groups: ReadonlyMap<number, T>): [number, T][] {
  return [...groups].sort(([a], [b]) => a - b);
}
