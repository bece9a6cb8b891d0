import type { Clock } from "./clock.ts";
import type { AnalyzerConfig } from "./config.ts";
import type { CheckpointStore } from "./checkpoint/checkpoint.ts";
import type { IpMask } from "./decode/ip_mask.ts";
import type { DeliveryReceiver } from "./delivery/delivery.ts";
import { DeliveryLedger } from "./delivery/delivery_ledger.ts";
import { DeliverySource } from "./delivery/delivery_source.ts";
import type { Health } from "./http/app_deps.ts";
import type { LimitCounter } from "./limits.ts";
import type { RecoveredState } from "./recovery.ts";
import { CommitWriter } from "./sink/commit_writer.ts";
import type { ErrorSink } from "./sink/error_files.ts";
import { LiveViewBoard } from "./sink/live_view_board.ts";
import type { Retention } from "./sink/retention.ts";
import type { Reporter } from "./sink/reporter.ts";
import { SourceStates } from "./sink/source_states.ts";
import type { StorageRetrier } from "./sink/storage_retrier.ts";
import { emptyTotals } from "./sink/totals.ts";
import { TotalsCounter } from "./sink/totals_counter.ts";
import type { WindowHistory } from "./sink/window_history.ts";
import type { Source } from "./source/source.ts";
import { inputIdOf } from "./source/source_state.ts";
import { operatorStream } from "./stream/operator.ts";
import { Signals } from "./stream/signals.ts";
import type { Tracing } from "./tracing.ts";
import { TumblingWindowOperator } from "./window/tumbling_window_operator.ts";
import { WatermarkOperator } from "./window/watermark_operator.ts";

/** What the chain is made of; everything that touches the outside comes in from there. */
export interface PipelineParts {
  readonly config: AnalyzerConfig;
  readonly clock: Clock;
  readonly sources: readonly Source[];
  /** Where the run goes on from. */
  readonly recovered: RecoveredState;
  readonly errors: ErrorSink;
  /** Takes the place of addresses in all that is stored; `undefined` where nothing has to. */
  readonly ipMask?: IpMask | undefined;
  readonly history: WindowHistory;
  /** Removes what is too old; `undefined` where everything is kept. */
  readonly retention?: Retention | undefined;
  readonly checkpoints: CheckpointStore;
  readonly reporter: Reporter;
  /** Does again what the storage refuses. */
  readonly retrier: StorageRetrier;
  readonly limitCounter: LimitCounter;
  /** Learns of what takes time; nobody unless given. */
  readonly tracing?: Tracing;
  /** Whether somebody waits for an answer over HTTP. */
  readonly isAnswering: () => boolean;
  /** Stops the run: what was read is committed, and windows stay open in the checkpoint. */
  readonly signal: AbortSignal;
}

/** A chain that runs. */
export interface RunningPipeline {
  /** Current results. */
  readonly board: LiveViewBoard;
  /** Takes lines that are sent over HTTP; `undefined` where the run ends with its sources. */
  readonly deliveries: DeliveryReceiver | undefined;
  /** Resolves once the sources have ended and their results are committed; never rejects. */
  readonly sourcesEnded: Promise<void>;
  /** How it does at this moment. */
  health(): Health;
  /** Resolves once everything is committed; rejects with what broke the chain. */
  readonly done: Promise<void>;
}

/**
 * The whole analyzer, from sources to sinks:
 *
 * ```
 * sources, POST ─────┐ decoded, one batch a read
 * ticks, barriers ───┼─▶ watermark ─▶ tumbling windows ─▶ commit writer ─▶ errors, history,
 * view requests ─────┘                                                    checkpoint, screen
 * ```
 *
 * Everything travels in one stream, so that backpressure and durability share one order: a slow
 * disk holds up the sockets, and a barrier saves the state of every stage at the same place.
 */
