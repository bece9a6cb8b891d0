import type {
  Checkpoint,
  CheckpointIdentity,
  CheckpointState,
  CheckpointStore,
} from "./checkpoint/checkpoint.ts";
import { StartException } from "./exceptions.ts";
import { listErrorFiles, NO_ERROR_FILES, recoverErrorFiles } from "./sink/error_files.ts";
import type { Storage } from "./sink/storage.ts";
import { emptyTotals } from "./sink/totals.ts";
import type { WindowHistory } from "./sink/window_history.ts";
import type { SavedSource, Source } from "./source/source.ts";

/** What a run begins with. */
export interface RecoveredState {
  readonly epoch: number;
  readonly identity: CheckpointIdentity;
  /** `undefined` where no run has gone before. */
  readonly state: CheckpointState | undefined;
  readonly errorFiles: CheckpointState["errorFiles"];
  /** One a source, in their order. */
  readonly sources: readonly SavedSource[];
}

/** What recovery looks at, and brings back to one place. */
export interface RecoveryOptions {
  readonly output: Storage;
  readonly history: WindowHistory & { outputId: string | undefined };
  readonly checkpoints: CheckpointStore;
  /** The latest of them. */
  readonly checkpoint: Checkpoint | undefined;
  readonly sources: readonly Source[];
  readonly windowLengthMs: number;
  readonly minStatus: number;
  /** Where the checkpoints are, for messages. */
  readonly checkpointRoot: string;
  /** Names what is set aside; goes into a path. */
  readonly label: string;
  readonly notice: (line: string) => void;
}

/**
 * The one way in which a run begins: makes sure that the latest checkpoint belongs to this output
 * and these sources, and takes history and error files back to where it left them. A first run saves an empty checkpoint, so that from then on there always is one.
 *
 * @throws {StartException} with exit status 2 where things do not belong together
 */
export async function recover(options: RecoveryOptions): Promise<RecoveredState> {
  const { output, history, checkpoint, sources } = options;
  await checkIdentity(checkpoint, options);
  const saved = await Promise.all(
    sources.map((source) =>
      source.prepare(checkpoint?.sources.find(({ name }) => name === source.name))
    ),
  );
  if (checkpoint === undefined) return await begin(options, saved);

  history.rollBackTo(checkpoint.epoch);
  history.outputId ??= checkpoint.identity.outputId;
  const { state: errorFiles, cut } = await recoverErrorFiles(output, checkpoint.errorFiles, {
    isLive: sources.some(({ isLive }) => isLive),
    label: options.label,
  });
  if (cut?.setAsidePath !== undefined) {
    options.notice(
      `The last run ended without a checkpoint: ${cut.lines} errors that came after the one ` +
        `before are set aside in ${output.root}/${cut.setAsidePath}`,
    );
  }
  return {
    epoch: checkpoint.epoch,
    identity: checkpoint.identity,
    state: checkpoint,
    errorFiles,
    sources: saved,
  };
}

async function begin(
  options: RecoveryOptions,
  sources: readonly SavedSource[],
): Promise<RecoveredState> {
  const { history, checkpoints, windowLengthMs, minStatus } = options;
  const identity = { outputId: crypto.randomUUID(), windowLengthMs, minStatus };
  // First the checkpoint, then the name in the output: a crash between the two leaves a
  // checkpoint of nothing, which fits an output without a name.
  await checkpoints.save({
    epoch: 0,
    identity,
    watermark: { timeMs: -Infinity, eventTimeMaxMs: -Infinity, inputs: [] },
    windows: { closedUpToMs: -Infinity, windows: [] },
    totals: emptyTotals(),
    errorFiles: NO_ERROR_FILES,
    positions: new Map(),
    sources,
  });
  history.outputId = identity.outputId;
  history.rollBackTo(0);
  return { epoch: 0, identity, state: undefined, errorFiles: NO_ERROR_FILES, sources };
}

async function checkIdentity(
  checkpoint: Checkpoint | undefined,
  options: RecoveryOptions,
): Promise<void> {
  const { output, history, checkpointRoot, windowLengthMs, minStatus, sources } = options;
  const refuse = (why: string): never => {
    throw new StartException(
      `${why}: take another --output and --checkpoint, or --reset to begin anew`,
      { exitStatus: 2 },
    );
  };
  if (checkpoint === undefined) {
    const errorFiles = await listErrorFiles(output);
    if (history.outputId === undefined && errorFiles.length === 0) return;
    return refuse(`${output.root} holds results, but ${checkpointRoot} no checkpoint of them`);
  }
  const { identity } = checkpoint;
  const isUntouched = history.outputId === undefined && checkpoint.epoch === 0;
  if (!isUntouched && history.outputId !== identity.outputId) {
    return refuse(`The checkpoint in ${checkpointRoot} does not belong to ${output.root}`);
  }
  if (identity.windowLengthMs !== windowLengthMs) {
    return refuse(
      `${output.root} holds windows of ${identity.windowLengthMs} ms, not ${windowLengthMs} ms`,
    );
  }
  if (identity.minStatus !== minStatus) {
    return refuse(`${output.root} counts errors from ${identity.minStatus} on, not ${minStatus}`);
  }
  const before = checkpoint.sources.map(({ name }) => name);
  const now = sources.map(({ name }) => name);
  if ([...before].sort().join("\n") !== [...now].sort().join("\n")) {
    return refuse(`${output.root} belongs to other sources (${before.join(", ")})`);
  }
}
