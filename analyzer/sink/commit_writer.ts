import type {
  CheckpointIdentity,
  CheckpointState,
  CheckpointStore,
} from "../checkpoint/checkpoint.ts";
import type { Clock } from "../clock.ts";
import { giveBackColumns } from "../decode/column_memory.ts";
import { type LineSample, type SampleKind, sampleText } from "../decode/line_sample.ts";
import type { InputPosition } from "../decode/record_batch.ts";
import type { DeliveryLedger } from "../delivery/delivery_ledger.ts";
import { messageOf } from "../exceptions.ts";
import type { SavedSource } from "../source/source.ts";
import type { AnalyzedBatch, StreamElement } from "../stream/elements.ts";
import { NO_TRACING, type Span, type Tracing } from "../tracing.ts";
import type { ErrorSink } from "./error_files.ts";
import type { LastWindow, LiveView } from "./live_view.ts";
import type { LiveViewBoard } from "./live_view_board.ts";
import type { Reporter } from "./reporter.ts";
import type { Retention } from "./retention.ts";
import { SourceOutages } from "./source_outages.ts";
import type { SourceStates } from "./source_states.ts";
import type { StorageRetrier } from "./storage_retrier.ts";
import type { Totals } from "./totals.ts";
import type { TotalsCounter } from "./totals_counter.ts";
import type { WindowHistory } from "./window_history.ts";

/** Everything the writer writes to, and what it goes on from. */
export interface CommitWriterOptions {
  readonly clock: Clock;
  readonly errors: ErrorSink;
  readonly history: WindowHistory;
  /** Removes what is too old; `undefined` where everything is kept. */
  readonly retention?: Pick<Retention, "step"> | undefined;
  readonly checkpoints: CheckpointStore;
  readonly identity: CheckpointIdentity;
  readonly sources: readonly SavedSource[];
  readonly sourceStates: SourceStates;
  readonly totals: TotalsCounter;
  /** What was counted of each delivery. */
  readonly deliveries: DeliveryLedger;
  readonly board: LiveViewBoard;
  readonly reporter: Reporter;
  readonly retrier: StorageRetrier;
  /** Number of the checkpoint that the run goes on from. */
  readonly epoch: number;
  /** Inputs whose positions are worth saving. */
  readonly replayableInputs: readonly string[];
  /** How far each of those had been read there. */
  readonly positions: ReadonlyMap<string, InputPosition>;
  /** Called when there is something that the next checkpoint has to save. */
  readonly onChanged: () => void;
  /** Called when somebody waits for a checkpoint. */
  readonly onCheckpointWanted: () => void;
  /** Called when the sources of the command line have ended. */
  readonly onSourcesEnded: () => void;
  /** Called after each checkpoint barrier, whether it had anything to save or not. */
  readonly onBarrier: () => void;
  readonly tracing?: Tracing;
}

/** How the writer does. */
export interface WriterProgress {
  /** Milliseconds since the writer last took or finished an element. */
  readonly idleMs: number;
  /** Whether it is at an element now. */
  readonly isWriting: boolean;
}

/**
 * The one place where results leave the stream, and the one order in which they do: error rows,
 * history, screen; and at a barrier first the errors, then the windows, then the checkpoint that
 * refers to both, each durable before the next. A crash at any moment leaves a checkpoint whose
 * files and windows are all there, and a tail behind it that recovery cuts off.
 */
export class CommitWriter implements UnderlyingSink<StreamElement> {
  readonly #options: CommitWriterOptions;
  readonly #replayable: ReadonlySet<string>;
  readonly #positions: Map<string, InputPosition>;
  /** Of each kind one of the latest batch that had any. */
  readonly #samples = new Map<SampleKind, LineSample>();
  readonly #outages: SourceOutages;
  #savedTotals: Totals;
  #epoch: number;
  #hasChanged = false;
  #open: LiveView["open"] = [];
  #watermarkMs: number | undefined;
  #eventTimeMaxMs: number | undefined;
  #lastWindow: LastWindow | undefined;
  #movedAtMs: number;
  #isWriting = false;

  constructor(options: CommitWriterOptions) {
    this.#options = options;
    this.#epoch = options.epoch;
    this.#outages = new SourceOutages(options.tracing ?? NO_TRACING);
    this.#savedTotals = options.totals.snapshot();
    this.#positions = new Map(options.positions);
    this.#replayable = new Set(options.replayableInputs);
    this.#movedAtMs = options.clock.monotonicMs();
  }

  /** How the writer does at this moment. */
  get progress(): WriterProgress {
    return {
      idleMs: this.#options.clock.monotonicMs() - this.#movedAtMs,
      isWriting: this.#isWriting,
    };
  }

  /** Commits one element; rejects with what a sink has thrown, which errors the stream. */
  async write(element: StreamElement): Promise<void> {
    this.#isWriting = true;
    this.#movedAtMs = this.#options.clock.monotonicMs();
    try {
      await this.#commit(element);
    } catch (exception) {
      // A stream does not tell a sink that has failed itself.
      this.abort();
      throw exception;
    }
    this.#isWriting = false;
    this.#movedAtMs = this.#options.clock.monotonicMs();
  }

  /** Ends the run: what is there stays as the last view. */
  close(): void {
    this.#outages.close();
    this.#options.board.publishLast(this.#view());
    this.#options.errors.close();
  }

  /** Gives up after a failure: what the last checkpoint does not hold is cut off by recovery. */
  abort(): void {
    this.#outages.close();
    this.#options.errors.close();
  }