export function startPipeline(parts: PipelineParts): RunningPipeline {
  const { config, clock, sources, recovered, reporter, limitCounter } = parts;
  const { state } = recovered;
  const broken = new AbortController();
  const signal = AbortSignal.any([parts.signal, broken.signal]);

  const turnIntervalMs = () =>
    config.http === undefined
      ? TURN_INTERVAL_MS
      : parts.isAnswering() || deliveries.isAnswering
      ? 0
      : TURN_INTERVAL_SERVING_MS;
  const { maxFutureMs, limits } = config;
  const decoder = { ...config, limitCounter, ipMask: parts.ipMask };
  const context = { clock, signal, decoder, limits, limitCounter, maxFutureMs, turnIntervalMs };
  const ledger = new DeliveryLedger({
    saves: config.saves,
    limits,
    limitCounter,
    keys: state?.deliveryKeys,
  });
  const deliveries = new DeliverySource(ledger, context);
  // A run that ends with its sources would have to end in the middle of a delivery.
  const takesDeliveries = config.http !== undefined && !config.once;
  const sourcesEnded = Promise.withResolvers<void>();
  const inputs = sources.map((source, i) =>
    source.open({
      ...context,
      saved: recovered.sources[i]!,
      position: state?.positions.get(source.name),
    })
  );
  const replayableInputs = sources.filter(({ isReplayable }) => isReplayable)
    .map(({ name }) => inputIdOf(name));
  const signals = new Signals(inputs, {
    clock,
    tickIntervalMs: TICK_INTERVAL_MS,
    checkpointIntervalMs: config.checkpointIntervalMs,
    urgentCheckpointIntervalMs: URGENT_CHECKPOINT_INTERVAL_MS,
    ...(takesDeliveries ? { standingInput: deliveries.open() } : {}),
    replayableInputs,
    aheadMaxMs: ALIGNED_WINDOWS * config.windowLengthMs,
  }, signal);
  const watermark = new WatermarkOperator(
    { ...config, replayableInputs },
    state?.watermark,
    clock.monotonicMs(),
  );
  const windows = new TumblingWindowOperator({ ...config, limitCounter }, state?.windows);

  const sourceStates = new SourceStates(sources.map(({ name }) => name));
  const board = new LiveViewBoard(clock, {
    atMs: clock.wallMs(),
    totals: state?.totals ?? emptyTotals(),
    sources: sourceStates.snapshot(),
    open: [],
    watermarkMs: undefined,
    eventTimeMaxMs: undefined,
    lastWindow: undefined,
    samples: [],
  });
  board.connect(() => signals.requestView());
  const writer = new CommitWriter({
    clock,
    board,
    reporter,
    retrier: parts.retrier,
    sourceStates,
    errors: parts.errors,
    history: parts.history,
    retention: parts.retention,
    checkpoints: parts.checkpoints,
    identity: recovered.identity,
    epoch: recovered.epoch,
    sources: recovered.sources,
    replayableInputs,
    positions: state?.positions ?? new Map(),
    totals: new TotalsCounter(state?.totals),
    deliveries: ledger,
    onChanged: () => signals.markChanged(),
    onCheckpointWanted: () => signals.requestCheckpoint(),
    onSourcesEnded: () => sourcesEnded.resolve(),
    onBarrier: () => signals.barrierDone(),
    ...(parts.tracing === undefined ? {} : { tracing: parts.tracing }),
  });

  const done = signals.open()
    .pipeThrough(operatorStream(watermark))
    .pipeThrough(operatorStream(windows, {
      queuedMax: limits.queuedBatches,
      onFull: () => limitCounter.reach("queuedBatches"),
    }))
    .pipeTo(new WritableStream(writer))
    .finally(() => {
      broken.abort();
      deliveries.stop();
    });
  return {
    board,
    deliveries: takesDeliveries ? deliveries : undefined,
    sourcesEnded: sourcesEnded.promise,
    health() {
      const { idleMs, isWriting } = writer.progress;
      return {
        state: parts.signal.aborted ? "stopping" : "running",
        writerIdleMs: idleMs,
        inputWaiting: isWriting,
        writerFault: parts.retrier.fault,
        writerRefusals: parts.retrier.refusalCount,
      };
    },
    done,
  };
}

/** How many windows the reading of one file may be ahead of another's. */
const ALIGNED_WINDOWS = 8;

/**
 * How long reading may keep everything else waiting. Where nothing is served, only signals and the
 * status line wait; else a request waits so long to be seen. Until its answer is given there is a
 * turn behind every read.
 */
const TURN_INTERVAL_SERVING_MS = 20;
const TURN_INTERVAL_MS = 100;

/** How often a checkpoint is saved while deliveries wait for it: each costs a few waits for the disk. */
const URGENT_CHECKPOINT_INTERVAL_MS = 50;

/** How finely time passes where nothing else happens: idle inputs are found as late as this. */
const TICK_INTERVAL_MS = 250;
