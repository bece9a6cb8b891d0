import { formatTimestamp } from "./format_timestamp.ts";
import type { LogRecord } from "./log_record.ts";

/**
 * A record as one line of JSON, without a line ending:
 * `{"timestamp": "2025-05-30T18:52:47.123456Z", "ip": "1.2.3.4", "method": "GET", "url": "/resource/42", "status": 404}`.
 *
 * @throws {RangeError} if the time cannot be written (see {@linkcode formatTimestamp})
 */
export function formatJsonLine(record: LogRecord): string {
  const fields = Object.entries({
    timestamp: formatTimestamp(record.timestampMs),
    ip: record.ip,
    method: record.method,
    url: record.url,
    status: record.status,
  });
  return `{${fields.map(([name, value]) => `"${name}": ${JSON.stringify(value)}`).join(", ")}}`;
}
