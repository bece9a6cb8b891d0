import { giveBackLines } from "../decode/column_memory.ts";
import { parseLine } from "../decode/parse_line.ts";
import {
  type ErrorColumns,
  FUTURE_WINDOW,
  type RecordBatch,
  windowRunEnd,
} from "../decode/record_batch.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { AnalyzedBatch } from "../stream/elements.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { dateOf, ERRORS_DIRECTORY, partNumberOf, partPath } from "./error_file_path.ts";
import type { ErrorIndex } from "./error_index.ts";
import type { AppendFile, Storage, StoredFile } from "./storage.ts";
import type { StorageRetrier } from "./storage_retrier.ts";
import { BlockPool, WriteBehindFile } from "./write_behind_file.ts";

/** When a new part is begun. */
export interface ErrorFilesOptions {
  /** A part of that size or more is closed, and one that was first synced so long ago. */
  readonly limits: Pick<Limits, "errorFileBytes" | "errorFileAge">;
  readonly limitCounter: LimitCounter;
  /** Learns which times are where, so that rows can be found again. */
  readonly index?: ErrorIndex;
}

/** Where the error files stand: all that is needed to cut them back to this place. */
export interface ErrorFilesState {
  /** Number of the next part; parts are numbered in the order in which they are begun. */
  readonly nextPart: number;
  /** Parts still written to, the one written last at the end. All others are final. */
  readonly open: readonly { readonly path: string; readonly bytes: number }[];
}

/** Where error rows go. */
export interface ErrorSink {
  /**
   * Takes the error rows of a batch, in order, and the memory of their lines for good.
   *
   * @param nowMs wall-clock time
   */
  append(analyzed: AnalyzedBatch, nowMs: number): Promise<void>;
  /** Resolves once other programs can read everything appended. */
  flush(): Promise<void>;
  /** Makes everything appended durable. */
  sync(nowMs: number): Promise<void>;
  /** Where the files stand, everything appended included. */
  state(): ErrorFilesState;
  close(): void;
}

/** Every error, as one JSON object a line, in `errors/date=YYYY-MM-DD/part-NNNNNN.jsonl`. */
export class ErrorFiles implements ErrorSink {
  readonly #storage: Storage;
  readonly #options: ErrorFilesOptions;
  readonly #retrier: StorageRetrier;
  readonly #pool = new BlockPool();
  #nextPart: number;
  /** By date, the one written last at the end. */
  readonly #parts = new Map<string, Part>();

  constructor(
    storage: Storage,
    options: ErrorFilesOptions,
    restored: ErrorFilesState,
    retrier: StorageRetrier,
  ) {
    this.#storage = storage;
    this.#options = options;
    this.#retrier = retrier;
    this.#nextPart = restored.nextPart;
    for (const { path, bytes } of restored.open) {
      this.#parts.set(dateOf(path), this.#part(path, bytes));
    }
  }

