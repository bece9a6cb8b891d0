/** One access-log record: what the generator writes and the analyzer reads. */
export interface LogRecord {
  /** Event time in milliseconds since the Unix epoch, UTC; may carry a fraction. */
  readonly timestampMs: number;
  /** The client, as opaque text of 1 to {@linkcode IP_BYTES_MAX} bytes: IPv4, IPv6, or a name. */
  readonly ip: string;
  /** HTTP method; empty where the server could not read the request line. */
  readonly method: string;
  /** Request target; empty where the server could not read the request line. */
  readonly url: string;
  /** HTTP status code, {@linkcode STATUS_MIN} to {@linkcode STATUS_MAX}. */
  readonly status: number;
}

/** The five keys of a record, in the order in which they are written. */
export const FIELD_NAMES = ["timestamp", "ip", "method", "url", "status"] as const;

/** One of the five keys of a record. */
export type FieldName = (typeof FIELD_NAMES)[number];

/** Longest client address that is accepted, in bytes of UTF-8. */
export const IP_BYTES_MAX = 64;

/** Lowest HTTP status code that is accepted. */
export const STATUS_MIN = 100;

/** Highest HTTP status code that is accepted. */
export const STATUS_MAX = 599;
