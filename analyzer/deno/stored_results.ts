import { join } from "node:path";
import { CHECKPOINT_FILES, StoredCheckpoints } from "../checkpoint/stored_checkpoints.ts";
import type { AnalyzerConfig } from "../config.ts";
import { messageOf, StartException } from "../exceptions.ts";
import { LIMITS } from "../limits.ts";
import { recover } from "../recovery.ts";
import { ErrorFiles } from "../sink/error_files.ts";
import type { Source } from "../source/source.ts";
import { DirectoryStorage } from "./directory_storage.ts";
import { lockDirectory } from "./lock.ts";
import type { OpenResults, Results } from "./results.ts";
import { setStateAside } from "./set_state_aside.ts";
import { SqliteWindowHistory } from "./sqlite_window_history.ts";

/** What opening results is told. */
export interface ResultsOptions {
  /** Names what is set aside; goes into a path. */
  readonly label: string;
  readonly notice: (line: string) => void;
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

  async reset(): Promise<void> {
    const { label, notice } = this.#options;
    const names = ["errors", DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`];
    for (
      const aside of [
        await setStateAside(this.#checkpoints.root, CHECKPOINT_FILES, label),
        await setStateAside(this.#output.root, names, label),
      ]
    ) {
      if (aside !== undefined) notice(`Set aside what was there: ${aside}`);
    }
  }

  async open(sources: readonly Source[]): Promise<OpenResults> {
    const { windowLengthMs, minStatus } = this.#config;
    const output = this.#output;
    const history = this.#stack.use(openHistory(join(output.root, DATABASE), windowLengthMs));
    const checkpoints = new StoredCheckpoints(this.#checkpoints, this.#options.label);
    const recovered = await recover({
      ...this.#options,
      output,
      history,
      checkpoints,
      sources,
      windowLengthMs,
      minStatus,
      checkpointRoot: this.#checkpoints.root,
    });
    const errors = new ErrorFiles(output, {
      partBytesMax: LIMITS.errorFileBytesMax,
      partAgeMaxMs: LIMITS.errorFileAgeMaxMs,
    }, recovered.errorFiles);
    return { history, checkpoints, errors, recovered };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

const DATABASE = "windows.db";

/** @throws {StartException} where the file cannot be opened, or is of another version */
function openHistory(path: string, windowLengthMs: number): SqliteWindowHistory {
  try {
    return new SqliteWindowHistory(path, windowLengthMs);
  } catch (exception) {
    throw new StartException(
      `Cannot open ${path}: ${messageOf(exception)}; take another --output, or --reset`,
      { exitStatus: 1, cause: exception },
    );
  }
}
