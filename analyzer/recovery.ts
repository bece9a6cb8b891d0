import type {
  Checkpoint,
  CheckpointIdentity,
  CheckpointState,
  CheckpointStore,
} from "./checkpoint/checkpoint.ts";
import type { IpKey } from "./checkpoint/ip_key.ts";
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

/** A history that tells whether it was there before. */
export type OpenedHistory = WindowHistory & { readonly isNew: boolean };

/** Where results and checkpoints are kept. */
export interface ResultsPlace {
  readonly output: Storage;
  readonly checkpoints: CheckpointStore;
  /** Where the checkpoints are, for messages. */
  readonly checkpointRoot: string;
  /** @throws {SyntaxError} where the database is damaged */
  openHistory(): OpenedHistory;
  /**
   * Moves the database, or all results, or these and the checkpoints to where they are in nobody's
   * way. Returns where the results went.
   */
  setAside(what: "database" | "results" | "everything"): Promise<string>;
}

/** What a run is that results are opened for. */
export interface RunOptions {
  readonly sources: readonly Source[];
  readonly windowLengthMs: number;
  readonly minStatus: number;
  /** What addresses are masked with; `undefined` where they are kept as they came. */
  readonly ipKey?: IpKey | undefined;
  /** Names what is set aside; goes into a path. */
  readonly label: string;
  readonly notice: (line: string) => void;
}

/**
 * Opens what earlier runs left, and takes it back to the latest checkpoint. What is damaged is set
 * aside, and the run goes on with what is whole.
 *
 * @returns with the history, which is the caller's to close
 * @throws {StartException} with exit status 2 where things do not belong together
 */
export async function openResults(
  place: ResultsPlace,
  run: RunOptions,
): Promise<{ readonly history: WindowHistory; readonly recovered: RecoveredState }> {
  const latest = await place.checkpoints.load({
    notice: run.notice,
    onNoneWhole: async () => void await place.setAside("results"),
  });
  const { history, checkpoint } = await openHistory(place, latest, run);
  try {
    return { history, recovered: await recover({ ...place, ...run, history, checkpoint }) };
  } catch (exception) {
    history.close();
    throw exception;
  }
}

/**
 * Without a whole database the windows closed so far are gone: where all of them can be had again
 * from the sources, everything is set aside, so that they are; else the run goes on with a new one.
 */
async function openHistory(
  place: ResultsPlace,
  checkpoint: Checkpoint | undefined,
  { sources, notice }: RunOptions,
): Promise<{ history: WindowHistory; checkpoint: Checkpoint | undefined }> {
  let trouble: string;
  let history: OpenedHistory | undefined;
  try {
    history = place.openHistory();
    if (!history.isNew || checkpoint === undefined || checkpoint.epoch === 0) {
      return { history, checkpoint };
    }
    trouble = `The database in ${place.output.root} is gone`;
  } catch (exception) {
    if (!(exception instanceof SyntaxError)) throw exception;
    trouble = `The database in ${place.output.root} is damaged (${exception.message})`;
  }
  const isReadAgain = sources.every(({ isLive }) => !isLive) && isFromFiles(checkpoint);
  if (isReadAgain || checkpoint === undefined) {
    history?.close();
    const aside = await place.setAside("everything");
    notice(`${trouble}: all results are set aside in ${aside}, and the run begins anew`);
    return { history: place.openHistory(), checkpoint: undefined };
  }
  const lost = "without the windows that had closed";
  if (history !== undefined) {
    notice(`${trouble}: the run goes on with a new one, ${lost}`);
    return { history, checkpoint };
  }
  const aside = await place.setAside("database");
  notice(`${trouble}: set aside in ${aside}; the run goes on with a new one, ${lost}`);
  return { history: place.openHistory(), checkpoint };
}

/** Whether nothing was counted but what files hold: what was delivered over HTTP is not sent again. */
function isFromFiles(checkpoint: Checkpoint | undefined): boolean {
  if (checkpoint === undefined) return true;
  const positions = [...checkpoint.positions.values()];
  const bytes = positions.reduce((sum, { offsetBytes }) => sum + offsetBytes, 0);
  return bytes === checkpoint.totals.bytes;
}

