import type { Clock } from "../clock.ts";
import { StorageException } from "../exceptions.ts";
import {
  type ErrorFiles,
  type ErrorFilesState,
  isFinalPart,
  listErrorFiles,
} from "./error_files.ts";
import type { Storage, StoredFile } from "./storage.ts";
import type { WindowHistory } from "./window_history.ts";

/** What a {@linkcode Retention} needs. */
export interface RetentionOptions {
  /** How long error files and windows are kept. */
  readonly retentionMs: number;
  readonly clock: Clock;
  readonly storage: Storage;
  readonly errors: Pick<ErrorFiles, "state" | "retire" | "removed">;
  readonly history: Pick<WindowHistory, "removeOld">;
  /** Where the error files stood at the checkpoints that can still be gone back to. */
  readonly checkpointedFiles: () => readonly ErrorFilesState[];
  /** Told in one line of what cannot be removed, once. */
  readonly notice: (line: string) => void;
}

/** What was removed since the program started. */
export interface RetentionCounts {
  /** Error files. */
  readonly files: number;
  /** Their size. */
  readonly bytes: number;
  /** Closed windows. */
  readonly windows: number;
  /** Attempts that the storage has refused. */
  readonly refusals: number;
}

/**
 * Removes error files and windows that have been kept for long enough. What is kept counts from the
 * later of the time it was stored and the time it is about: a log of last year that is read today is
 * today's result. Only what no checkpoint can want back goes: files are final to all of them, and
 * windows older than all of them.
 *
 * It has no timer: the writer calls {@linkcode step} between other elements, and a step is short, so
 * nothing waits for it. What the storage refuses is left for the next look.
 */
export class Retention {
  readonly #options: RetentionOptions;
  /** Monotonic time of the next look at what there is. */
  #lookDueMs = -Infinity;
  /** Files that the last look has found too old, and that have not had their turn. */
  #overdue: StoredFile[] = [];
  /** Whether there may be windows to remove since the last look. */
  #hasOldWindows = false;
  /** Whether something is too old that a checkpoint may want back. */
  #isHeldBack = false;
  #isRefused = false;
  /** When the next file becomes too old, as far as the last look knows; wall-clock time. */
  #nextOverdueMs = Infinity;
  /** What was refused the last time, and is told only once. */
  readonly #told = new Set<string>();
  #counts: RetentionCounts = { files: 0, bytes: 0, windows: 0, refusals: 0 };

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  get counts(): RetentionCounts {
    return this.#counts;
  }

  /**
   * Does a little of what is due, if anything is. Called between other elements of the stream, one
   * call at a time.
   *
   * @param nowMs wall-clock time
   * @returns whether there has to be another checkpoint before all can go
   */
  async step(nowMs: number): Promise<boolean> {
    const { clock } = this.#options;
    if (!this.#isBusy) {
      if (clock.monotonicMs() < this.#lookDueMs) return false;
      await this.#look(nowMs);
    }
    await this.#removeFiles();
    await this.#removeWindows(nowMs);
    if (this.#isBusy) return false;
    const soon = this.#isHeldBack || this.#isRefused;
    const untilOverdueMs = soon ? 0 : this.#nextOverdueMs - nowMs;
    this.#lookDueMs = clock.monotonicMs() +
      Math.min(Math.max(untilOverdueMs, LOOK_INTERVAL_MIN_MS), LOOK_INTERVAL_MAX_MS);
    return this.#isHeldBack;
  }

  get #isBusy(): boolean {
    return this.#overdue.length > 0 || this.#hasOldWindows;
  }

  async #look(nowMs: number): Promise<void> {
    const { storage, retentionMs } = this.#options;
    this.#isHeldBack = false;
    this.#isRefused = false;
    this.#hasOldWindows = true;
    this.#nextOverdueMs = Infinity;
    const files = await this.#attempt("list", () => listErrorFiles(storage)) ?? [];
    for (const file of files) {
      const overdueMs = keptFromMs(file, nowMs) + retentionMs;
      if (overdueMs < nowMs) this.#overdue.push(file);
      else this.#nextOverdueMs = Math.min(this.#nextOverdueMs, overdueMs);
    }
  }

