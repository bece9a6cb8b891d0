import type { RecordBatch } from "../decode/record_batch.ts";
import type { StreamElement } from "../stream/elements.ts";
import type { Operator } from "../stream/operator.ts";

/** Times that rule the watermark. */
export interface WatermarkOptions {
  readonly windowLengthMs: number;
  /** How far rows may be out of order, in ms. */
  readonly latenessMs: number;
  /** A live input that was silent for so long no longer holds back the others, in ms. */
  readonly idleTimeoutMs: number;
  /** Inputs that take part from the start on, also while they are still being opened. */
  readonly replayableInputs: readonly string[];
}

/** The state of a {@linkcode WatermarkOperator}. */
export interface WatermarkState {
  /** The watermark of the whole stream, ms since the epoch; `-Infinity` before the first row. */
  readonly timeMs: number;
  /** Highest event time of any row, likewise. */
  readonly eventTimeMaxMs: number;
  readonly inputs: readonly {
    readonly inputId: string;
    readonly isLive: boolean;
    readonly isComplete: boolean;
    readonly eventTimeMaxMs: number;
  }[];
}

interface Input {
  isLive: boolean;
  isOpen: boolean;
  /** Read to its end. */
  isComplete: boolean;
  /** Highest event time of its rows that are not in the future. */
  eventTimeMaxMs: number;
  /** Monotonic time of its last row that was not in the future. */
  lastRowAtMs: number;
}

/**
 * Follows event time: passes every element on, and after a batch or a tick that moved the
 * watermark, the new watermark.
 *
 * The watermark of an input is its highest event time less the lateness; that of the stream is the
 * lowest of all inputs that take part: open ones that are not idle, a live one from its first row
 * on. Where none takes part, time goes on with the clock: the watermark of a silent live input
 * advances by the time since its last row, and that of an input that was read to its end stands at
 * the end of its newest window; the highest of these counts, and none goes beyond the end of the
 * newest window that holds rows. The watermark never goes back.
 */
export class WatermarkOperator implements Operator<StreamElement, StreamElement> {
  readonly #options: WatermarkOptions;
  readonly #inputs = new Map<string, Input>();
  #timeMs = -Infinity;
  #eventTimeMaxMs = -Infinity;

  /** @param nowMs monotonic time: silence of restored inputs counts from here */
  constructor(options: WatermarkOptions, restored: WatermarkState | undefined, nowMs: number) {
    this.#options = options;
    if (restored !== undefined) this.#restore(restored, nowMs);
    for (const inputId of options.replayableInputs) this.#open(inputId, false);
  }

  push(element: StreamElement, emit: (element: StreamElement) => void): void {
    switch (element.kind) {
      case "batch":
        emit(element);
        this.#follow(element);
        this.#advance(element.receivedAtMs, emit);
        break;
      case "tick":
        emit(element);
        this.#advance(element.monotonicMs, emit);
        break;
      case "input-opened":
        emit(element);
        this.#open(element.inputId, element.isLive);
        break;
      case "input-closed": {
        emit(element);
        const input = this.#inputs.get(element.inputId);
        if (input === undefined) break;
        input.isOpen = false;
        input.isComplete = element.isComplete;
        this.#forgetSurpassed();
        break;
      }
      case "sources-ended":
        // Where lines are being delivered, they and the clock decide.
        if (![...this.#inputs.values()].some(({ isOpen }) => isOpen)) {
          this.#moveTo(this.#newestWindowEndMs(), emit);
        }
        emit(element);
        break;
      case "end-of-input":
        this.#moveTo(this.#newestWindowEndMs(), emit);
        emit(element);
        break;
      case "barrier":
        emit({ ...element, state: { ...element.state, watermark: this.#state() } });
        break;
      case "view-request":
        emit({
          ...element,
          eventTimeMaxMs: this.#eventTimeMaxMs === -Infinity ? undefined : this.#eventTimeMaxMs,
        });
        break;
      default:
        emit(element);
    }
  }

  #restore(restored: WatermarkState, nowMs: number): void {
    this.#timeMs = restored.timeMs;
    this.#eventTimeMaxMs = restored.eventTimeMaxMs;
    restored.inputs.forEach(({ inputId, ...input }, i) => {
      // Connections are numbered anew in each run: the first one is not that of the run before.
      const isSame = this.#options.replayableInputs.includes(inputId);
      const name = isSame ? inputId : `restored ${i}`;
      this.#inputs.set(name, { ...input, isOpen: false, lastRowAtMs: nowMs });
    });
  }

  #open(inputId: string, isLive: boolean): void {
    const known = this.#inputs.get(inputId);
    if (known !== undefined) {
      known.isLive = isLive;
      known.isOpen = true;
      known.isComplete = false;
    } else {
      this.#inputs.set(inputId, {
        isLive,
        isOpen: true,
        isComplete: false,
        eventTimeMaxMs: -Infinity,
        lastRowAtMs: -Infinity,
      });
    }
  }

