import type { CheckpointStore } from "../checkpoint/checkpoint.ts";
import type { IpMask } from "../decode/ip_mask.ts";
import type { Retention } from "../sink/retention.ts";
import type { RecoveredState } from "../recovery.ts";
import type { ErrorSink } from "../sink/error_files.ts";
import type { ErrorIndex } from "../sink/error_index.ts";
import type { PieceStorage } from "../sink/storage.ts";
import type { Source } from "../source/source.ts";
import type { WindowHistory } from "../sink/window_history.ts";

/** Where a run keeps its results, and the state from which the next one goes on. */
export interface Results extends Disposable {
  /**
   * Takes the place of addresses in all that is stored, known from {@linkcode open} on before it
   * looks at sources; `undefined` where nothing has to.
   */
  readonly ipMask: IpMask | undefined;
  /** Moves aside what earlier runs left; called before it is opened. */
  reset(): Promise<void>;
  /**
   * Opens what is there and brings it back to the latest checkpoint; called once.
   *
   * @throws {StartException} where it cannot, or where it does not belong to these sources
   */
  open(sources: readonly Source[]): Promise<OpenResults>;
}

/** Errors that can be read again. */
export interface SavedErrors {
  readonly files: PieceStorage;
  readonly index: ErrorIndex;
}

/** Results that are open for writing. */
export interface OpenResults {
  readonly history: WindowHistory;
  readonly checkpoints: CheckpointStore;
  readonly errors: ErrorSink;
  /** Where errors are found again; `undefined` where none are saved. */
  readonly savedErrors: SavedErrors | undefined;
  /** Removes what is too old; `undefined` where everything is kept. */
  readonly retention?: Retention | undefined;
  /** Where the run goes on from. */
  readonly recovered: RecoveredState;
}
