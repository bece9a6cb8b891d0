import { join } from "node:path";
import { IP_KEY_FILE, loadIpKey } from "../checkpoint/ip_key.ts";
import { CHECKPOINT_FILES, StoredCheckpoints } from "../checkpoint/stored_checkpoints.ts";
import type { Clock } from "../clock.ts";
import type { AnalyzerConfig } from "../config.ts";
import { IpMask } from "../decode/ip_mask.ts";
import { messageOf, StartException, StorageException } from "../exceptions.ts";
import type { LimitCounter } from "../limits.ts";
import { ID_FILE, openResults } from "../recovery.ts";
import { Retention } from "../sink/retention.ts";
import { ErrorFiles, listErrorFiles } from "../sink/error_files.ts";
import { ErrorIndex } from "../sink/error_index.ts";
import type { StorageRetrier } from "../sink/storage_retrier.ts";
import type { Source } from "../source/source.ts";
import { DirectoryStorage } from "./directory_storage.ts";
import { lockDirectory } from "./lock.ts";
import type { OpenResults, Results } from "./results.ts";
import { setStateAside } from "./set_state_aside.ts";
import { SqliteWindowHistory } from "./sqlite_window_history.ts";

/** What opening results is told. */
export interface ResultsOptions {
  readonly clock: Clock;
  /** Names what is set aside; goes into a path. */
  readonly label: string;
  readonly notice: (line: string) => void;
  /** For what is written once it is open. */
  readonly retrier: StorageRetrier;
  readonly limitCounter: LimitCounter;
}

/**
 * Results in directories of this machine: error files and the database in one, checkpoints in the
 * other. Both stay locked until it is disposed of.
 */
export class StoredResults implements Results {
  readonly #config: AnalyzerConfig;
  readonly #options: ResultsOptions;
  readonly #output: DirectoryStorage;
  readonly #checkpoints: DirectoryStorage;
  readonly #stack = new DisposableStack();
  #ipMask: IpMask | undefined;

  private constructor(config: AnalyzerConfig, options: ResultsOptions) {
    this.#config = config;
    this.#options = options;
    this.#output = new DirectoryStorage(config.output);
    this.#checkpoints = new DirectoryStorage(join(config.checkpoint, "errors"));
  }

  /**
   * Takes the directories for this process; reads nothing yet.
   *
   * @throws {StartException} where another process has one of them
   */
  static async lock(config: AnalyzerConfig, options: ResultsOptions): Promise<StoredResults> {
    const results = new StoredResults(config, options);
    try {
      results.#stack.use(await lockDirectory(results.#output));
      results.#stack.use(await lockDirectory(results.#checkpoints));
    } catch (exception) {
      results[Symbol.dispose]();
      throw exception;
    }
    return results;
  }

  get ipMask(): IpMask | undefined {
    return this.#ipMask;
  }

  async reset(): Promise<void> {
    for (
      const aside of [
        // What begins anew gets a new key: nothing ties it to what was before.
        await this.#setAside(this.#checkpoints, [...CHECKPOINT_FILES, IP_KEY_FILE]),
        await this.#setAside(this.#output, RESULT_FILES),
      ]
    ) {
      if (aside !== undefined) this.#options.notice(`Set aside what was there: ${aside}`);
    }
  }

  async open(sources: readonly Source[]): Promise<OpenResults> {
    const { windowLengthMs, minStatus, maskIp, limits } = this.#config;
    const { label, clock, notice, retrier, limitCounter } = this.#options;
    const checkpoints = new StoredCheckpoints(this.#checkpoints, label);
    const ipKey = maskIp ? await loadIpKey(this.#checkpoints) : undefined;
    if (ipKey !== undefined) this.#ipMask = new IpMask(ipKey.bytes);
    const { history, recovered } = await openResults({
      output: this.#output,
      checkpoints,
      checkpointRoot: this.#checkpoints.root,
      openHistory: () =>
        openHistory(join(this.#output.root, DATABASE), windowLengthMs, limits.windowUrls),
      setAside: async (what) => {
        if (what === "everything") await this.#setAside(this.#checkpoints, CHECKPOINT_FILES);
        const names = what === "database" ? DATABASE_FILES : RESULT_FILES;
        return await this.#setAside(this.#output, names) ?? this.#output.root;
      },
    }, { sources, windowLengthMs, minStatus, ipKey, label, notice });
    this.#stack.defer(() => history.close());
    const files = await listErrorFiles(this.#output);
    const index = new ErrorIndex(files, history, windowLengthMs);
    const errors = new ErrorFiles(
      this.#output,
      { limits, limitCounter, index },
      recovered.errorFiles,
      retrier,
    );
    const retention = this.#config.retentionMs === Infinity ? undefined : new Retention({
      retentionMs: this.#config.retentionMs,
      clock,
      storage: this.#output,
      errors,
      history,
      checkpointedFiles: () => checkpoints.errorFiles,
      notice,
    });
    const savedErrors = { files: this.#output, index };
    return { history, checkpoints, errors, savedErrors, retention, recovered };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  #setAside({ root }: DirectoryStorage, names: readonly string[]): Promise<string | undefined> {
    return setStateAside(root, names, this.#options.label);
  }
}

const DATABASE = "windows.db";
const DATABASE_FILES = [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`];
const RESULT_FILES = ["errors", ID_FILE, ...DATABASE_FILES];

/**
 * @throws {SyntaxError} where the file is damaged
 * @throws {StorageException} where the system refuses something
 * @throws {StartException} where it cannot be opened, or is of another version
 */
function openHistory(
  path: string,
  windowLengthMs: number,
  urlsMax: number,
): SqliteWindowHistory {
  try {
    return new SqliteWindowHistory(path, windowLengthMs, { urlsMax });
  } catch (exception) {
    if (exception instanceof SyntaxError || exception instanceof StorageException) throw exception;
    throw new StartException(
      `Cannot open ${path}: ${messageOf(exception)}; take another --output, or --reset`,
      { exitStatus: 1, cause: exception },
    );
  }
}
