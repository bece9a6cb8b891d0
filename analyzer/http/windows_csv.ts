import { stringify } from "@std/csv/stringify";
import { escapeText } from "../../command_line/escape_text.ts";
import { toWindowJson } from "../window/window_json.ts";
import type { WindowSummary } from "../window/window_summary.ts";

/** The first line of windows as CSV. */
export function csvHeader(): string {
  return toCsv([COLUMNS]);
}

/** One line a window and status, under {@linkcode csvHeader}; a window without errors has one too. */
export function toCsvLines(window: WindowSummary): string {
  const { statuses, ...fields } = toWindowJson(window, { urlsMax: 1 });
  const cells = WINDOW_COLUMNS.map((column) => fields[column]);
  if (statuses.length === 0) return toCsv([[...cells, ...STATUS_COLUMNS.map(() => "")]]);
  return toCsv(statuses.map((status) => [
    ...cells,
    status.status,
    status.error_count,
    status.unique_ips,
    status.unique_ips_exact,
    status.urls_total,
    status.urls_total_exact,
    toTextCell(status.urls[0]?.url ?? ""),
    status.urls[0]?.count ?? "",
  ]));
}

/**
 * Text that a spreadsheet takes for text. An apostrophe stands before a sign that would begin a
 * formula: at the start of the cell, and behind a semicolon, which many a spreadsheet takes for the
 * end of a cell. What would do something on a terminal is escaped.
 */
export function toTextCell(text: string): string {
  return escapeText(text).replace(/(^|;)(?=\s*[=+\-@＝＋－＠])/g, "$1'");
}

function toCsv(rows: readonly (readonly unknown[])[]): string {
  return stringify(rows as unknown[][]);
}

const WINDOW_COLUMNS = [
  "start",
  "end",
  "state",
  "length_ms",
  "total_count",
  "error_count",
  "error_rate",
  "unique_ips",
  "unique_ips_exact",
  "late_count",
  "late_error_count",
] as const;

/** Those of one status; `status_` tells them from those of the window. */
const STATUS_COLUMNS = [
  "status",
  "status_error_count",
  "status_unique_ips",
  "status_unique_ips_exact",
  "status_urls_total",
  "status_urls_total_exact",
  "status_top_url",
  "status_top_url_count",
] as const;

const COLUMNS = [...WINDOW_COLUMNS, ...STATUS_COLUMNS];
