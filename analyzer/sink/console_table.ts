import { escapeText } from "../../command_line/escape_text.ts";
import { counted } from "../counted.ts";
import type { DistinctCount, StatusSummary, WindowSummary } from "../window/window_summary.ts";

/** How much of a window is shown. */
export interface WindowTableOptions {
  /** Most rows of the table, which has one row a status. */
  readonly rowsMax: number;
  /** Whether the URLs of the statuses in the table are listed below it. */
  readonly showUrls: boolean;
  /** Most URLs that are listed a status. */
  readonly urlsMax: number;
}

/** Longest part of a URL that is shown, in characters; a request line may hold kilobytes. */
const URL_LENGTH_MAX = 200;

const HEADER = ["window", "status", "error_count", "unique_ips"];

/**
 * A window as Spark prints one: a table with one row a status, the URLs if asked for, a line with
 * the counts of the whole window, and an empty line. Times are UTC; a `~` marks what is estimated.
 * What strangers wrote is escaped.
 */
export function formatWindowTable(window: WindowSummary, options: WindowTableOptions): string {
  const interval = `{${formatTime(window.startMs)}, ${
    formatTime(window.startMs + window.lengthMs)
  }}`;
  const shown = window.statuses.slice(0, options.rowsMax);
  const rows = shown.map(({ status, errorCount, uniqueIps }) => [
    interval,
    String(status),
    String(errorCount),
    formatDistinct(uniqueIps),
  ]);
  const lines = renderTable(HEADER, rows);
  if (shown.length < window.statuses.length) {
    lines.push(` … ${window.statuses.length - shown.length} more`);
  }
  if (options.showUrls) {
    lines.push(...shown.flatMap((status) => formatUrls(status, options.urlsMax)));
  }
  const summary = formatSummary(window);
  // A table without rows does not say which window it is.
  lines.push(rows.length === 0 ? `${interval}: ${summary}` : summary);
  return `${lines.join("\n")}\n\n`;
}

function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]!.length))
  );
  const border = `+${widths.map((width) => "-".repeat(width)).join("+")}+`;
  const renderRow = (cells: readonly string[]) =>
    `|${cells.map((cell, column) => cell.padEnd(widths[column]!)).join("|")}|`;
  return [border, renderRow(header), border, ...rows.map(renderRow), border];
}

function formatUrls({ status, urls, urlsTotal }: StatusSummary, urlsMax: number): string[] {
  const shown = urls.slice(0, urlsMax);
  const counts = shown.map(({ count, countErrorMax }) =>
    countErrorMax > 0 ? `~${count}` : `${count}`
  );
  const width = Math.max(0, ...counts.map((count) => count.length));
  const lines = shown.map(({ url }, index) => {
    const shownUrl = url === "" ? "(empty)" : escapeText(url, { lengthMax: URL_LENGTH_MAX });
    return ` ${status}  ${counts[index]!.padStart(width)}  ${shownUrl}`;
  });
  // An estimate may be lower than what is known for certain: the URLs of the list.
  const count = Math.max(urlsTotal.count, urls.length) - shown.length;
  if (count > 0) lines.push(` ${status}  … ${formatDistinct({ ...urlsTotal, count })} more`);
  return lines;
}

function formatSummary(window: WindowSummary): string {
  const { totalCount, errorCount, uniqueIps, lateCount, lateErrorCount } = window;
  const parts = [counted(totalCount, "row")];
  if (errorCount === 0) {
    parts.push("no errors");
  } else {
    const percent = Number((100 * errorCount / totalCount).toPrecision(3));
    parts.push(
      `${counted(errorCount, "error")} (${percent}%)`,
      `${formatDistinct(uniqueIps)} unique ${uniqueIps.count === 1 ? "IP" : "IPs"}`,
    );
  }
  if (lateCount > 0) parts.push(`${lateCount} late (${counted(lateErrorCount, "error")})`);
  return parts.join(", ");
}

function formatDistinct({ count, isExact }: DistinctCount): string {
  return isExact ? String(count) : `~${count}`;
}

/** `YYYY-MM-DD HH:MM:SS` in UTC, with milliseconds only where there are any. */
function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace("T", " ").replace("Z", "").replace(/\.000$/, "");
}
