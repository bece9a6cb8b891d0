import type { Clock } from "../clock.ts";
import type { InputElement, SignalElement, StreamElement } from "./elements.ts";
import { FairMerge } from "./fair_merge.ts";

/** When signals are due. */
export interface SignalOptions {
  readonly clock: Clock;
  /** Time between two ticks where nothing else happens, in ms. */
  readonly tickIntervalMs: number;
  /** Shortest time between two checkpoints, in ms. */
  readonly checkpointIntervalMs: number;
  /** Shortest time between two checkpoints where somebody waits for one, in ms. */
  readonly urgentCheckpointIntervalMs: number;
  /** An input that ends only when the program stops: whether the others have ended is told. */
  readonly standingInput?: AsyncIterable<InputElement>;
  /** Inputs that can wait, since what they hold can be read at any time. */
  readonly replayableInputs: readonly string[];
  /** How far the event time of one of those may be ahead of the others', in ms. */
  readonly aheadMaxMs: number;
}

/**
 * Brings inputs, time, checkpoints and requests for views into one stream, and so into one order.
 * Pull-driven: nothing is taken from an input before the stages behind have room for it.
 */
export class Signals {
  readonly #options: SignalOptions;
  readonly #inputs = new FairMerge<InputElement>();
  readonly #signal: AbortSignal;
  /** Highest event time of each replayable input that is neither at its end nor live by now. */
  readonly #replayed: Map<string, number>;
  #tickDueMs: number;
  #lookedAtMs: number;
  #checkpointDueMs: number;
  /** When the next checkpoint may begin that somebody waits for. */
  #urgentDueMs = -Infinity;
  #isCheckpointUrgent = false;
  #isViewWanted = false;
  #hasChanged = false;
  #isBarrierOnItsWay = false;
  #timer: { readonly dueMs: number; readonly cancel: () => void } | undefined;
  /** What is to be said once every input but the standing one has ended. */
  readonly #afterSources: SignalElement["kind"][] = [];
  /** What is still to be said once every input has ended. */
  readonly #last: SignalElement["kind"][] = ["end-of-input", "barrier", "view-request"];

  /**
   * @param signal the same that the inputs are given: once it is aborted, the end of the inputs is
   *   not the end of the data, and windows stay open
   */
  constructor(
    inputs: readonly AsyncIterable<InputElement>[],
    options: SignalOptions,
    signal: AbortSignal,
  ) {
    this.#options = options;
    this.#signal = signal;
    this.#replayed = new Map(options.replayableInputs.map((inputId) => [inputId, -Infinity]));
    const nowMs = options.clock.monotonicMs();
    this.#lookedAtMs = nowMs;
    this.#tickDueMs = nowMs + options.tickIntervalMs;
    this.#checkpointDueMs = nowMs + options.checkpointIntervalMs;
    for (const input of inputs) this.#inputs.add(input);
    if (options.standingInput !== undefined) {
      this.#inputs.add(options.standingInput);
      this.#afterSources.push("sources-ended", "barrier");
    }
  }

