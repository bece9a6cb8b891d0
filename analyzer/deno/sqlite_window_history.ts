import { DatabaseSync } from "node:sqlite";
import { messageOf, StorageException } from "../exceptions.ts";
import type {
  Removal,
  RemovalOptions,
  SpanCounts,
  WindowHistory,
  WindowPage,
  WindowQuery,
} from "../sink/window_history.ts";
import type { LateCounts } from "../window/late_counts.ts";
import type { ClosedWindow, WindowSummary } from "../window/window_summary.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { WindowRangeReader } from "../history/window_range.ts";
import type { ErrorBlock } from "../sink/error_index.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { asRefusal, isDamage } from "./sqlite_exception.ts";
import { SqliteRollups } from "./sqlite_rollups.ts";
import { ADD_STORED, MIGRATIONS, prepare, SCHEMA, SCHEMA_VERSION } from "./sqlite_statements.ts";
import {
  type EncodedWindow,
  encodeWindow,
  type StatusRow,
  summarizeWindow,
  type WindowRow,
} from "./sqlite_window_rows.ts";
import { onStorage } from "./system_exception.ts";

/** How long to wait at the start for another program that has the database locked, in ms. */
const BUSY_WAIT_AT_START_MS = 5000;

/** The same while running, since everything else waits too; then it is tried again later. */
const BUSY_WAIT_MS = 20;

/** Checkpoints that can still be gone back to: the latest one and the one before it. */
const EPOCHS_KEPT = 2;

/**
 * Closed windows in SQLite. One connection writes and reads: what was put since the last commit
 * sits in its open transaction, so readers here see it at once, other processes see it when the
 * checkpoint has it, and a crash leaves no trace of it.
 *
 * SQLite takes back the whole transaction where the system refuses any part of it, so what was put
 * since the last commit is kept here too, and put anew by the next commit.
 */
export class SqliteWindowHistory implements WindowHistory {
  /** Whether the database was made by this. */
  readonly isNew: boolean;
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #lengthMs: number;
  readonly #windowsMax: number;
  readonly #onForgotten: ((count: number) => void) | undefined;
  readonly #syncFile: (path: string) => Promise<void>;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #rollups: SqliteRollups;
  /** The checkpoint that will commit what is put now. */
  #epoch = 1;
  /** What was put since the last commit, in order. */
  #uncommitted: (EncodedWindow | LateCounts | ErrorBlock)[] = [];
  /** How many of those the open transaction holds; where there are none, there is none. */
  #heldCount = 0;
  /** Whether the system has refused some of it; then nothing is tried before the next commit. */
  #isRefused = false;
  /** Whether the log may have lost what was written to it. */
  #isLogSuspect: boolean;
  /** Whether all that was committed is durable: while nothing happens, the disk is left alone. */
  #isSynced = false;

