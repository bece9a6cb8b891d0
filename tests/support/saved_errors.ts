import { SqliteWindowHistory } from "../../analyzer/deno/sqlite_window_history.ts";
import { ErrorSearch } from "../../analyzer/history/error_search.ts";
import type { LimitCounter, Limits } from "../../analyzer/limits.ts";
import { ErrorFiles, listErrorFiles, NO_ERROR_FILES } from "../../analyzer/sink/error_files.ts";
import { ErrorIndex } from "../../analyzer/sink/error_index.ts";
import { analyzedBatch, type Row } from "./batches.ts";
import { testLimits } from "./limits.ts";
import { MemoryStorage } from "./memory_storage.ts";
import { storageRetrier } from "./storage_retrier.ts";
import { LENGTH_MS } from "./window_fixtures.ts";

/** Error files in memory, written as a run does, and searched as its HTTP interface does. */
export class SavedErrorsFixture implements Disposable {
  readonly storage: MemoryStorage;
  readonly history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  readonly limits: Limits;
  readonly limitCounter: LimitCounter;
  /** Bytes that were read of files. */
  readBytes = 0;
  /** How long it takes from one look at the clock to the next, in ms. */
  stepMs = 0;
  #nowMs = 0;
  index!: ErrorIndex;
  files!: ErrorFiles;
  search!: ErrorSearch;

  private constructor(limits: Partial<Limits>) {
    ({ limits: this.limits, limitCounter: this.limitCounter } = testLimits(limits));
    this.storage = new MemoryStorage();
  }

  static async create(limits: Partial<Limits> = {}): Promise<SavedErrorsFixture> {
    const fixture = new SavedErrorsFixture(limits);
    await fixture.restart();
    return fixture;
  }

  /** A new run, that goes on with what is there. */
  async restart(): Promise<void> {
    const { limits, limitCounter, storage } = this;
    const state = this.files?.state() ?? NO_ERROR_FILES;
    this.files?.close();
    this.index = new ErrorIndex(await listErrorFiles(storage), this.history, LENGTH_MS);
    const options = { limits, limitCounter, index: this.index };
    this.files = new ErrorFiles(storage, options, state, storageRetrier());
    this.search = new ErrorSearch({
      files: {
        readPiece: async (path, startBytes, endBytes) => {
          const bytes = await storage.readPiece(path, startBytes, endBytes);
          this.readBytes += bytes?.length ?? 0;
          return bytes;
        },
      },
      index: this.index,
      windowLengthMs: LENGTH_MS,
      limits,
      limitCounter,
      monotonicMs: () => this.#nowMs += this.stepMs,
    });
  }

  /** Appends a batch of errors and lets everybody see them. */
  async append(rows: readonly Row[], closedUpToMs = -Infinity): Promise<void> {
    await this.files.append(analyzedBatch(rows, { closedUpToMs }), 0);
    await this.files.flush();
  }

  [Symbol.dispose](): void {
    this.files.close();
    this.history.close();
  }
}

/** An error as it is stored of a JSON line; its time is the row's. */
export function storedRow(
  time: number,
  fields: Partial<Record<"ip" | "method" | "url", string>> & { readonly status?: number } = {},
): Row {
  const { ip = "192.0.2.1", method = "GET", url = "/resource/1", status = 404 } = fields;
  const timestamp = new Date(time).toISOString();
  const line = JSON.stringify({ timestamp, ip, method, url, status });
  return { time, status, ip, url, line };
}