  /**
   * Writes the error rows of a batch: an on-time row under the UTC day of its window, late and
   * future rows into the part written last, so that hostile times cannot multiply directories.
   *
   * @param nowMs wall-clock time, the day of late and future rows where no part is open
   */
  async append(analyzed: AnalyzedBatch, nowMs: number): Promise<void> {
    const { errors, windowStartsMs } = analyzed.batch;
    if (errors.count === 0) return;
    const windowDates = Array.from(
      windowStartsMs,
      (startMs, i) => analyzed.isLate[i] === 1 ? undefined : utcDate(startMs),
    );
    // Future rows have no window, and so no date here either.
    const dateOfRow = (row: number) => windowDates[errors.windowIndexes[row]!];
    let runStart = 0;
    let runDate = dateOfRow(0) ?? [...this.#parts.keys()].at(-1) ?? utcDate(nowMs);
    for (let row = windowRunEnd(errors, 0); row < errors.count; row = windowRunEnd(errors, row)) {
      const date = dateOfRow(row) ?? runDate;
      if (date === runDate) continue;
      await this.#write(runDate, analyzed.batch, runStart, row);
      runStart = row;
      runDate = date;
    }
    // Nobody needs the lines after the last ones.
    const giveBack = () => giveBackLines(errors);
    await this.#write(runDate, analyzed.batch, runStart, errors.count, giveBack);
  }

  async flush(): Promise<void> {
    for (const { file } of this.#parts.values()) await file.flush();
  }

  /** Makes everything appended durable, and closes parts that are full or old. */
  async sync(nowMs: number): Promise<void> {
    for (const [date, part] of this.#parts) {
      await part.file.sync();
      // Also where the clock was set back: then the part starts to age anew.
      part.firstSyncAtMs = Math.min(part.firstSyncAtMs, nowMs);
      const isOld = nowMs - part.firstSyncAtMs >= this.#options.limits.errorFileAge;
      const isFull = this.#isFull(part);
      if (isFull || isOld) {
        this.#options.limitCounter.reach(isFull ? "errorFileBytes" : "errorFileAge");
        this.#closePart(date, part);
      }
    }
  }

  /** Where the files stand, everything appended included. */
  state(): ErrorFilesState {
    return {
      nextPart: this.#nextPart,
      open: [...this.#parts.values()].map(({ path, file }) => ({ path, bytes: file.bytes })),
    };
  }

  /** Closes all files; what was not synced may be lost with the machine. */
  close(): void {
    for (const { file } of this.#parts.values()) file.close();
  }

  /** A part was removed. */
  removed(path: string): void {
    this.#options.index?.remove(path);
  }

  /** Closes a part, if it is open, though there would be room in it; nothing more goes there. */
  async retire(path: string): Promise<void> {
    for (const [date, part] of this.#parts) if (part.path === path) await this.#retire(date);
  }

  /**
   * Writes the error rows `from` to `to` of a batch, the latter excluded.
   *
   * @param giveBack called when their lines are no longer needed; without it they are copied
   */
  async #write(
    date: string,
    batch: RecordBatch,
    from: number,
    to: number,
    giveBack?: () => void,
  ): Promise<void> {
    let part = this.#parts.get(date);
    if (part === undefined || this.#isFull(part)) {
      if (part !== undefined) this.#options.limitCounter.reach("errorFileBytes");
      await this.#retire(date);
      part = this.#part(partPath(date, this.#nextPart), 0);
      this.#nextPart++;
    }
    // Deleting first moves the entry to the end: the map's order is the order of last writes.
    this.#parts.delete(date);
    this.#parts.set(date, part);
    const startBytes = part.file.bytes;
    const times = timesOf(batch, from, to);
    await part.file.write(linesOf(batch.errors, from, to), giveBack);
    this.#options.index?.append(part.path, startBytes, part.file.bytes, times);
    while (this.#parts.size > PARTS_OPEN_MAX) {
      await this.#retire(this.#parts.keys().next().value!);
    }
  }

  #isFull({ file }: Part): boolean {
    return file.bytes >= this.#options.limits.errorFileBytes;
  }

  async #retire(date: string): Promise<void> {
    const part = this.#parts.get(date);
    if (part === undefined) return;
    await part.file.sync();
    this.#closePart(date, part);
  }

  #closePart(date: string, part: Part): void {
    part.file.close();
    this.#parts.delete(date);
    this.#options.index?.close(part.path);
  }

  #part(path: string, bytes: number): Part {
    const file = new WriteBehindFile(this.#storage, path, bytes, this.#retrier, this.#pool);
    return { path, file, firstSyncAtMs: Infinity };
  }
}

/** State of an output that holds no errors yet. */
export const NO_ERROR_FILES: ErrorFilesState = { nextPart: 1, open: [] };

/** Around midnight two days are written in turn; more come only where sources disagree. */
const PARTS_OPEN_MAX = 4;

/** What recovery found behind the checkpoint. */
export interface CutTail {
  /** Lines, torn ones included. */
  readonly lines: number;
  /** Where the cut lines went; `undefined` where they were dropped since they are read again. */
  readonly setAsidePath: string | undefined;
}

/**
 * Cuts the error files back to where a checkpoint left them. What is cut from a live source, which
 * cannot be read again, is kept under `set_aside/`.
 *
 * @param label names the set-aside files; goes into a path
 * @returns the state to go on from, and what was cut, where anything was
 */
export async function recoverErrorFiles(
  storage: Storage,
  state: ErrorFilesState,
  options: { readonly isLive: boolean; readonly label: string },
): Promise<{ readonly state: ErrorFilesState; readonly cut: CutTail | undefined }> {
  const files = await listErrorFiles(storage);
  const committed = new Map(state.open.map(({ path, bytes }) => [path, bytes]));
  const tails = files.flatMap(({ path, bytes }): Tail[] => {
    const isNew = partNumberOf(path)! >= state.nextPart;
    const kept = isNew ? 0 : committed.get(path) ?? bytes;
    return isNew || bytes > kept ? [{ path, isNew, kept }] : [];
  });
  const setAsidePath = options.isLive ? `set_aside/errors-${options.label}.jsonl` : undefined;
  // All of it is kept before any of it is cut.
  const lines = await readTails(storage, tails, setAsidePath);
  for (const { path, isNew, kept } of tails) {
    if (isNew) await storage.remove(path);
    else await storage.truncate(path, kept);
  }
  const present = new Map(files.map(({ path, bytes }) => [path, bytes]));
  // A part that somebody took away, or cut short, is theirs now: a new one is begun.
  const open = state.open.filter(({ path, bytes }) => (present.get(path) ?? -1) >= bytes);
  return {
    state: { nextPart: state.nextPart, open },
    cut: lines > 0 ? { lines, setAsidePath } : undefined,
  };
}

/** What comes behind the checkpoint in a file. */
interface Tail {
  readonly path: string;
  readonly isNew: boolean;
  /** Bytes of the file that belong to the checkpoint. */
  readonly kept: number;
}

/**
 * Counts the lines of the tails, torn ones included.
 *
 * @param copyPath where they are to be copied to, if they are; a copy that cannot be made durable is
 *   removed, since each start would leave another one
 */
async function readTails(
  storage: Storage,
  tails: readonly Tail[],
  copyPath: string | undefined,
): Promise<number> {
  let copy: AppendFile | undefined;
  let lines = 0;
  try {
    for (const { path, kept } of tails) {
      const tail = (await storage.read(path))!.subarray(kept);
      if (tail.length === 0) continue;
      for (const byte of tail) if (byte === NEWLINE) lines++;
      // A crash can leave half a line at the end; it must not run into the next file's first.
      const isTorn = tail.at(-1) !== NEWLINE;
      if (isTorn) lines++;
      if (copyPath === undefined) continue;
      copy ??= await storage.append(copyPath);
      await copy.write(tail);
      if (isTorn) await copy.write(Uint8Array.of(NEWLINE));
    }
    await copy?.sync();
    return lines;
  } catch (exception) {
    // Where that fails too, the copy stays; what matters is why it could not be made.
    if (copyPath !== undefined) await storage.remove(copyPath).catch(() => {});
    throw exception;
  } finally {
    copy?.close();
  }
}

/** Whether a part had its last bytes in some state: going back to that does not touch it. */
export function isFinalPart(path: string, state: ErrorFilesState): boolean {
  const part = partNumberOf(path);
  return part !== undefined && part < state.nextPart &&
    !state.open.some((open) => open.path === path);
}

/** All error files of an output; whatever else lies beside them is not ours to touch. */
export async function listErrorFiles(storage: Storage): Promise<readonly StoredFile[]> {
  const files = await storage.list(ERRORS_DIRECTORY);
  return files.filter(({ path }) => partNumberOf(path) !== undefined);
}

const NEWLINE = 0x0a;

/** One file that is being written. */
interface Part {
  readonly path: string;
  readonly file: WriteBehindFile;
  /** Where its age counts from; a part of an earlier run starts anew with this one. */
  firstSyncAtMs: number;
}

/** The lines of error rows `from` to `to`, the latter excluded. */
function linesOf(errors: ErrorColumns, from: number, to: number): Uint8Array {
  return errors.lineBytes.subarray(errors.lineOffsets[from], errors.lineOffsets[to]);
}

/** Start of the first and the last window of these error rows; of one in the future, its time. */
function timesOf(
  { errors, windowStartsMs }: RecordBatch,
  from: number,
  to: number,
): { readonly minMs: number; readonly maxMs: number } {
  let [minMs, maxMs] = [TIME_MAX_MS, -TIME_MAX_MS];
  for (let row = from, next; row < to; row = next) {
    const index = errors.windowIndexes[row]!;
    // Batches do not say when a row in the future is; those are few, or somebody's mistake.
    const isFuture = index === FUTURE_WINDOW;
    next = isFuture ? row + 1 : windowRunEnd(errors, row);
    const timeMs = isFuture ? timeOf(linesOf(errors, row, row + 1)) : windowStartsMs[index]!;
    minMs = Math.min(minMs, timeMs);
    maxMs = Math.max(maxMs, timeMs);
  }
  return { minMs, maxMs };
}

function timeOf(line: Uint8Array): number {
  const parsed = parseLine(line.subarray(0, -1), "json", undefined);
  return parsed.kind === "record" ? parsed.record.eventTimeMs : TIME_MAX_MS;
}

/** The UTC day of a time as YYYY-MM-DD; years outside 0 to 9999 in ECMAScript's longer form. */
function utcDate(timeMs: number): string {
  const text = new Date(timeMs).toISOString();
  return text.slice(0, text.indexOf("T"));
}
