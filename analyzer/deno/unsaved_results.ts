import type { CheckpointStore } from "../checkpoint/checkpoint.ts";
import type { AnalyzerConfig } from "../config.ts";
import type { LimitCounter } from "../limits.ts";
import { type ErrorSink, NO_ERROR_FILES } from "../sink/error_files.ts";
import type { WindowHistory } from "../sink/window_history.ts";
import type { Source } from "../source/source.ts";
import type { OpenResults, Results } from "./results.ts";
import { SqliteWindowHistory } from "./sqlite_window_history.ts";

/** Results that end with the run: nothing is written but the latest windows, into memory. */
export class UnsavedResults implements Results {
  /** Nothing is stored. */
  readonly ipMask = undefined;
  readonly #config: AnalyzerConfig;
  readonly #history: WindowHistory;

  constructor(config: AnalyzerConfig, limitCounter: LimitCounter) {
    this.#config = config;
    // Where nothing is served either, nobody can ask for a window that was printed.
    this.#history = config.http === undefined
      ? NO_HISTORY
      : new SqliteWindowHistory(":memory:", config.windowLengthMs, {
        windowsMax: config.limits.unsavedWindows,
        onForgotten: (count) => limitCounter.reach("unsavedWindows", count),
      });
  }

  /** There is nothing to move aside. */
  reset(): Promise<void> {
    return Promise.resolve();
  }

  async open(sources: readonly Source[]): Promise<OpenResults> {
    const { windowLengthMs, minStatus } = this.#config;
    const recovered = {
      epoch: 0,
      identity: { outputId: "", windowLengthMs, minStatus },
      state: undefined,
      errorFiles: NO_ERROR_FILES,
      sources: await Promise.all(sources.map((source) => source.prepare(undefined))),
    };
    return {
      history: this.#history,
      checkpoints: NO_CHECKPOINTS,
      errors: NO_ERRORS,
      savedErrors: undefined,
      recovered,
    };
  }

  [Symbol.dispose](): void {
    this.#history.close();
  }
}

const NO_CHECKPOINTS: CheckpointStore = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
};

const NO_HISTORY: WindowHistory = {
  put: () => {},
  addLate: () => {},
  commit: () => {},
  sync: () => Promise.resolve(),
  rollBackTo: () => {},
  removeOld: () => ({ windows: 0, hasMore: false, isHeldBack: false }),
  query: () => ({ windows: [], nextBeforeMs: undefined }),
  get: () => undefined,
  startsAfter: () => [],
  sumBySpan: () => [],
  oldestStartMs: () => undefined,
  newestStartMs: () => undefined,
  isBehind: false,
  ranges: {
    windowLengthMs: 1,
    sum: () => ({ windows: 0, totalCount: 0, errorCount: 0, lateCount: 0, lateErrorCount: 0 }),
    parts: () => [],
    newestStart: () => undefined,
    gridMs: () => 1,
  },
  rollUp: () => {},
  addErrorBlock: () => {},
  learnErrorBlock: () => {},
  forgetErrorPart: () => {},
  errorBlocks: () => [],
  close: () => {},
};

const NO_ERRORS: ErrorSink = {
  append: () => Promise.resolve(),
  flush: () => Promise.resolve(),
  sync: () => Promise.resolve(),
  state: () => NO_ERROR_FILES,
  close: () => {},
};
