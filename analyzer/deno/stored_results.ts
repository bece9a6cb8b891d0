import { join } from "node:path";
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { CHECKPOINT_FILES, StoredCheckpoints } from "../checkpoint/stored_checkpoints.ts";
import type { AnalyzerConfig } from "../config.ts";
import { messageOf, StartException } from "../exceptions.ts";
import { LIMITS } from "../limits.ts";
import { recover } from "../recovery.ts";
import { ErrorFiles } from "../sink/error_files.ts";
import type { StorageRetrier } from "../sink/storage_retrier.ts";
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
  /** For what is written once it is open. */
  readonly retrier: StorageRetrier;
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
    for (
      const aside of [
        await setStateAside(this.#checkpoints.root, CHECKPOINT_FILES, label),
        await this.#setOutputAside(),
      ]
    ) {
      if (aside !== undefined) notice(`Set aside what was there: ${aside}`);
    }
  }

  async open(sources: readonly Source[]): Promise<OpenResults> {
    const { windowLengthMs, minStatus } = this.#config;
    const output = this.#output;
    const checkpoints = new StoredCheckpoints(this.#checkpoints, this.#options.label);
    const latest = await checkpoints.load({
      notice: this.#options.notice,
      onNoneWhole: async () => void await this.#setOutputAside(),
    });
    const { history, checkpoint } = await this.#openHistory(latest, sources);
    this.#stack.use(history);
    const recovered = await recover({
      ...this.#options,
      output,
      history,
      checkpoints,
      checkpoint,
      sources,
      windowLengthMs,
      minStatus,
      checkpointRoot: this.#checkpoints.root,
    });
    const errors = new ErrorFiles(
      output,
      { partBytesMax: LIMITS.errorFileBytesMax, partAgeMaxMs: LIMITS.errorFileAgeMaxMs },
      recovered.errorFiles,
      this.#options.retrier,
    );
    return { history, checkpoints, errors, recovered };
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }

  /**
   * Opens the database. A damaged one is set aside: where all of its windows can be had again from
   * the sources, with everything else, so that they are; else the run goes on with a new one.
   */
  async #openHistory(
    checkpoint: Checkpoint | undefined,
    sources: readonly Source[],
  ): Promise<{ history: SqliteWindowHistory; checkpoint: Checkpoint | undefined }> {
    const { label, notice } = this.#options;
    const path = join(this.#output.root, DATABASE);
    try {
      return { history: openHistory(path, this.#config.windowLengthMs), checkpoint };
    } catch (exception) {
      if (!(exception instanceof SyntaxError)) throw exception;
      const isReadAgain = sources.every(({ isLive }) => !isLive);
      const damage = `Database ${path} is damaged (${exception.message})`;
      if (isReadAgain || checkpoint === undefined) {
        await setStateAside(this.#checkpoints.root, CHECKPOINT_FILES, label);
        const aside = await this.#setOutputAside();
        notice(`${damage}: all results are set aside in ${aside}, and the run begins anew`);
        checkpoint = undefined;
      } else {
        const aside = await setStateAside(this.#output.root, DATABASE_FILES, label);
        notice(`${damage}: set aside in ${aside}; only there are the windows closed so far`);
      }
      const history = openHistory(path, this.#config.windowLengthMs);
      if (checkpoint !== undefined) history.outputId = checkpoint.identity.outputId;
      return { history, checkpoint };
    }
  }

  #setOutputAside(): Promise<string | undefined> {
    return setStateAside(this.#output.root, ["errors", ...DATABASE_FILES], this.#options.label);
  }
}

const DATABASE = "windows.db";
const DATABASE_FILES = [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`];

/**
 * @throws {SyntaxError} where the file is damaged
 * @throws {StartException} where it cannot be opened, or is of another version
 */
function openHistory(path: string, windowLengthMs: number): SqliteWindowHistory {
  try {
    return new SqliteWindowHistory(path, windowLengthMs);
  } catch (exception) {
    if (exception instanceof SyntaxError) throw exception;
    throw new StartException(
      `Cannot open ${path}: ${messageOf(exception)}; take another --output, or --reset`,
      { exitStatus: 1, cause: exception },
    );
  }
}