  /** Everything in one order; called once. */
  open(): ReadableStream<StreamElement> {
    return new ReadableStream<StreamElement>({
      pull: async (controller) => {
        const element = await this.#next().catch((exception) => {
          this.#close();
          throw exception;
        });
        if (element !== undefined) return controller.enqueue(element);
        this.#close();
        controller.close();
      },
      cancel: () => this.#close(),
    }, { highWaterMark: 0 });
  }

  /** Sends a request for a view at once, ahead of whatever the inputs have ready. */
  requestView(): void {
    this.#isViewWanted = true;
    this.#inputs.wake();
  }

  /** Asks for a checkpoint soon: somebody waits until what was read is durable. */
  requestCheckpoint(): void {
    this.#hasChanged = true;
    this.#isCheckpointUrgent = true;
    this.#inputs.wake();
  }

  /** Says that there is something for a checkpoint to save. */
  markChanged(): void {
    this.#hasChanged = true;
  }

  /** Says that the barrier has reached the end of the stream. */
  barrierDone(): void {
    this.#isBarrierOnItsWay = false;
    this.#hasChanged = false;
    this.#isCheckpointUrgent = false;
    this.#checkpointDueMs = this.#options.clock.monotonicMs() +
      this.#options.checkpointIntervalMs;
  }

  async #next(): Promise<StreamElement | undefined> {
    for (;;) {
      // No time passes any more: what closes windows behind the last barrier is in no checkpoint.
      if (this.#inputs.size === 0) return this.#lastSignal();
      const element = this.#due() ?? this.#takeInput();
      if (element !== undefined) return element;
      if (this.#inputs.size === 1 && !this.#signal.aborted) {
        const kind = this.#afterSources.shift();
        if (kind !== undefined) return this.#make(kind);
      }
      await this.#changedOrDue();
    }
  }

  /**
   * The next element of an input. Replayable ones are read side by side in event time: where one
   * were far ahead, its rows would keep windows open until the oldest close for want of room, and
   * the rows of the others would be late.
   */
  #takeInput(): InputElement | undefined {
    const replayed = this.#replayed;
    const lowestMs = replayed.size > 1 ? Math.min(...replayed.values()) : Infinity;
    const element = this.#inputs.take((element) =>
      element.kind !== "batch" ||
      !((replayed.get(element.inputId) ?? -Infinity) > lowestMs + this.#options.aheadMaxMs)
    );
    if (element?.kind === "batch") {
      const beforeMs = replayed.get(element.inputId);
      if (beforeMs !== undefined) {
        replayed.set(element.inputId, Math.max(beforeMs, element.eventTimeMaxMs));
      }
    } else if (
      element?.kind === "input-closed" || (element?.kind === "input-opened" && element.isLive)
    ) {
      replayed.delete(element.inputId);
    }
    return element;
  }

  #due(): SignalElement | undefined {
    if (this.#isViewWanted) {
      this.#isViewWanted = false;
      return this.#make("view-request");
    }
    const nowMs = this.#options.clock.monotonicMs();
    const { tickIntervalMs } = this.#options;
    if (nowMs - this.#lookedAtMs > 2 * tickIntervalMs) {
      // The stages behind have stalled, on a slow disk maybe, and nothing could be read meanwhile.
      // That is not silence: inputs get a chance to deliver before time passes.
      this.#tickDueMs = nowMs + tickIntervalMs;
    }
    this.#lookedAtMs = nowMs;
    if (nowMs >= this.#tickDueMs) {
      // From now, not from when it was due: ticks that a busy stream missed are not made up for.
      this.#tickDueMs = nowMs + tickIntervalMs;
      return this.#make("tick");
    }
    if (this.#isCheckpointWanted && nowMs >= this.#nextCheckpointMs) {
      this.#isBarrierOnItsWay = true;
      this.#urgentDueMs = nowMs + this.#options.urgentCheckpointIntervalMs;
      return this.#make("barrier");
    }
    return undefined;
  }

  get #isCheckpointWanted(): boolean {
    return this.#hasChanged && !this.#isBarrierOnItsWay;
  }

  get #nextCheckpointMs(): number {
    return this.#isCheckpointUrgent
      ? Math.min(this.#urgentDueMs, this.#checkpointDueMs)
      : this.#checkpointDueMs;
  }

  #lastSignal(): SignalElement | undefined {
    const kind = this.#last.shift();
    if (kind === undefined) return undefined;
    if (kind === "end-of-input" && this.#signal.aborted) return this.#lastSignal();
    return this.#make(kind);
  }

  #make(kind: SignalElement["kind"]): SignalElement {
    const { clock } = this.#options;
    switch (kind) {
      case "tick":
        return { kind, monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
      case "barrier":
        return { kind, state: {} };
      case "view-request":
      case "sources-ended":
      case "end-of-input":
        return { kind };
    }
  }

  async #changedOrDue(): Promise<void> {
    const dueMs = this.#isCheckpointWanted
      ? Math.min(this.#tickDueMs, this.#nextCheckpointMs)
      : this.#tickDueMs;
    const changed = this.#inputs.changed();
    this.#wakeBy(dueMs);
    await changed;
  }

  /** One timer serves many waits: one that rings early only has everything looked at once more. */
  #wakeBy(dueMs: number): void {
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const cancel = clock.schedule(() => {
      this.#timer = undefined;
      this.#inputs.wake();
    }, Math.max(0, dueMs - clock.monotonicMs()));
    this.#timer = { dueMs, cancel };
  }

  #close(): void {
    this.#timer?.cancel();
    this.#inputs.close();
  }
}