  #follow(batch: RecordBatch): void {
    const input = this.#inputs.get(batch.inputId);
    if (input === undefined) {
      throw new Error(`Cannot follow the watermark: input "${batch.inputId}" was never opened`);
    }
    // Rows from the future hold back nobody: an input that sends nothing else is silent.
    if (batch.counts.valid > batch.counts.future) input.lastRowAtMs = batch.receivedAtMs;
    input.eventTimeMaxMs = Math.max(input.eventTimeMaxMs, batch.eventTimeMaxMs);
    this.#eventTimeMaxMs = Math.max(this.#eventTimeMaxMs, batch.eventTimeMaxMs);
  }

  #advance(nowMs: number, emit: (element: StreamElement) => void): void {
    let lowestActive = Infinity;
    let highestSilent = -Infinity;
    for (const input of this.#inputs.values()) {
      const watermark = input.eventTimeMaxMs - this.#options.latenessMs;
      const silentMs = nowMs - input.lastRowAtMs;
      const isIdle = input.isLive && silentMs >= this.#options.idleTimeoutMs;
      if (input.isOpen && !isIdle && !(input.isLive && input.eventTimeMaxMs === -Infinity)) {
        lowestActive = Math.min(lowestActive, watermark);
      } else if (input.isComplete) {
        highestSilent = Math.max(highestSilent, this.#windowEndMs(input.eventTimeMaxMs));
      } else if (isIdle && input.eventTimeMaxMs !== -Infinity) {
        highestSilent = Math.max(highestSilent, watermark + silentMs);
      }
    }
    if (lowestActive !== Infinity) this.#moveTo(lowestActive, emit);
    else this.#moveTo(Math.min(highestSilent, this.#newestWindowEndMs()), emit);
  }

  #moveTo(timeMs: number, emit: (element: StreamElement) => void): void {
    if (timeMs <= this.#timeMs) return;
    this.#timeMs = timeMs;
    emit({ kind: "watermark", timeMs });
  }

  #newestWindowEndMs(): number {
    return this.#windowEndMs(this.#eventTimeMaxMs);
  }

  #windowEndMs(eventTimeMs: number): number {
    const { windowLengthMs } = this.#options;
    return (Math.floor(eventTimeMs / windowLengthMs) + 1) * windowLengthMs;
  }

  /**
   * Drops closed inputs that can decide nothing any more, so that a listening source may serve
   * connections without end: one at most stays of those that were read to their end, and of the
   * silent ones the one whose watermark is ahead (since all of them advance at one pace, it stays
   * the same one) and the one with the newest row, which is ahead after a restart: silence counts
   * anew from there.
   */
  #forgetSurpassed(): void {
    let complete: Input | undefined;
    let silent: Input | undefined;
    let newest: Input | undefined;
    for (const input of this.#inputs.values()) {
      if (input.isOpen || !input.isLive || input.eventTimeMaxMs === -Infinity) continue;
      if (input.isComplete) {
        if (complete === undefined || input.eventTimeMaxMs > complete.eventTimeMaxMs) {
          complete = input;
        }
      } else {
        if (silent === undefined || aheadMs(input) > aheadMs(silent)) silent = input;
        if (newest === undefined || input.eventTimeMaxMs > newest.eventTimeMaxMs) newest = input;
      }
    }
    for (const [inputId, input] of this.#inputs) {
      if (input.isOpen || !input.isLive) continue;
      if (input === complete || input === silent || input === newest) continue;
      this.#inputs.delete(inputId);
    }
  }

  #state(): WatermarkState {
    return {
      timeMs: this.#timeMs,
      eventTimeMaxMs: this.#eventTimeMaxMs,
      inputs: [...this.#inputs].map(([inputId, { isLive, isComplete, eventTimeMaxMs }]) => ({
        inputId,
        isLive,
        isComplete,
        eventTimeMaxMs,
      })),
    };
  }
}

/** How far an input's event time is ahead of the clock, up to a constant. */
function aheadMs(input: Input): number {
  return input.eventTimeMaxMs - input.lastRowAtMs;
}