  #commit(element: StreamElement): Promise<void> | void {
    const { board, history, reporter, sourceStates } = this.#options;
    switch (element.kind) {
      case "analyzed":
        return this.#commitBatch(element);
      case "window-closed":
        history.put(element.window);
        board.windowClosed(element.window);
        this.#lastWindow = {
          endMs: element.window.startMs + element.window.lengthMs,
          clientCount: element.window.uniqueIps.count,
        };
        this.#changed();
        // A reader that does not read holds up the stream, as a slow disk does.
        return reporter.windowClosed(element.window);
      case "delivery-ended": {
        const { clock, deliveries, onCheckpointWanted } = this.#options;
        this.#changed();
        if (deliveries.end(element.delivery, element.isComplete, clock.wallMs())) {
          onCheckpointWanted();
        }
        return;
      }
      case "sources-ended":
        return this.#options.onSourcesEnded();
      case "watermark":
        this.#watermarkMs = element.timeMs;
        return;
      case "source-changed":
        sourceStates.change(element);
        this.#outages.change(element);
        if (element.notice !== "") reporter.notice(element.notice);
        return;
      case "tick":
        return this.#tick(element.wallMs);
      case "view-request":
        this.#open = element.open ?? [];
        this.#watermarkMs = element.watermarkMs;
        this.#eventTimeMaxMs = element.eventTimeMaxMs;
        return this.#publishView();
      case "barrier":
        return this.#commitCheckpoint(element.state);
      default:
        return;
    }
  }

  async #commitBatch(analyzed: AnalyzedBatch): Promise<void> {
    const { clock, errors, history, sourceStates, totals, deliveries } = this.#options;
    const { batch } = analyzed;
    const wallMs = clock.wallMs();
    // No await where nothing is written: most batches of a quiet stream hold no error.
    if (batch.errors.count > 0) await errors.append(analyzed, wallMs);
    for (const late of analyzed.late) history.addLate(late);
    totals.add(analyzed);
    if (batch.delivery !== undefined) deliveries.add(batch.delivery, analyzed, wallMs);
    sourceStates.sawRows(batch, wallMs);
    if (this.#replayable.has(batch.inputId)) this.#positions.set(batch.inputId, batch.position);
    for (const sample of batch.samples) this.#sample(sample);
    if (analyzed.lateCount > 0) {
      const line = batch.windowSamples[analyzed.isLate.indexOf(1)]!;
      this.#sample({ kind: "late", text: sampleText(line) });
    }
    // Nobody comes behind the writer; the sink has the lines.
    giveBackColumns(batch.errors);
    this.#changed();
  }

  /** Keeps the latest line of each kind, and tells of the first one. */
  #sample(sample: LineSample): void {
    if (!this.#samples.has(sample.kind)) this.#options.reporter.leftOut(sample);
    this.#samples.set(sample.kind, sample);
  }

  async #commitCheckpoint(state: Partial<CheckpointState>): Promise<void> {
    const { clock, tracing = NO_TRACING } = this.#options;
    if (this.#hasChanged) {
      const epoch = this.#epoch + 1;
      const span = tracing.begin("save checkpoint", { "vigie.epoch": epoch });
      const before = this.#savedTotals;
      try {
        await this.#saveCheckpoint(epoch, state, span);
      } catch (exception) {
        span.fail(messageOf(exception));
        throw exception;
      }
      span.end({
        "vigie.bytes": this.#savedTotals.bytes - before.bytes,
        "vigie.lines": this.#savedTotals.lines - before.lines,
        "vigie.errors": this.#savedTotals.errors - before.errors,
      });
    }
    this.#options.deliveries.becameDurable();
    this.#options.onBarrier();
    await this.#removeOld(clock.wallMs());
  }

  async #saveCheckpoint(
    epoch: number,
    { watermark, windows }: Partial<CheckpointState>,
    span: Span,
  ): Promise<void> {
    const { clock, errors, history, checkpoints, identity, sources, retrier } = this.#options;
    if (watermark === undefined || windows === undefined) {
      throw new Error("Cannot save a checkpoint: an operator did not add its state");
    }
    await errors.sync(clock.wallMs());
    span.reach("errors are durable");
    await retrier.retry(() => history.commit(epoch, clock.wallMs()));
    await retrier.retry(() => history.sync());
    span.reach("windows are durable");
    const totals = this.#options.totals.snapshot();
    const checkpoint = {
      epoch,
      identity,
      watermark,
      windows,
      totals,
      errorFiles: errors.state(),
      positions: new Map(this.#positions),
      sources,
      deliveryKeys: this.#options.deliveries.state(),
    };
    await retrier.retry(() => checkpoints.save(checkpoint));
    this.#epoch = epoch;
    this.#savedTotals = totals;
    this.#hasChanged = false;
  }

  async #tick(wallMs: number): Promise<void> {
    await this.#options.errors.flush();
    await this.#removeOld(wallMs);
    this.#options.history.rollUp();
  }

  /** What no checkpoint may want back goes at once, the rest behind the next one. */
  async #removeOld(wallMs: number): Promise<void> {
    if (await this.#options.retention?.step(wallMs)) this.#changed();
  }

  #changed(): void {
    this.#hasChanged = true;
    this.#options.onChanged();
  }

  /** Whoever compares totals with the error files finds every error there. */
  async #publishView(): Promise<void> {
    await this.#options.errors.flush();
    this.#options.board.publish(this.#view());
  }

  #view(): LiveView {
    const { clock, totals, sourceStates } = this.#options;
    return {
      atMs: clock.wallMs(),
      totals: totals.snapshot(),
      sources: sourceStates.snapshot(),
      open: this.#open,
      watermarkMs: this.#watermarkMs,
      eventTimeMaxMs: this.#eventTimeMaxMs,
      lastWindow: this.#lastWindow,
      samples: [...this.#samples.values()],
    };
  }
}
