import { stringify } from "@std/csv/stringify";
import { formatTimestamp } from "./format_timestamp.ts";
import { FIELD_NAMES, type LogRecord } from "./log_record.ts";

/** The header line of CSV, without a line ending. */
export const CSV_HEADER: string = FIELD_NAMES.join(",");

/**
 * A record as one line of CSV in the order of {@linkcode CSV_HEADER}, without a line ending.
 *
 * @throws {RangeError} if the time cannot be written (see {@linkcode formatTimestamp})
 */
export function formatCsvLine(record: LogRecord): string {
  const timestamp = formatTimestamp(record.timestampMs);
  const line = stringify([{ ...record, timestamp }], { columns: FIELD_NAMES, headers: false });
  // A log is read line by line, and its readers expect LF alone.
  return line.slice(0, -"\r\n".length);
}