  /**
   * Opens a database file, or makes it.
   *
   * @throws {RangeError} where the file was written by another version
   * @throws {SyntaxError} where it is damaged, or no database at all
   * @throws {StorageException} where the system refuses something, for want of room for example
   * @throws {Error} where it cannot be opened for another reason
   */
  constructor(path: string, windowLengthMs: number, options: SqliteWindowHistoryOptions = {}) {
    const {
      windowsMax = Infinity,
      urlsMax = DEFAULT_LIMITS.windowUrls,
      onForgotten,
      syncFile = syncExisting,
      open = openDatabase,
    } = options;
    this.#path = path;
    this.#windowsMax = windowsMax;
    this.#onForgotten = onForgotten;
    this.#syncFile = syncFile;
    this.#lengthMs = windowLengthMs;
    // A process that was killed leaves its log, and nobody knows whether all of it could be synced.
    this.#isLogSuspect = path !== IN_MEMORY && isThere(`${path}-wal`);
    this.#database = open(path);
    try {
      const { user_version: version } = this.#database.prepare("PRAGMA user_version")
        .get() as { user_version: number };
      const { quick_check: damage } = this.#database.prepare("PRAGMA quick_check(1)")
        .get() as { quick_check: string };
      if (damage !== "ok") throw new SyntaxError(damage);
      if (version < 0 || version > SCHEMA_VERSION) {
        throw new RangeError(`version is ${version}, supported are 1 to ${SCHEMA_VERSION}`);
      }
      // NORMAL: SQLite makes durable what it moves out of its log, and leaves the log itself to
      // sync(), since it would hold up everything else meanwhile. So would moving in small steps.
      this.#database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;",
      );
      this.isNew = version === 0;
      if (version < SCHEMA_VERSION) {
        const steps = this.isNew ? [SCHEMA] : MIGRATIONS.slice(version - 1);
        const schema = `${steps.join("")} PRAGMA user_version = ${SCHEMA_VERSION};`;
        this.#database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT;`);
      }
      const columns = this.#database.prepare("PRAGMA table_info(windows)").all();
      if (!columns.some(({ name }) => name === "stored_ms")) this.#database.exec(ADD_STORED);
      this.#statements = prepare(this.#database);
      if (!this.isNew) this.#statements.setStoredByEnd.run();
      // Few windows are merged as fast as they are found.
      const keeps = windowsMax === Infinity;
      this.#rollups = new SqliteRollups(this.#database, windowLengthMs, { keeps, urlsMax });
      // Another one may be refused: it is not written to before it is known to be the right one.
      if (this.isNew) this.#rollups.keepLevels();
    } catch (exception) {
      this.#database.close();
      throw isDamage(exception)
        ? new SyntaxError(messageOf(exception), { cause: exception })
        : asRefusal(`open ${path}`, exception);
    }
  }

  put(window: ClosedWindow): void {
    this.#uncommitted.push(encodeWindow(window));
    this.#tryToHold();
  }

  addLate(late: LateCounts): void {
    this.#uncommitted.push(late);
    this.#tryToHold();
  }

  commit(epoch: number, nowMs: number): void {
    if (epoch !== this.#epoch) {
      throw new Error(`Cannot commit checkpoint ${epoch}: ${this.#epoch} is next`);
    }
    if (this.#uncommitted.length > 0) {
      this.#transact(() => {
        this.#hold();
        const settled = epoch - EPOCHS_KEPT;
        this.#statements.foldLate.run({ settled });
        this.#statements.deleteFolded.run(settled);
        this.#statements.setStored.run({ epoch, now: nowMs });
        this.#commit();
      });
      this.#heldCount = 0;
      this.#uncommitted = [];
      this.#isRefused = false;
    }
    this.#epoch = epoch + 1;
  }

  async sync(): Promise<void> {
    if (this.#path === IN_MEMORY) return;
    if (this.#isLogSuspect) {
      this.#moveLog();
      this.#isLogSuspect = false;
      return;
    }
    if (this.#isSynced) return;
    // Readers may put what they have found into the index meanwhile: that is for the next time.
    this.#isSynced = true;
    try {
      await onStorage(`write ${this.#path}`, () => this.#syncFile(`${this.#path}-wal`));
    } catch (exception) {
      this.#isLogSuspect = true;
      throw exception;
    }
  }

  rollBackTo(epoch: number): void {
    this.#rollBack();
    this.#transact(() => {
      this.#statements.begin.run();
      this.#statements.deleteStatusesAfter.run(epoch);
      this.#statements.deleteWindowsAfter.run(epoch);
      this.#statements.deleteLateAfter.run(epoch);
      this.#statements.deleteErrorBlocksAfter.run(epoch);
      this.#rollups.keepLevels();
      this.#commit();
    });
    this.#uncommitted = [];
    this.#epoch = epoch + 1;
    this.#database.exec(`PRAGMA busy_timeout = ${BUSY_WAIT_MS}`);
  }

  removeOld({ nowMs, retentionMs, windowsMax }: RemovalOptions): Removal {
    // What is put now stands in a transaction that may be taken back: after the next commit.
    if (this.#uncommitted.length > 0) return { windows: 0, hasMore: true, isHeldBack: false };
    let removed = 0;
    let rows: Record<string, unknown>[] = [];
    this.#transact(() => {
      const { begin, old, deleteWindow, deleteStatuses, deleteLate } = this.#statements;
      begin.run();
      const times = { before: nowMs - retentionMs, never: nowMs + DAY_MS };
      rows = old.all({ ...times, limit: windowsMax });
      for (const { start_ms: start, length_ms: length, epoch } of rows as unknown as OldRow[]) {
        // Recovery may go back behind that checkpoint, and count its rows again.
        if (epoch > this.#epoch - EPOCHS_KEPT) continue;
        for (const statement of [deleteWindow, deleteStatuses, deleteLate]) {
          statement.run(start, length);
        }
        removed++;
      }
      this.#commit();
    });
    const isHeldBack = removed < rows.length;
    return { windows: removed, hasMore: rows.length === windowsMax && removed > 0, isHeldBack };
  }

  query(query: WindowQuery): WindowPage {
    const parameters = {
      length: this.#lengthMs,
      from: query.fromMs ?? TIME_MIN_MS,
      to: Math.min(query.toMs ?? TIME_MAX_MS, query.beforeMs ?? TIME_MAX_MS),
      // One more than asked for tells whether there is another page.
      limit: query.limit + 1,
    };
    const rows = query.status === undefined
      ? this.#statements.page.all(parameters)
      : this.#statements.pageOfStatus.all({ ...parameters, status: query.status });
    const windows = (rows.slice(0, query.limit) as unknown as WindowRow[])
      .map((row) => this.#summarize(row, query.urlsMax, query.status));
    return {
      windows,
      nextBeforeMs: rows.length > query.limit ? windows.at(-1)!.startMs : undefined,
    };
  }

  get(startMs: number, options: { readonly urlsMax: number }): WindowSummary | undefined {
    const row = this.#statements.one.get({ start: startMs, length: this.#lengthMs });
    return row === undefined
      ? undefined
      : this.#summarize(row as unknown as WindowRow, options.urlsMax, undefined);
  }

  startsAfter(startMs: number, limit: number): readonly number[] {
    const after = Math.max(startMs, TIME_MIN_MS - 1);
    return this.#statements.startsAfter.all({ after, length: this.#lengthMs, limit })
      .map((row) => row["start_ms"] as number);
  }

  sumBySpan({ fromMs, toMs, spanMs }: Parameters<WindowHistory["sumBySpan"]>[0]): SpanCounts[] {
    const range = { from: fromMs, to: toMs, span: spanMs, length: this.#lengthMs };
    return this.#statements.sumBySpan.all(range) as unknown as SpanCounts[];
  }

  oldestStartMs(): number | undefined {
    return this.#startOf("oldest");
  }

  newestStartMs(): number | undefined {
    return this.#startOf("newest");
  }

  get isBehind(): boolean {
    return this.#heldCount < this.#uncommitted.length;
  }

  get ranges(): WindowRangeReader {
    return this.#rollups;
  }

  rollUp(): void {
    this.#tryAside(() => this.#rollups.isDue, () => this.#rollups.advance());
  }

  addErrorBlock(block: ErrorBlock): void {
    this.#uncommitted.push(block);
    this.#tryToHold();
  }

  learnErrorBlock(block: ErrorBlock): void {
    // Of a file as the checkpoint before has left it.
    this.#tryAside(() => true, () => this.#putErrorBlock(block, this.#epoch - 1));
  }

  forgetErrorPart(part: number): void {
    this.#tryAside(() => true, () => void this.#statements.forgetErrorPart.run(part));
  }

  errorBlocks(): readonly ErrorBlock[] {
    return this.#statements.errorBlocks.all() as unknown as ErrorBlock[];
  }

  /** Gives up what was not committed. */
  close(): void {
    this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Puts it where readers see it, if the system lets us: else the next commit has to. */
  #tryToHold(): void {
    if (this.#isRefused) return;
    try {
      this.#transact(() => this.#hold());
    } catch (exception) {
      if (!(exception instanceof StorageException)) throw exception;
      this.#isRefused = true;
    }
  }

  /**
   * Writes what can be had again, and so belongs to no checkpoint. In a transaction that is open
   * already it is committed with that one. What the system refuses is left out.
   */
  #tryAside(isNeeded: () => boolean, operation: () => void): void {
    if (this.#isRefused) return;
    try {
      this.#transact(() => {
        if (!isNeeded()) return;
        const isOwn = this.#heldCount === 0;
        if (isOwn) this.#statements.begin.run();
        operation();
        if (isOwn) this.#commit();
      });
    } catch (exception) {
      if (!(exception instanceof StorageException)) throw exception;
    }
  }

  #commit(): void {
    this.#statements.commit.run();
    this.#isSynced = false;
  }

  /** Brings the open transaction up to date, beginning it where there is none. */
  #hold(): void {
    if (this.#heldCount === 0) this.#statements.begin.run();
    for (; this.#heldCount < this.#uncommitted.length; this.#heldCount++) {
      const element = this.#uncommitted[this.#heldCount]!;
      if ("values" in element) this.#putWindow(element);
      else if ("part" in element) this.#putErrorBlock(element, this.#epoch);
      else this.#addLate(element);
    }
  }

  /** @throws {StorageException} where the system refuses it; then nothing is held any more */
  #transact(operation: () => void): void {
    try {
      operation();
    } catch (exception) {
      this.#rollBack();
      throw asRefusal(`write ${this.#path}`, exception);
    }
  }

  #rollBack(): void {
    this.#heldCount = 0;
    this.#rollups.reset();
    // SQLite may have rolled back by itself.
    if (this.#database.isTransaction) this.#statements.rollBack.run();
  }

  /**
   * Moves all that the log holds into the database, which SQLite makes durable itself: what it
   * reads of the log is right also where the disk has lost it.
   */
  #moveLog(): void {
    let busy: unknown;
    try {
      busy = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()?.["busy"];
    } catch (exception) {
      throw asRefusal(`write ${this.#path}`, exception);
    }
    if (busy !== 0) throw new StorageException(`Cannot write ${this.#path}: it is being read`);
  }

  #putWindow({ key, values, statuses }: EncodedWindow): void {
    this.#statements.putWindow.run(...key, ...values, this.#epoch);
    this.#statements.deleteStatuses.run(...key);
    for (const status of statuses) this.#statements.putStatus.run(...key, ...status);
    if (this.#windowsMax < Infinity) this.#forgetOldest();
  }

  #putErrorBlock({ part, path, ...block }: ErrorBlock, epoch: number): void {
    const { startBytes, endBytes, minMs, maxMs } = block;
    this.#statements.putErrorBlock.run(part, path, startBytes, endBytes, minMs, maxMs, epoch);
  }

  #addLate(late: LateCounts): void {
    this.#statements.addLate.run({
      start: late.windowStartMs,
      length: this.#lengthMs,
      epoch: this.#epoch,
      count: late.lateCount,
      errors: late.lateErrorCount,
    });
  }

  #forgetOldest(): void {
    const oldest = this.#statements.oldestKept.get({ others: this.#windowsMax - 1 });
    if (oldest === undefined) return;
    for (const name of ["forgetWindows", "forgetStatuses", "forgetLate"] as const) {
      const { changes } = this.#statements[name].run({ oldest: oldest["start_ms"]! });
      if (name === "forgetWindows" && changes > 0) this.#onForgotten?.(Number(changes));
    }
  }

  #startOf(which: "oldest" | "newest"): number | undefined {
    const row = this.#statements[which].get({ length: this.#lengthMs });
    return row?.["start_ms"] as number | undefined;
  }

  #summarize(row: WindowRow, urlsMax: number, status: number | undefined): WindowSummary {
    const statuses = this.#statements.statuses.all(row.start_ms, row.length_ms)
      .filter((statusRow) => status === undefined || statusRow["status"] === status);
    return summarizeWindow(row, statuses as unknown as StatusRow[], urlsMax);
  }
}

