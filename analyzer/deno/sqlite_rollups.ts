import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PieceMeter, type Pieces } from "../history/pieces.ts";
import { type MergedStatus, RangeMerger, SORTED_URL_BYTES } from "../history/range_merger.ts";
import type {
  RangeSums,
  StatusPart,
  UrlColumns,
  WindowPart,
  WindowRangeReader,
} from "../history/window_range.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { prepareStatements } from "./prepare_statements.ts";

/**
 * Ranges of windows in SQLite, and what makes them cheap to read: roll-ups, which are windows of
 * five minutes, an hour, six hours and a day that were merged before. A month of windows of 30 s is
 * 86,400 of them, and three days, three hours and some windows in roll-ups.
 *
 * Roll-ups are derived from the windows. Triggers of the database drop those that cover a window
 * that is put, replaced or deleted, by whomever, in the same transaction, and note them as due; so
 * one that is there is right, whatever crash or recovery came before.
 */
export class SqliteRollups implements WindowRangeReader {
  readonly windowLengthMs: number;
  readonly #statements: Record<keyof typeof SQL, StatementSync>;
  /** Lengths of roll-ups, the longest first. */
  readonly #levelsMs: readonly number[];
  readonly #urlsMax: number;
  #building: Building | undefined;

  /**
   * @param keeps false where there is too little to be worth it
   * @param urlsMax URLs that a roll-up lists a status
   */
  constructor(
    database: DatabaseSync,
    windowLengthMs: number,
    { keeps, urlsMax }: { readonly keeps: boolean; readonly urlsMax: number },
  ) {
    this.windowLengthMs = windowLengthMs;
    this.#urlsMax = urlsMax;
    this.#statements = prepareStatements(database, SQL);
    this.#levelsMs = keeps ? rollupLevels(windowLengthMs) : [];
  }