  async #removeFiles(): Promise<void> {
    const { storage, errors, checkpointedFiles } = this.#options;
    for (const { path, bytes } of this.#overdue.splice(0, FILES_A_STEP)) {
      // The writer keeps the last one open until another row comes, which may be never.
      await errors.retire(path);
      if (!checkpointedFiles().every((state) => isFinalPart(path, state))) {
        this.#isHeldBack = true;
        continue;
      }
      const directory = path.slice(0, path.lastIndexOf("/"));
      const isRemoved = await this.#attempt(path, async () => {
        await storage.remove(path);
        errors.removed(path);
        await storage.removeDirectory(directory);
        return true;
      });
      if (isRemoved === true) this.#count({ files: 1, bytes });
    }
  }

  async #removeWindows(nowMs: number): Promise<void> {
    const { history, clock, retentionMs } = this.#options;
    const startedAtMs = clock.monotonicMs();
    for (let i = 0; i < TRANSACTIONS_A_STEP && this.#hasOldWindows; i++) {
      const options = { nowMs, retentionMs, windowsMax: WINDOWS_A_TRANSACTION };
      const removal = await this.#attempt("windows", () => history.removeOld(options));
      this.#hasOldWindows = removal?.hasMore ?? false;
      this.#isHeldBack ||= removal?.isHeldBack ?? false;
      this.#count({ windows: removal?.windows ?? 0 });
      if (removal?.windows === 0 || clock.monotonicMs() - startedAtMs >= STEP_MS) return;
    }
  }

  /**
   * Tries something; where the storage refuses it, `undefined`: nothing that is read has to wait for
   * what is old to go.
   *
   * @param what tells it from other attempts
   */
  async #attempt<T>(what: string, attempt: () => Promise<T> | T): Promise<T | undefined> {
    try {
      const result = await attempt();
      this.#told.delete(what);
      return result;
    } catch (exception) {
      if (!(exception instanceof StorageException)) throw exception;
      this.#isRefused = true;
      this.#count({ refusals: 1 });
      if (!this.#told.has(what) && this.#told.size < TOLD_MAX) {
        this.#told.add(what);
        this.#options.notice(`${exception.message}; it is kept, and tried again every minute`);
      }
      return undefined;
    }
  }

  #count(more: Partial<RetentionCounts>): void {
    const { files, bytes, windows, refusals } = this.#counts;
    this.#counts = {
      files: files + (more.files ?? 0),
      bytes: bytes + (more.bytes ?? 0),
      windows: windows + (more.windows ?? 0),
      refusals: refusals + (more.refusals ?? 0),
    };
  }
}

/**
 * Where the age of an error file counts from: the later of the end of its UTC day and the time of
 * its last write. A day that is still to come counts for nothing, or whoever sends rows of the year
 * 9999 would have them kept until then. `Infinity` for what is in no directory of a day.
 */
function keptFromMs({ path, modifiedAtMs }: StoredFile, nowMs: number): number {
  const dayEndMs = Date.parse(/date=([^/]+)\/[^/]+$/.exec(path)?.[1] ?? "") + DAY_MS;
  if (Number.isNaN(dayEndMs)) return Infinity;
  return dayEndMs > nowMs + DAY_MS ? modifiedAtMs : Math.max(dayEndMs, modifiedAtMs);
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** A look lists all error files, so there are no more of them than needed. */
const LOOK_INTERVAL_MIN_MS = 60_000;
const LOOK_INTERVAL_MAX_MS = 60 * 60 * 1000;

/** What one step does at most: other elements wait for it. */
const FILES_A_STEP = 8;
const TRANSACTIONS_A_STEP = 20;
const WINDOWS_A_TRANSACTION = 50;
/** No further transaction is begun after so long. */
const STEP_MS = 20;

/** Where more is refused than that, it is for one reason. */
const TOLD_MAX = 20;
