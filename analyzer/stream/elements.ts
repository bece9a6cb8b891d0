import type { CheckpointState } from "../checkpoint/checkpoint.ts";
import type { RecordBatch } from "../decode/record_batch.ts";
import type { Delivery } from "../delivery/delivery.ts";
import type { RefusalReason, SourcePhase } from "../source/source_state.ts";
import type { LateCounts } from "../window/late_counts.ts";
import type { ClosedWindow, WindowSummary } from "../window/window_summary.ts";

/**
 * Everything that travels through the analyzer, in one stream and one order: data, time,
 * checkpoints and requests for a view. An operator passes on what it does not handle.
 */
export type StreamElement =
  | InputElement
  | SignalElement
  | Watermark
  | AnalyzedBatch
  | WindowClosed;

/** What a source emits. */
export type InputElement =
  | RecordBatch
  | InputOpened
  | InputClosed
  | SourceChanged
  | DeliveryEnded;

/** What time, the operator of the program and its readers add to the order. */
export type SignalElement = Tick | CheckpointBarrier | ViewRequest | SourcesEnded | EndOfInput;

/**
 * An input takes part in the watermark: a live one from its first row on, another from here on. It
 * may come again for an input that is open: a file that is followed becomes live once it was read
 * to its end.
 */
export interface InputOpened {
  readonly kind: "input-opened";
  readonly inputId: string;
  /** A live input may fall silent; one that was all there before (a file) is only ever slow. */
  readonly isLive: boolean;
}

/** An input takes no part in the watermark any more. */
export interface InputClosed {
  readonly kind: "input-closed";
  readonly inputId: string;
  /** True where the input was read to its end, false where its connection was lost. */
  readonly isComplete: boolean;
}

/** What a source has to tell people; it changes no result. */
export interface SourceChanged {
  readonly kind: "source-changed";
  readonly source: string;
  readonly phase: SourcePhase;
  /** Change in the number of open connections. */
  readonly connectionsDelta: -1 | 0 | 1;
  /** A connection was not let in. */
  readonly refusal?: RefusalReason;
  /** Why, in a few words; empty where nothing is wrong. */
  readonly reason: string;
  /** A line for the person at the terminal; empty where there is nothing new to say. */
  readonly notice: string;
}

/** Nothing of a delivery follows: what was counted of it is to become durable. */
export interface DeliveryEnded {
  readonly kind: "delivery-ended";
  readonly delivery: Delivery;
  /** True where its body was read to its end. */
  readonly isComplete: boolean;
}

/** Processing time. */
export interface Tick {
  readonly kind: "tick";
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/**
 * A place in the stream at which the whole state is saved. Each operator adds its own part as the
 * barrier passes, so that all parts belong to the same place.
 */
export interface CheckpointBarrier {
  readonly kind: "barrier";
  readonly state: Partial<CheckpointState>;
}

/** Asks for a view of the results at this place of the stream; the operators fill it. */
export interface ViewRequest {
  readonly kind: "view-request";
  readonly eventTimeMaxMs?: number | undefined;
  readonly open?: readonly WindowSummary[];
  readonly watermarkMs?: number | undefined;
}

/** The sources of the command line have ended; what is delivered over HTTP may still follow. */
export interface SourcesEnded {
  readonly kind: "sources-ended";
}

/** All inputs were read to their end: nothing will follow but a last checkpoint. */
export interface EndOfInput {
  readonly kind: "end-of-input";
}

/** No on-time row with an earlier event time will follow. Only ever forward. */
export interface Watermark {
  readonly kind: "watermark";
  readonly timeMs: number;
}

/** A batch, and what became of its rows. */
export interface AnalyzedBatch {
  readonly kind: "analyzed";
  readonly batch: RecordBatch;
  /** `[windows of the batch]`, 1 where the window had closed before the batch came. */
  readonly isLate: Uint8Array;
  readonly lateCount: number;
  readonly lateErrorCount: number;
  readonly futureErrorCount: number;
  /** Late rows by window, only where there are any. */
  readonly late: readonly LateCounts[];
}

/** A window that has closed, on its way to history and screen. */
export interface WindowClosed {
  readonly kind: "window-closed";
  readonly window: ClosedWindow;
}
