import { concatBytes, jsonLine, MALFORMED_LINES } from "../support/log_lines.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";

/** What a log is made of, and where its times begin. */
export interface TrafficOptions {
  /** Part of every URL, so that each error row of all logs can be told from the others. */
  readonly name: string;
  readonly lines: number;
  readonly startMs: number;
}

/**
 * A log with all that may be wrong with one: rows late, twice, out of order and from the future,
 * an hour without any, times that begin again, lines of several layouts and of none at all, of one
 * that is too long. Every error row has a URL of its own.
 */
export function traffic(random: Mulberry32, options: TrafficOptions): Uint8Array {
  const { name, startMs } = options;
  const lines: Uint8Array[] = [];
  let timeMs = startMs;
  let errors = 0;
  const malformed = Object.values(MALFORMED_LINES).flat();
  while (lines.length < options.lines) {
    timeMs += random.below(200);
    const dice = random.next();
    if (dice < 0.004) timeMs += 3_600_000;
    if (dice > 0.996) timeMs = startMs;
    if (dice < 0.1) {
      lines.push(bytesOf(random.pick([...malformed, "", "\r", "x".repeat(LINE_BYTES_MAX + 1)])));
      continue;
    }
    const wrongMs = random.pick([0, 0, 0, 0, 0, -300, -800, -5000, 400]);
    const isError = random.next() < 0.5;
    const record = {
      timestampMs: timeMs + wrongMs,
      ip: `192.0.2.${random.below(20)}`,
      url: isError ? `/${name}/${errors++}${random.pick(["", "/ü", "/日本", '?q="a,b"'])}` : "/",
      status: isError ? random.pick([400, 404, 404, 500, 503]) : random.pick([200, 301]),
    };
    const line = random.next() < 0.6 ? jsonLine(record) : csvLine(record);
    lines.push(bytesOf(random.next() < 0.1 ? `${line}\r` : line));
    // Somebody sends a row that is no error twice; a URL of an error stands for one row only.
    if (!isError && random.next() < 0.05) lines.push(bytesOf(line));
  }
  const newline = Uint8Array.of(0x0a);
  return concatBytes(lines.flatMap((line) => [line, newline]));
}

/** Longest line that is read; lines of the traffic are either shorter or one byte longer. */
export const LINE_BYTES_MAX = 400;

function csvLine(
  { timestampMs, ip, url, status }: {
    timestampMs: number;
    ip: string;
    url: string;
    status: number;
  },
): string {
  const time = new Date(timestampMs).toISOString();
  return `${time},${ip},GET,"${url.replaceAll('"', '""')}",${status}`;
}

function bytesOf(line: string | Uint8Array): Uint8Array {
  return typeof line === "string" ? new TextEncoder().encode(line) : line;
}