/** What a test may want to be different. */
export interface SqliteWindowHistoryOptions {
  /** Beyond so many the oldest windows are forgotten. Default: none are. */
  readonly windowsMax?: number;
  /** URLs that are listed of a status where windows were merged. */
  readonly urlsMax?: number;
  /** Learns how many windows were forgotten. */
  readonly onForgotten?: (count: number) => void;
  /** Makes a file durable, if there is one. */
  readonly syncFile?: (path: string) => Promise<void>;
  readonly open?: (path: string) => DatabaseSync;
}

const IN_MEMORY = ":memory:";

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return false;
    throw exception;
  }
}

function openDatabase(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: BUSY_WAIT_AT_START_MS });
}

async function syncExisting(path: string): Promise<void> {
  try {
    using file = await Deno.open(path);
    await file.syncData();
  } catch (exception) {
    // Where nothing was ever written there is no log.
    if (!(exception instanceof Deno.errors.NotFound)) throw exception;
  }
}

/** With {@linkcode TIME_MAX_MS} the whole range of times, which SQLite holds exactly as well. */
const TIME_MIN_MS = -TIME_MAX_MS;

/** A window that starts later than a day from now is none that anybody waits for. */
const DAY_MS = 24 * 60 * 60 * 1000;

interface OldRow {
  readonly start_ms: number;
  readonly length_ms: number;
  readonly epoch: number;
}
