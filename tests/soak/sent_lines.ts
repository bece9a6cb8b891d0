import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import { LineDigest } from "./line_digest.ts";

/** How the lines are to be understood; the same meaning as the program's own options. */
export interface SentLinesOptions {
  readonly windowLengthMs: number;
  readonly latenessMs: number;
  readonly minStatus: number;
}

/** One window in plain numbers. Its rows are all there once it has closed; late ones may come. */
export interface SentWindow {
  readonly startMs: number;
  readonly totalCount: number;
  readonly errorCount: number;
  readonly lateCount: number;
  readonly lateErrorCount: number;
  /** Clients and URLs of the errors; gone once somebody has {@linkcode SentLines.forget} them. */
  readonly details: WindowDetails | undefined;
}

/** What of a window takes much room. */
export interface WindowDetails {
  readonly ips: ReadonlySet<string>;
  readonly statuses: ReadonlyMap<number, StatusDetails>;
}

/** The errors of a window that share a status. */
export interface StatusDetails {
  readonly errorCount: number;
  readonly ips: ReadonlySet<string>;
  readonly urls: ReadonlyMap<string, number>;
}

/** Lines so far, by what has to become of them; of malformed ones the sum of all reasons. */
export type SentTotals = Omit<TotalsJson, "malformed"> & { readonly malformed: number };

/**
 * What the lines of one input amount to while they are sent, row by row, the slow and obvious way.
 * It shares no code with the analyzer, and knows no more of lines than the generator can write:
 * JSON objects, and lines that are none.
 */
export class SentLines {
  /** The lines that the error files have to hold. */
  readonly errorLines = new LineDigest();
  readonly #options: SentLinesOptions;
  readonly #decoder = new TextDecoder();
  #tail = "";
  #highestMs = -Infinity;
  readonly #windows = new Map<number, Window>();
  readonly #totals = {
    bytes: 0,
    lines: 0,
    valid: 0,
    malformed: 0,
    in_windows: 0,
    late: 0,
    errors: 0,
    errors_in_windows: 0,
    late_errors: 0,
    errors_by_status: {} as Record<string, number>,
    // The generator writes nothing that would be one of these.
    oversized: 0,
    empty: 0,
    header: 0,
    partial: 0,
    future: 0,
    future_errors: 0,
  };

  constructor(options: SentLinesOptions) {
    this.#options = options;
  }

  /** Takes what is about to be sent; a line counts with its newline. */
  add(bytes: Uint8Array): void {
    this.#totals.bytes += bytes.length;
    const lines = (this.#tail + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#tail = lines.pop()!;
    for (const line of lines) this.#addLine(line);
  }

  /** The totals so far. What is returned is the object that goes on counting. */
  get totals(): SentTotals {
    return this.#totals;
  }

  /** All windows, in the order in which they were opened. */
  get windows(): readonly SentWindow[] {
    return [...this.#windows.values()];
  }

  /** The window that starts then. */
  window(startMs: number): SentWindow | undefined {
    return this.#windows.get(startMs);
  }

  /** Lets go of the details of a window, so that a long run does not collect them. */
  forget(startMs: number): void {
    const window = this.#windows.get(startMs);
    if (window !== undefined) window.details = undefined;
  }

  #addLine(line: string): void {
    const totals = this.#totals;
    totals.lines++;
    const row = readRow(line);
    if (row === undefined) {
      totals.malformed++;
      return;
    }
    totals.valid++;
    const { windowLengthMs, latenessMs, minStatus } = this.#options;
    const isError = row.status >= minStatus;
    const startMs = Math.floor(row.timeMs / windowLengthMs) * windowLengthMs;
    const isLate = this.#highestMs - latenessMs >= startMs + windowLengthMs;
    this.#highestMs = Math.max(this.#highestMs, row.timeMs);
    let window = this.#windows.get(startMs);
    if (isLate) {
      totals.late++;
      if (window !== undefined) window.lateCount++;
    } else {
      totals.in_windows++;
      if (window === undefined) this.#windows.set(startMs, window = newWindow(startMs));
      window.totalCount++;
    }
    if (!isError) return;
    totals.errors++;
    totals.errors_by_status[row.status] = (totals.errors_by_status[row.status] ?? 0) + 1;
    this.errorLines.add(line);
    if (isLate) {
      totals.late_errors++;
      if (window !== undefined) window.lateErrorCount++;
      return;
    }
    totals.errors_in_windows++;
    window!.errorCount++;
    addDetails(window!.details!, row);
  }
}

interface Window extends SentWindow {
  totalCount: number;
  errorCount: number;
  lateCount: number;
  lateErrorCount: number;
  details: Details | undefined;
}

interface Details extends WindowDetails {
  readonly ips: Set<string>;
  readonly statuses: Map<number, Status>;
}

interface Status extends StatusDetails {
  errorCount: number;
  readonly ips: Set<string>;
  readonly urls: Map<string, number>;
}

function newWindow(startMs: number): Window {
  const details = { ips: new Set<string>(), statuses: new Map<number, Status>() };
  return { startMs, totalCount: 0, errorCount: 0, lateCount: 0, lateErrorCount: 0, details };
}

function addDetails({ ips, statuses }: Details, { status, ip, url }: Row): void {
  let entry = statuses.get(status);
  if (entry === undefined) {
    statuses.set(status, entry = { errorCount: 0, ips: new Set(), urls: new Map() });
  }
  entry.errorCount++;
  entry.ips.add(ip);
  entry.urls.set(url, (entry.urls.get(url) ?? 0) + 1);
  ips.add(ip);
}

interface Row {
  readonly timeMs: number;
  readonly ip: string;
  readonly url: string;
  readonly status: number;
}

/** The row that a line of the generator is; nothing where it is malformed. */
function readRow(line: string): Row | undefined {
  // What the decoder puts in the place of bytes that are no UTF-8.
  if (line.includes("\uFFFD")) return undefined;
  let record;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { timestamp, ip, url, status } = record;
  const timeMs = Date.parse(timestamp);
  if (Number.isNaN(timeMs) || !(status >= 100 && status <= 599)) return undefined;
  return { timeMs, ip, url, status };
}