/** What recovery looks at, and brings back to one place. */
export interface RecoveryOptions extends RunOptions {
  readonly output: Storage;
  readonly history: WindowHistory;
  readonly checkpoints: CheckpointStore;
  /** The latest of them. */
  readonly checkpoint: Checkpoint | undefined;
  /** Where the checkpoints are, for messages. */
  readonly checkpointRoot: string;
}

/**
 * The one way in which a run begins: makes sure that the latest checkpoint belongs to this output
 * and these sources, and takes history and error files back to where it left them. A first run
 * saves an empty checkpoint, so that from then on there always is one.
 *
 * @throws {StartException} with exit status 2 where things do not belong together
 */
export async function recover(options: RecoveryOptions): Promise<RecoveredState> {
  const { output, history, checkpoint, sources } = options;
  await checkIdentity(checkpoint, options);
  const saved = await Promise.all(
    sources.map((source) =>
      source.prepare(
        checkpoint?.sources.find(({ name }) => name === source.name),
        checkpoint?.positions.get(source.name),
      )
    ),
  );
  if (checkpoint === undefined) return await begin(options, saved);

  // A first run may have come no further than to its checkpoint.
  if (await readId(output) === undefined) await writeId(output, checkpoint.identity.outputId);
  history.rollBackTo(checkpoint.epoch);
  const { state: errorFiles, cut } = await recoverErrorFiles(output, checkpoint.errorFiles, {
    // What cannot be read again is kept aside: as a rule of live sources, and of a log that is gone.
    isLive: sources.some(({ isReplayable, isPastLost }) => !isReplayable || isPastLost),
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
  const { history, checkpoints, windowLengthMs, minStatus, ipKey } = options;
  const identity = {
    ...{ outputId: crypto.randomUUID(), windowLengthMs, minStatus },
    ...(ipKey === undefined ? {} : { ipKeyId: ipKey.id }),
  };
  await ipKey?.save();
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
  await writeId(options.output, identity.outputId);
  history.rollBackTo(0);
  return { epoch: 0, identity, state: undefined, errorFiles: NO_ERROR_FILES, sources };
}

async function checkIdentity(
  checkpoint: Checkpoint | undefined,
  options: RecoveryOptions,
): Promise<void> {
  const { output, checkpointRoot, windowLengthMs, minStatus, sources } = options;
  const outputId = await readId(output);
  const refuse = (why: string): never => {
    throw new StartException(
      `${why}: take another --output and --checkpoint, or --reset to begin anew`,
      { exitStatus: 2 },
    );
  };
  if (checkpoint === undefined) {
    const errorFiles = await listErrorFiles(output);
    if (outputId === undefined && errorFiles.length === 0) return;
    return refuse(`${output.root} holds results, but ${checkpointRoot} no checkpoint of them`);
  }
  const { identity } = checkpoint;
  const isUntouched = outputId === undefined && checkpoint.epoch === 0;
  if (!isUntouched && outputId !== identity.outputId) {
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
  const keyTrouble = keyTroubleOf(identity.ipKeyId, options);
  if (keyTrouble !== undefined) return refuse(keyTrouble);
  const before = checkpoint.sources.map(({ name }) => name);
  const now = sources.map(({ name }) => name);
  if ([...before].sort().join("\n") !== [...now].sort().join("\n")) {
    return refuse(`${output.root} belongs to other sources (${before.join(", ")})`);
  }
}

/** Why addresses cannot go on as they were kept before: one would be counted as two, or be told. */
function keyTroubleOf(before: string | undefined, options: RecoveryOptions): string | undefined {
  const { ipKey, output } = options;
  if (before === ipKey?.id) return undefined;
  if (before === undefined) return `${output.root} holds addresses as they came, not masked`;
  if (ipKey === undefined) return `${output.root} holds masked addresses, and needs --mask-ip`;
  return ipKey.isNew
    ? `The key ${ipKey.path}, which the addresses in ${output.root} are masked with, is gone`
    : `The addresses in ${output.root} are masked with another key than ${ipKey.path}`;
}

/** Bears the name of the output's content; a file of its own outlives a damaged database. */
export const ID_FILE = "id";

async function readId(output: Storage): Promise<string | undefined> {
  const bytes = await output.read(ID_FILE);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes).trim();
}

async function writeId(output: Storage, id: string): Promise<void> {
  await output.replace(ID_FILE, new TextEncoder().encode(`${id}\n`));
}
