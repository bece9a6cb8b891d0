import type { DatabaseSync, StatementSync } from "node:sqlite";
import { prepareStatements } from "./prepare_statements.ts";
import { ROLLUP_SCHEMA } from "./sqlite_rollups.ts";

/** Version of the tables, kept as SQLite's `user_version`. */
export const SCHEMA_VERSION = 2;

const TABLES = `
-- One row a closed window. Times are ms since the Unix epoch, UTC. A row belongs to the checkpoint
-- number "epoch": recovery from an earlier one deletes it. "stored_ms" is the wall-clock time of that
-- checkpoint; programs that do not know the column leave it empty.
CREATE TABLE windows (
  start_ms INTEGER NOT NULL,
  length_ms INTEGER NOT NULL,
  total_count INTEGER NOT NULL,
  error_count INTEGER NOT NULL,
  unique_ips INTEGER NOT NULL,
  unique_ips_exact INTEGER NOT NULL,
  late_count INTEGER NOT NULL DEFAULT 0,
  late_error_count INTEGER NOT NULL DEFAULT 0,
  epoch INTEGER NOT NULL,
  stored_ms INTEGER,
  PRIMARY KEY (start_ms, length_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX windows_by_epoch ON windows (epoch);
CREATE INDEX windows_by_stored ON windows (stored_ms);

-- Errors of a window by status. "sketch" is a DistinctCounter of client addresses; "top_urls" are
-- the most frequent URLs as JSON [[url, count, count_error_max], ...], "other_urls" those after.
CREATE TABLE window_statuses (
  start_ms INTEGER NOT NULL,
  length_ms INTEGER NOT NULL,
  status INTEGER NOT NULL,
  error_count INTEGER NOT NULL,
  unique_ips INTEGER NOT NULL,
  unique_ips_exact INTEGER NOT NULL,
  sketch BLOB NOT NULL,
  top_urls TEXT NOT NULL,
  other_urls TEXT NOT NULL,
  urls_total INTEGER NOT NULL,
  urls_total_exact INTEGER NOT NULL,
  PRIMARY KEY (start_ms, length_ms, status)
) STRICT;
CREATE INDEX window_statuses_by_status ON window_statuses (status, start_ms);

-- Late rows of the latest checkpoints, apart from "windows" so that they can be taken back too;
-- older ones are added up into it.
CREATE TABLE window_late (
  start_ms INTEGER NOT NULL,
  length_ms INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  late_count INTEGER NOT NULL,
  late_error_count INTEGER NOT NULL,
  PRIMARY KEY (start_ms, length_ms, epoch)
) STRICT, WITHOUT ROWID;
`;

/** What a database of an earlier program lacks, which needs no other version. */
export const ADD_STORED = `
ALTER TABLE windows ADD COLUMN stored_ms INTEGER;
CREATE INDEX windows_by_stored ON windows (stored_ms);
`;

/** What a version lacks that the next one has: the first entry leads from 1 to 2. */
export const MIGRATIONS: readonly string[] = [`
${ROLLUP_SCHEMA}
-- Of each piece of an error file, some megabytes long, between which times the windows of its rows
-- start. Derived from the files: what is missing is read there.
CREATE TABLE error_blocks (
  part INTEGER NOT NULL,
  path TEXT NOT NULL,
  start_bytes INTEGER NOT NULL,
  end_bytes INTEGER NOT NULL,
  min_ms INTEGER NOT NULL,
  max_ms INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  PRIMARY KEY (part, start_bytes)
) STRICT, WITHOUT ROWID;
CREATE INDEX error_blocks_by_epoch ON error_blocks (epoch);
`];

/** All tables of the latest version. */
export const SCHEMA: string = [TABLES, ...MIGRATIONS].join("");

/** Every statement that the history makes use of, by its name. */
export function prepare(database: DatabaseSync): Record<StatementName, StatementSync> {
  return prepareStatements(database, SQL);
}

const WINDOW_COLUMNS = `
  start_ms, length_ms, total_count, error_count, unique_ips, unique_ips_exact,
  late_count + (SELECT coalesce(sum(l.late_count), 0) FROM window_late l
    WHERE l.start_ms = w.start_ms AND l.length_ms = w.length_ms) AS late_count,
  late_error_count + (SELECT coalesce(sum(l.late_error_count), 0) FROM window_late l
    WHERE l.start_ms = w.start_ms AND l.length_ms = w.length_ms) AS late_error_count`;

type StatementName = keyof typeof SQL;