  /**
   * Has roll-ups of these lengths kept from now on, in a new database or one of an earlier version;
   * within a transaction. Those of other lengths, which another version has left, would not be kept
   * right any more.
   */
  keepLevels(): void {
    const length = this.windowLengthMs;
    const known = this.#statements.levels.all(length).map((row) => row["level_ms"]);
    if (known.join() === this.#levelsMs.join()) return;
    this.#statements.forgetLevels.run(length);
    this.#statements.forgetRollups.run(length);
    this.#statements.forgetDue.run(length);
    for (const level of this.#levelsMs) {
      this.#statements.addLevel.run(length, level);
      this.#statements.markAll.run({ length, level });
    }
  }

  sum(fromMs: number, toMs: number): RangeSums {
    const range = { from: fromMs, to: toMs, length: this.windowLengthMs };
    const row = this.#statements.sum.get(range) as unknown as SumRow;
    return {
      windows: row.windows,
      totalCount: row.total_count,
      errorCount: row.error_count,
      lateCount: row.late_count,
      lateErrorCount: row.late_error_count,
    };
  }

  newestStart(fromMs: number, toMs: number, status?: number): number | undefined {
    const range = { from: fromMs, to: toMs, length: this.windowLengthMs };
    const row = status === undefined
      ? this.#statements.newest.get(range)
      : this.#statements.newestOfStatus.get({ ...range, status });
    return row?.["start_ms"] as number | undefined;
  }

  gridMs(stepMs: number): number {
    return this.#levelsMs.find((levelMs) => levelMs <= stepMs) ?? this.windowLengthMs;
  }

  *parts(fromMs: number, toMs: number): Generator<WindowPart> {
    const length = this.windowLengthMs;
    for (let atMs = fromMs; atMs < toMs;) {
      const oldest = this.#statements.oldest.get({ from: atMs, to: toMs, length });
      if (oldest === undefined) return;
      const windowMs = oldest["start_ms"] as number;
      const part = this.#rollupAround(windowMs, atMs, toMs) ?? this.#window(windowMs);
      yield part;
      atMs = part.endMs;
    }
  }

  /** Whether the next piece of a roll-up that is due can be made; begins it where it can. */
  get isDue(): boolean {
    if (this.#building !== undefined) return true;
    const newestMs = this.newestStart(-TIME_MAX_MS, TIME_MAX_MS);
    if (newestMs === undefined) return false;
    // The shorter first: the longer are made of them.
    for (const levelMs of [...this.#levelsMs].reverse()) {
      const due = this.#statements.due.get({
        length: this.windowLengthMs,
        level: levelMs,
        // Windows close in order: behind one that starts at its end, none comes any more.
        latest: newestMs - levelMs,
      });
      if (due === undefined) continue;
      const startMs = due["start_ms"] as number;
      const pieces = this.#merge(startMs, startMs + levelMs);
      this.#building = { levelMs, startMs, changes: due["changes"] as number, pieces };
      return true;
    }
    return false;
  }

  /** Makes the next piece, and with the last one stores the roll-up; within a transaction. */
  advance(): void {
    const building = this.#building;
    if (building === undefined) return;
    const rows = nextPiece(building.pieces);
    if (rows === "unfinished") return;
    this.#building = undefined;
    const { levelMs, startMs, changes } = building;
    const key = [this.windowLengthMs, levelMs, startMs] as const;
    // Where a window has changed meanwhile, it stays due, and is made anew.
    if (this.#statements.settle.run(...key, changes).changes === 0) return;
    if (rows === "unreadable") return;
    // Without any windows there is nothing to merge: all were deleted.
    if (this.newestStart(startMs, startMs + levelMs) === undefined) return;
    this.#statements.putRollup.run(...key);
    for (const row of rows) this.#statements.putStatus.run(...key, ...row);
  }

  /** Gives up the roll-up that is being made: what it was made of is taken back. */
  reset(): void {
    this.#building = undefined;
  }

  /** Merges the windows of a roll-up to the rows of its statuses, without the key. */
  *#merge(fromMs: number, toMs: number): Pieces<StatusColumns[]> {
    const meter = new PieceMeter();
    const merger = new RangeMerger(this.windowLengthMs);
    yield* merger.addAll(this.parts(fromMs, toMs), meter);
    const rows: StatusColumns[] = [];
    for (const status of merger.statuses) {
      if (meter.isDue(status.urls.size * SORTED_URL_BYTES)) yield;
      rows.push(this.#statusColumns(status, fromMs));
    }
    return rows;
  }

  #statusColumns({ status, errorCount, ips, urls }: MergedStatus, startMs: number): StatusColumns {
    urls.cut(this.#urlsMax);
    const listed = urls.top(this.#urlsMax, errorCount);
    const inWindows = (timeMs: number) => (timeMs - startMs) / this.windowLengthMs;
    const isExact = listed.every(({ countErrorMax }) => countErrorMax === 0);
    const columns: UrlColumns = {
      urls: listed.map(({ url }) => url),
      counts: listed.map(({ count }) => count),
      countErrorsMax: isExact ? [] : listed.map(({ countErrorMax }) => countErrorMax),
      firsts: listed.map(({ firstMs }) => inWindows(firstMs)),
      lasts: listed.map(({ lastMs }) => inWindows(lastMs) - 1),
      unlistedMax: Math.min(urls.unlistedMax, errorCount),
    };
    const { count: total, isExact: isTotalExact } = urls.total();
    return [
      status,
      errorCount,
      ips.toBytes(),
      JSON.stringify(columns),
      total,
      Number(isTotalExact),
      urls.sketch(),
    ];
  }

  /** The longest roll-up that holds this window and lies within the range. */
  #rollupAround(windowMs: number, fromMs: number, toMs: number): WindowPart | undefined {
    for (const levelMs of this.#levelsMs) {
      const startMs = Math.floor(windowMs / levelMs) * levelMs;
      const endMs = startMs + levelMs;
      if (startMs < fromMs || endMs > toMs) continue;
      const key = [this.windowLengthMs, levelMs, startMs] as const;
      if (this.#statements.hasRollup.get(...key) === undefined) continue;
      const rows = this.#statements.rollupStatuses.all(...key) as unknown as RollupRow[];
      return { startMs, endMs, statuses: rows.map(rollupStatus) };
    }
    return undefined;
  }

  #window(startMs: number): WindowPart {
    const endMs = startMs + this.windowLengthMs;
    const rows = this.#statements.windowStatuses.all(startMs, this.windowLengthMs);
    return { startMs, endMs, statuses: (rows as unknown as WindowStatusRow[]).map(windowStatus) };
  }
}

/** A roll-up that is being made. */
interface Building {
  readonly levelMs: number;
  readonly startMs: number;
  /** How often it had become due when it was begun. */
  readonly changes: number;
  readonly pieces: Pieces<StatusColumns[]>;
}

/** A row of `rollup_statuses` without its key, in the order of its columns. */
type StatusColumns = (number | string | Uint8Array)[];

/**
 * Does the next piece. A window that somebody has damaged must not stop the program: what it is part
 * of stays without a roll-up, and whoever reads it learns what is wrong with it.
 */
function nextPiece<Result>(pieces: Pieces<Result>): Result | "unfinished" | "unreadable" {
  try {
    const step = pieces.next();
    return step.done === true ? step.value : "unfinished";
  } catch (exception) {
    // What JSON.parse(), a sketch, and a list that is none throw; SQLite throws none of them.
    if (exception instanceof SyntaxError) return "unreadable";
    if (exception instanceof RangeError || exception instanceof TypeError) return "unreadable";
    throw exception;
  }
}

/**
 * Lengths of the roll-ups of windows of this length, the longest first: as near to five minutes, an
 * hour, six hours and a day as whole windows come, where each spares reading at least four others.
 */
export function rollupLevels(windowLengthMs: number): number[] {
  const levels: number[] = [];
  let previousMs = windowLengthMs;
  for (const lengthMs of [5, 60, 6 * 60, 24 * 60].map((minutes) => minutes * 60_000)) {
    const levelMs = Math.ceil(lengthMs / windowLengthMs) * windowLengthMs;
    if (levelMs < 4 * previousMs) continue;
    levels.unshift(levelMs);
    previousMs = levelMs;
  }
  return levels;
}

function rollupStatus(row: RollupRow): StatusPart {
  return {
    status: row.status,
    errorCount: row.error_count,
    ipSketch: row.sketch,
    urls: () => JSON.parse(row.urls),
    urlsTotal: { count: row.urls_total, isExact: row.urls_total_exact === 1 },
    urlSketch: row.url_sketch,
    urlsBytes: row.urls.length,
  };
}

function windowStatus(row: WindowStatusRow): StatusPart {
  const total = { count: row.urls_total, isExact: row.urls_total_exact === 1 };
  return {
    status: row.status,
    errorCount: row.error_count,
    ipSketch: row.sketch,
    urls() {
      const listed = [...parseUrls(row.top_urls), ...parseUrls(row.other_urls)];
      const isWhole = total.isExact && listed.length >= total.count;
      return {
        urls: listed.map(([url]) => url),
        counts: listed.map(([, count]) => count),
        countErrorsMax: listed.map(([, , countErrorMax]) => countErrorMax),
        firsts: [],
        lasts: [],
        // What the space-saving algorithm left out had at most as many as its least frequent one.
        unlistedMax: isWhole ? 0 : listed.at(-1)?.[1] ?? 0,
      };
    },
    urlsTotal: total,
    urlSketch: undefined,
    urlsBytes: row.top_urls.length + row.other_urls.length,
  };
}

function parseUrls(text: string): [string, number, number][] {
  return JSON.parse(text);
}

interface SumRow {
  readonly windows: number;
  readonly total_count: number;
  readonly error_count: number;
  readonly late_count: number;
  readonly late_error_count: number;
}

interface RollupRow {
  readonly status: number;
  readonly error_count: number;
  readonly sketch: Uint8Array;
  readonly urls: string;
  readonly urls_total: number;
  readonly urls_total_exact: number;
  readonly url_sketch: Uint8Array;
}

interface WindowStatusRow {
  readonly status: number;
  readonly error_count: number;
  readonly sketch: Uint8Array;
  readonly top_urls: string;
  readonly other_urls: string;
  readonly urls_total: number;
  readonly urls_total_exact: number;
}

/** The roll-up of a level that holds a window: times before 1970 are negative. */
const START_OF_LEVEL = (window: string) =>
  `${window}.start_ms - (${window}.start_ms % level_ms + level_ms) % level_ms`;

const CHANGED = (window: string) => `
  DELETE FROM rollups WHERE (length_ms, level_ms, start_ms) IN
    (SELECT length_ms, level_ms, ${START_OF_LEVEL(window)} FROM rollup_levels
     WHERE length_ms = ${window}.length_ms);
  INSERT INTO rollups_due SELECT length_ms, level_ms, ${START_OF_LEVEL(window)}, 1
    FROM rollup_levels WHERE length_ms = ${window}.length_ms
    ON CONFLICT DO UPDATE SET changes = changes + 1;`;

/** The tables of roll-ups, and the triggers that keep them right. */
export const ROLLUP_SCHEMA = `
-- Lengths of the roll-ups that are kept of windows of a length.
CREATE TABLE rollup_levels (
  length_ms INTEGER NOT NULL,
  level_ms INTEGER NOT NULL,
  PRIMARY KEY (length_ms, level_ms)
) STRICT, WITHOUT ROWID;

-- A roll-up stands for all windows that start in [start_ms, start_ms + level_ms).
CREATE TABLE rollups (
  length_ms INTEGER NOT NULL,
  level_ms INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  PRIMARY KEY (length_ms, level_ms, start_ms)
) STRICT, WITHOUT ROWID;

-- Its errors by status. "sketch" is a DistinctCounter of client addresses; "urls" are columns in
-- JSON: the URLs, their counts, and the first and last window of each, in windows from the start on;
-- a URL that is not listed has "unlistedMax" errors at most. "url_sketch" is a DistinctCounter of
-- all that were listed of the windows.
CREATE TABLE rollup_statuses (
  length_ms INTEGER NOT NULL,
  level_ms INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error_count INTEGER NOT NULL,
  sketch BLOB NOT NULL,
  urls TEXT NOT NULL,
  urls_total INTEGER NOT NULL,
  urls_total_exact INTEGER NOT NULL,
  url_sketch BLOB NOT NULL,
  PRIMARY KEY (length_ms, level_ms, start_ms, status)
) STRICT;

-- Roll-ups that have to be made, and how often their windows have changed since the last time.
CREATE TABLE rollups_due (
  length_ms INTEGER NOT NULL,
  level_ms INTEGER NOT NULL,
  start_ms INTEGER NOT NULL,
  changes INTEGER NOT NULL,
  PRIMARY KEY (length_ms, level_ms, start_ms)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER rollups_deleted AFTER DELETE ON rollups BEGIN
  DELETE FROM rollup_statuses WHERE length_ms = OLD.length_ms AND level_ms = OLD.level_ms
    AND start_ms = OLD.start_ms;
END;
CREATE TRIGGER window_put AFTER INSERT ON windows BEGIN ${CHANGED("NEW")} END;
CREATE TRIGGER window_replaced AFTER UPDATE OF total_count ON windows BEGIN ${CHANGED("NEW")} END;
CREATE TRIGGER window_deleted AFTER DELETE ON windows BEGIN ${CHANGED("OLD")} END;
`;

const KEY = "length_ms = ? AND level_ms = ? AND start_ms = ?";
const RANGE = "start_ms >= :from AND start_ms < :to AND length_ms = :length";

const SQL = {
  levels: "SELECT level_ms FROM rollup_levels WHERE length_ms = ? ORDER BY level_ms DESC",
  forgetLevels: "DELETE FROM rollup_levels WHERE length_ms = ?",
  forgetRollups: "DELETE FROM rollups WHERE length_ms = ?",
  forgetDue: "DELETE FROM rollups_due WHERE length_ms = ?",
  addLevel: "INSERT INTO rollup_levels VALUES (?, ?)",
  markAll: `
    INSERT INTO rollups_due
    SELECT DISTINCT length_ms, :level, start_ms - (start_ms % :level + :level) % :level, 1
    FROM windows WHERE length_ms = :length ON CONFLICT DO NOTHING`,
  sum: `
    SELECT count(*) AS windows, total(total_count) AS total_count, total(error_count) AS error_count,
      total(late_count) + (SELECT total(late_count) FROM window_late l
        WHERE l.${RANGE.replaceAll(" AND ", " AND l.")}) AS late_count,
      total(late_error_count) + (SELECT total(late_error_count) FROM window_late l
        WHERE l.${RANGE.replaceAll(" AND ", " AND l.")}) AS late_error_count
    FROM windows WHERE ${RANGE}`,
  oldest: `SELECT start_ms FROM windows WHERE ${RANGE} ORDER BY start_ms LIMIT 1`,
  newest: `SELECT start_ms FROM windows WHERE ${RANGE} ORDER BY start_ms DESC LIMIT 1`,
  newestOfStatus: `
    SELECT start_ms FROM window_statuses WHERE status = :status AND ${RANGE}
    ORDER BY start_ms DESC LIMIT 1`,
  windowStatuses: `
    SELECT status, error_count, sketch, top_urls, other_urls, urls_total, urls_total_exact
    FROM window_statuses WHERE start_ms = ? AND length_ms = ? ORDER BY status`,
  hasRollup: `SELECT 1 FROM rollups WHERE ${KEY}`,
  rollupStatuses: `
    SELECT status, error_count, sketch, urls, urls_total, urls_total_exact, url_sketch
    FROM rollup_statuses WHERE ${KEY} ORDER BY status`,
  due: `
    SELECT start_ms, changes FROM rollups_due
    WHERE length_ms = :length AND level_ms = :level AND start_ms <= :latest
    ORDER BY start_ms LIMIT 1`,
  settle: `DELETE FROM rollups_due WHERE ${KEY} AND changes = ?`,
  putRollup: "INSERT INTO rollups VALUES (?, ?, ?)",
  putStatus: "INSERT INTO rollup_statuses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
} as const;
