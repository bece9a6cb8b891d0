import type { InputPosition } from "../decode/record_batch.ts";
import type { ErrorFilesState } from "../sink/error_files.ts";
import type { Totals } from "../sink/totals.ts";
import type { SavedSource } from "../source/source.ts";
import type { WatermarkState } from "../window/watermark_operator.ts";
import type { WindowsState } from "../window/tumbling_window_operator.ts";

/** The state of a run at one place of its stream, with what it belongs to. */
export interface Checkpoint extends CheckpointState {
  /** Counts the checkpoints of one output; the first, before anything is read, is 0. */
  readonly epoch: number;
  readonly identity: CheckpointIdentity;
}

/** What a checkpoint belongs to: state must never be continued with anything else. */
export interface CheckpointIdentity {
  /** Random name of the output directory's content, kept there too. */
  readonly outputId: string;
  readonly windowLengthMs: number;
  readonly minStatus: number;
  /** Of the key that addresses are masked with; not there where they are kept as they came. */
  readonly ipKeyId?: string;
}

/** The parts of the state; each is added by the stage that owns it. */
export interface CheckpointState {
  readonly watermark: WatermarkState;
  readonly windows: WindowsState;
  readonly totals: Totals;
  readonly errorFiles: ErrorFilesState;
  /** By input, how far it was read; only replayable inputs have an entry. */
  readonly positions: ReadonlyMap<string, InputPosition>;
  readonly sources: readonly SavedSource[];
  /**
   * What was counted under each `Idempotency-Key`, encoded, by last use; not in checkpoints of
   * versions that took no deliveries.
   */
  readonly deliveryKeys?: readonly string[];
}

/** Keeps the latest checkpoint and the one before it. */
export interface CheckpointStore {
  /**
   * The latest checkpoint that is whole, or `undefined` where there is none. A damaged one is set
   * aside under another name.
   */
  load(options: LoadOptions): Promise<Checkpoint | undefined>;
  /** Holds after a crash once this has resolved. */
  save(checkpoint: Checkpoint): Promise<void>;
}

/** What loading a checkpoint tells. */
export interface LoadOptions {
  /** Told in one line of each damaged checkpoint. */
  readonly notice: (line: string) => void;
  /**
   * Called before checkpoints are set aside of which none is whole: without them, nothing says any
   * more what the results belong to.
   */
  readonly onNoneWhole: () => Promise<void>;
}