const SQL = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  rollBack: "ROLLBACK",
  putWindow: `
    INSERT INTO windows (start_ms, length_ms, total_count, error_count, unique_ips,
      unique_ips_exact, epoch)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET total_count = excluded.total_count,
      error_count = excluded.error_count, unique_ips = excluded.unique_ips,
      unique_ips_exact = excluded.unique_ips_exact, epoch = excluded.epoch`,
  setStored: "UPDATE windows SET stored_ms = :now WHERE epoch = :epoch",
  setStoredByEnd: "UPDATE windows SET stored_ms = start_ms + length_ms WHERE stored_ms IS NULL",
  old: `
    SELECT start_ms, length_ms, epoch FROM windows
    WHERE stored_ms < :before AND (start_ms + length_ms < :before OR start_ms > :never)
    LIMIT :limit`,
  deleteWindow: "DELETE FROM windows WHERE start_ms = ? AND length_ms = ?",
  deleteLate: "DELETE FROM window_late WHERE start_ms = ? AND length_ms = ?",
  deleteStatuses: "DELETE FROM window_statuses WHERE start_ms = ? AND length_ms = ?",
  putStatus: "INSERT INTO window_statuses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  addLate: `
    INSERT INTO window_late SELECT :start, :length, :epoch, :count, :errors
    WHERE EXISTS (SELECT 1 FROM windows WHERE start_ms = :start AND length_ms = :length)
    ON CONFLICT DO UPDATE SET late_count = late_count + excluded.late_count,
      late_error_count = late_error_count + excluded.late_error_count`,
  foldLate: `
    UPDATE windows SET late_count = late_count + l.count,
      late_error_count = late_error_count + l.errors
    FROM (SELECT start_ms, length_ms, sum(late_count) AS count, sum(late_error_count) AS errors
      FROM window_late WHERE epoch <= :settled GROUP BY start_ms, length_ms) l
    WHERE windows.start_ms = l.start_ms AND windows.length_ms = l.length_ms`,
  deleteFolded: "DELETE FROM window_late WHERE epoch <= ?",
  deleteStatusesAfter: `
    DELETE FROM window_statuses WHERE (start_ms, length_ms) IN
      (SELECT start_ms, length_ms FROM windows WHERE epoch > ?)`,
  deleteWindowsAfter: "DELETE FROM windows WHERE epoch > ?",
  deleteErrorBlocksAfter: "DELETE FROM error_blocks WHERE epoch > ?",
  putErrorBlock: "INSERT OR REPLACE INTO error_blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
  forgetErrorPart: "DELETE FROM error_blocks WHERE part = ?",
  errorBlocks: `
    SELECT part, path, start_bytes AS startBytes, end_bytes AS endBytes, min_ms AS minMs,
      max_ms AS maxMs
    FROM error_blocks ORDER BY part, start_bytes`,
  deleteLateAfter: "DELETE FROM window_late WHERE epoch > ?",
  oldestKept: "SELECT start_ms FROM windows ORDER BY start_ms DESC LIMIT 1 OFFSET :others",
  forgetWindows: "DELETE FROM windows WHERE start_ms < :oldest",
  forgetStatuses: "DELETE FROM window_statuses WHERE start_ms < :oldest",
  forgetLate: "DELETE FROM window_late WHERE start_ms < :oldest",
  one: `SELECT ${WINDOW_COLUMNS} FROM windows w WHERE start_ms = :start AND length_ms = :length`,
  page: `
    SELECT ${WINDOW_COLUMNS} FROM windows w
    WHERE start_ms >= :from AND start_ms < :to AND length_ms = :length
    ORDER BY start_ms DESC LIMIT :limit`,
  pageOfStatus: `
    SELECT ${WINDOW_COLUMNS} FROM windows w
    WHERE (start_ms, length_ms) IN
      (SELECT start_ms, length_ms FROM window_statuses
       WHERE status = :status AND start_ms >= :from AND start_ms < :to AND length_ms = :length
       ORDER BY start_ms DESC LIMIT :limit)
    ORDER BY start_ms DESC`,
  startsAfter: `
    SELECT start_ms FROM windows
    WHERE start_ms > :after AND length_ms = :length ORDER BY start_ms LIMIT :limit`,
  // SQLite rounds towards 0; times before 1970 are to be rounded down like all others.
  sumBySpan: `
    SELECT start_ms - ((start_ms % :span) + :span) % :span AS startMs,
      sum(total_count) AS totalCount, sum(error_count) AS errorCount
    FROM windows WHERE start_ms >= :from AND start_ms < :to AND length_ms = :length
    GROUP BY 1 ORDER BY 1`,
  oldest: "SELECT start_ms FROM windows WHERE length_ms = :length ORDER BY start_ms LIMIT 1",
  newest: "SELECT start_ms FROM windows WHERE length_ms = :length ORDER BY start_ms DESC LIMIT 1",
  statuses: `
    SELECT status, error_count, unique_ips, unique_ips_exact, top_urls, other_urls, urls_total,
      urls_total_exact
    FROM window_statuses WHERE start_ms = ? AND length_ms = ? ORDER BY status`,
} as const;
