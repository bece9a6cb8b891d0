import { FUTURE_WINDOW, type RecordBatch, windowRunEnd } from "../decode/record_batch.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { AnalyzedBatch, StreamElement } from "../stream/elements.ts";
import type { Operator } from "../stream/operator.ts";
import type { LateCounts } from "./late_counts.ts";
import { WindowAccumulator, type WindowShape, type WindowState } from "./window_accumulator.ts";
import type { ClosedWindow } from "./window_summary.ts";

/** How windows are laid out. */
export interface WindowOptions extends WindowShape {
  /** Aligned to the epoch. */
  readonly windowLengthMs: number;
  /** At more open windows than this the oldest close early. */
  readonly limits: Pick<Limits, "openWindows" | "windowUrls">;
  readonly limitCounter: LimitCounter;
}

/** The state of a {@linkcode TumblingWindowOperator}. */
export interface WindowsState {
  /** Windows that end by this time are closed; ms since the epoch, or `-Infinity`. */
  readonly closedUpToMs: number;
  /** Open windows, by start. */
  readonly windows: readonly WindowState[];
}

/**
 * Counts the rows of each batch in their windows and passes the batch on as
 * {@linkcode AnalyzedBatch}; when the watermark reaches the end of windows, emits them as
 * {@linkcode WindowClosed}, the oldest first, each once. A row whose window has closed is late: it
 * is counted as such and changes no window's results.
 */
export class TumblingWindowOperator implements Operator<StreamElement, StreamElement> {
  readonly #options: WindowOptions;
  readonly #windows = new Map<number, WindowAccumulator>();
  #closedUpToMs = -Infinity;
  #watermarkMs: number | undefined;

  /** @throws {SyntaxError | RangeError} where the restored state is damaged */
  constructor(options: WindowOptions, restored: WindowsState | undefined) {
    this.#options = options;
    if (restored === undefined) return;
    this.#closedUpToMs = restored.closedUpToMs;
    if (restored.closedUpToMs !== -Infinity) this.#watermarkMs = restored.closedUpToMs;
    for (const window of restored.windows) {
      this.#windows.set(
        window.startMs,
        WindowAccumulator.restore(window, options),
      );
    }
  }

  push(element: StreamElement, emit: (element: StreamElement) => void): void {
    switch (element.kind) {
      case "batch":
        emit(this.#analyze(element));
        this.#closeSurplus(emit);
        break;
      case "watermark": {
        emit(element);
        this.#watermarkMs = element.timeMs;
        const { windowLengthMs } = this.#options;
        this.#closeUpTo(Math.floor(element.timeMs / windowLengthMs) * windowLengthMs, emit);
        break;
      }
      case "barrier":
        emit({ ...element, state: { ...element.state, windows: this.#state() } });
        break;
      case "view-request":
        emit({
          ...element,
          open: this.#ordered().map((window) => window.summarize()),
          watermarkMs: this.#watermarkMs,
        });
        break;
      default:
        emit(element);
    }
  }

  #analyze(batch: RecordBatch): AnalyzedBatch {
    const { windowStartsMs, windowRowCounts, errors } = batch;
    const isLate = new Uint8Array(windowStartsMs.length);
    const accumulators: (WindowAccumulator | undefined)[] = [];
    const lateErrorCounts = new Uint32Array(windowStartsMs.length);
    let lateCount = 0;
    for (let i = 0; i < windowStartsMs.length; i++) {
      const startMs = windowStartsMs[i]!;
      if (startMs < this.#closedUpToMs) {
        isLate[i] = 1;
        lateCount += windowRowCounts[i]!;
        accumulators.push(undefined);
      } else {
        const accumulator = this.#open(startMs);
        accumulator.addRows(windowRowCounts[i]!);
        accumulators.push(accumulator);
      }
    }
    let lateErrorCount = 0;
    let futureErrorCount = 0;
    for (let start = 0, end; start < errors.count; start = end) {
      end = windowRunEnd(errors, start);
      const index = errors.windowIndexes[start]!;
      if (index === FUTURE_WINDOW) {
        futureErrorCount += end - start;
        continue;
      }
      const accumulator = accumulators[index];
      if (accumulator !== undefined) {
        accumulator.addErrors(errors, start, end);
      } else {
        lateErrorCount += end - start;
        lateErrorCounts[index]! += end - start;
      }
    }
    const late: LateCounts[] = [];
    for (let i = 0; lateCount > 0 && i < windowStartsMs.length; i++) {
      if (isLate[i] === 0) continue;
      late.push({
        windowStartMs: windowStartsMs[i]!,
        lateCount: windowRowCounts[i]!,
        lateErrorCount: lateErrorCounts[i]!,
      });
    }
    return { kind: "analyzed", batch, isLate, lateCount, lateErrorCount, futureErrorCount, late };
  }

  #open(startMs: number): WindowAccumulator {
    let window = this.#windows.get(startMs);
    if (window === undefined) {
      window = new WindowAccumulator(startMs, this.#options);
      this.#windows.set(startMs, window);
    }
    return window;
  }

  #closeUpTo(timeMs: number, emit: (element: StreamElement) => void): void {
    if (timeMs <= this.#closedUpToMs) return;
    this.#closedUpToMs = timeMs;
    for (const window of this.#ordered()) {
      if (window.startMs >= timeMs) break;
      this.#windows.delete(window.startMs);
      emit({ kind: "window-closed", window: this.#close(window) });
    }
  }

  #closeSurplus(emit: (element: StreamElement) => void): void {
    const { limits, limitCounter } = this.#options;
    const surplus = this.#windows.size - limits.openWindows;
    if (surplus <= 0) return;
    limitCounter.reach("openWindows", surplus);
    const last = this.#ordered()[surplus - 1]!;
    this.#closeUpTo(last.startMs + this.#options.windowLengthMs, emit);
  }

  #close(window: WindowAccumulator): ClosedWindow {
    const closed = window.close();
    const { limitCounter } = this.#options;
    for (const { urls, urlsTotal, uniqueIps } of closed.statuses) {
      if (urlsTotal.count > urls.length) limitCounter.reach("windowUrls");
      if (!uniqueIps.isExact) limitCounter.reach("exactAddresses");
    }
    return closed;
  }

  /** By start; rows come in order so often that sorting a few starts costs less than a tree. */
  #ordered(): WindowAccumulator[] {
    return [...this.#windows.values()].sort((a, b) => a.startMs - b.startMs);
  }

  #state(): WindowsState {
    return {
      closedUpToMs: this.#closedUpToMs,
      windows: this.#ordered().map((window) => window.state()),
    };
  }
}
