import type { WindowRangeReader } from "../history/window_range.ts";
import type { ErrorBlockStore } from "./error_index.ts";
import type { ClosedWindow, WindowSummary } from "../window/window_summary.ts";
import type { LateCounts } from "../window/late_counts.ts";

/** Which closed windows to read. */
export interface WindowQuery {
  /** Windows that start at or after this time, in milliseconds since the Unix epoch. */
  readonly fromMs?: number | undefined;
  /** Windows that start before this time. */
  readonly toMs?: number | undefined;
  /** Windows that start before this time: where the page before this one ended. */
  readonly beforeMs?: number | undefined;
  /** Only windows with errors of this status; other statuses are left out of their lists. */
  readonly status?: number | undefined;
  /** Most windows to return, at least 1. */
  readonly limit: number;
  /** Most URLs to list a status. */
  readonly urlsMax: number;
}

/** One page of closed windows, newest first. */
export interface WindowPage {
  /** Newest first. */
  readonly windows: readonly WindowSummary[];
  /** `beforeMs` of the next page; `undefined` on the last one. */
  readonly nextBeforeMs: number | undefined;
}

/** The reading half of the history of closed windows. Synchronous: SQLite is a local file. */
export interface WindowHistoryReader {
  /** Newest first. Windows are visible as soon as they are closed. */
  query(query: WindowQuery): WindowPage;
  /** The closed window that starts at `startMs`, if there is one. */
  get(startMs: number, options: { readonly urlsMax: number }): WindowSummary | undefined;
  /** Starts of the closed windows that start after a time, ascending; the first `limit` of them. */
  startsAfter(startMs: number, limit: number): readonly number[];
  /**
   * Closed windows that start in `[fromMs, toMs)` added up by spans of `spanMs`, which are aligned
   * to the epoch; spans without windows are left out. Cost: one look at each window.
   */
  sumBySpan(
    range: { readonly fromMs: number; readonly toMs: number; readonly spanMs: number },
  ): readonly SpanCounts[];
  /** Start of the oldest closed window; `undefined` where there is none. */
  oldestStartMs(): number | undefined;
  /** Reads ranges of windows, to be merged. */
  readonly ranges: WindowRangeReader;
  /** The same of the newest one. */
  newestStartMs(): number | undefined;
  /**
   * Whether closed windows have been put that cannot be seen here yet, since the storage refuses
   * them; a later commit will bring them.
   */
  readonly isBehind: boolean;
}

/** Counts of the windows that start in one span of time. */
export interface SpanCounts {
  /** First millisecond of the span. */
  readonly startMs: number;
  /** Rows in those windows, errors included. */
  readonly totalCount: number;
  /** Errors in those windows. */
  readonly errorCount: number;
}

/** Which windows {@linkcode WindowHistory.removeOld} removes. */
export interface RemovalOptions {
  /** Wall-clock time. */
  readonly nowMs: number;
  /** How long windows are kept. */
  readonly retentionMs: number;
  /** Most windows to remove, at least 1. */
  readonly windowsMax: number;
}

/** What {@linkcode WindowHistory.removeOld} has come to. */
export interface Removal {
  readonly windows: number;
  /** Whether it is worth a further call. */
  readonly hasMore: boolean;
  /** Whether there are more that can go once there is another checkpoint. */
  readonly isHeldBack: boolean;
}

/**
 * The history of closed windows. What is put stays together: all of it is there after a crash, or
 * nothing. It is there for sure once a {@linkcode sync} has followed its {@linkcode commit}; until
 * the commit it is visible to readers of this process only.
 */
export interface WindowHistory extends WindowHistoryReader, ErrorBlockStore {
  /** Stores a closed window; one with the same start is replaced, its late counts are kept. */
  put(window: ClosedWindow): void;
  /** Adds to the late counts of a stored window; rows for a window never stored are ignored. */
  addLate(late: LateCounts): void;
  /**
   * Ends what belongs to checkpoint number `epoch`: everything put so far.
   *
   * @param nowMs wall-clock time, from which on it counts as stored
   */
  commit(epoch: number, nowMs: number): void;
  /**
   * Does a few milliseconds of work by which ranges become cheaper to read, where there is any to
   * do. What the system refuses is left for the next time.
   */
  rollUp(): void;
  /** Makes everything committed durable. */
  sync(): Promise<void>;
  /**
   * Takes back whatever was committed by a checkpoint later than `epoch`, and goes on from there;
   * called once, before anything is put. Reaches back two commits at most.
   */
  rollBackTo(epoch: number): void;
  /**
   * Removes windows that have ended and been stored for so long, the oldest first, but for those that
   * recovery may take back. None while windows wait for a {@linkcode commit}.
   *
   * @throws {StorageException} where the system refuses it; then all of them are still there
   */
  removeOld(options: RemovalOptions): Removal;
  close(): void;
}
