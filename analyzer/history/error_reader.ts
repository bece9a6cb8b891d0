import type { ErrorPlace } from "../sink/error_index.ts";
import type { DistinctCount } from "../window/window_summary.ts";

/** Reads stored errors back. A call rejects with a `StorageException` where a file cannot be read. */
export interface ErrorReader {
  /** Those that came in last first. */
  find(query: ErrorQuery): Promise<ErrorPage>;
  /**
   * Counts distinct clients by URL, of the errors whose windows start in a range: those that are
   * stored, so late ones too.
   */
  countClients(query: ClientQuery): Promise<ClientCounts>;
}

/** Which errors to look for. */
export interface ErrorQuery {
  /** Only errors whose event time is in `[fromMs, toMs)`. */
  readonly fromMs?: number | undefined;
  /** Where the range ends. */
  readonly toMs?: number | undefined;
  /** HTTP status. */
  readonly status?: number | undefined;
  /** As it is in lists of URLs, where a long one is cut. */
  readonly url?: string | undefined;
  /** As it is stored. */
  readonly ip?: string | undefined;
  /** A part of the stored line, whatever the case of its letters. */
  readonly text?: string | undefined;
  /** Most errors to return, at least 1. */
  readonly limit: number;
  /** Only what came in before this place: where the page before this one ended. */
  readonly before?: ErrorPlace | undefined;
}

/** One stored error. Its fields are `undefined` where the line, which others may change, has none. */
export interface StoredError {
  /** Event time, since the Unix epoch. */
  readonly timeMs: number | undefined;
  /** HTTP status. */
  readonly status: number | undefined;
  /** Method of the request; may be empty. */
  readonly method: string | undefined;
  /** Request target as it was logged, not cut. */
  readonly url: string | undefined;
  /** Client address as it is stored. */
  readonly ip: string | undefined;
  /** The whole object of its line. */
  readonly record: Readonly<Record<string, unknown>>;
}

/** One page of stored errors. */
export interface ErrorPage {
  /** What came in last is first. */
  readonly errors: readonly StoredError[];
  /** Where the next page begins; `undefined` where there is none. */
  readonly next: ErrorPlace | undefined;
  /** False where the page ends before it is full: enough was read, or found, for one answer. */
  readonly isComplete: boolean;
}

/** Whose clients to count. */
export interface ClientQuery {
  /** Only errors whose windows start in `[fromMs, toMs)`. */
  readonly fromMs: number;
  /** Where the range ends. */
  readonly toMs: number;
  /** As they are in lists, where long ones are cut. */
  readonly urls: readonly string[];
  /** Only errors with this status; any without. */
  readonly status?: number | undefined;
}

/** Distinct clients by URL. */
export interface ClientCounts {
  /** One a URL, in their order. */
  readonly clients: readonly DistinctCount[];
  /** False where enough was read for one answer before the range was at its end. */
  readonly isComplete: boolean;
}
