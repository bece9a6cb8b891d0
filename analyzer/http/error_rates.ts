import type { LiveView } from "../sink/live_view.ts";
import type { WindowHistoryReader } from "../sink/window_history.ts";
import type { WindowSummary } from "../window/window_summary.ts";
import { TIME_MAX_MS } from "../time_max.ts";

/** How many errors there are now, and how many there were before, in JSON. */
export interface RatesJson {
  /** The time that is now, `[from, to)`; `null` before the first row. */
  readonly from: string | null;
  readonly to: string | null;
  /** Errors in that time, a minute of it. */
  readonly errors_per_minute: number | null;
  /** Errors of all records in that time, 0 to 1. */
  readonly error_rate: number | null;
  /** The hour before is `[hour_before_from, from)`, or as much of it as there is. */
  readonly hour_before_from: string | null;
  /** The same for the hour before; `null` where less than a minute of it is known. */
  readonly errors_per_minute_hour_before: number | null;
  readonly error_rate_hour_before: number | null;
}

/**
 * Compares the last minute of event time with the hour before, from closed and open windows. Times
 * are cut at spans, the whole number of windows that comes closest to 10 s from above, so that what
 * is kept of the hour are 360 sums at most, whatever the windows' length.
 *
 * - to: the highest event time so far, or the watermark, where silence has moved that further;
 * - from: the last start of a span that is at least a minute before;
 * - the hour before: the whole spans before `from` that make up an hour, or one where it is longer.
 */
export class ErrorRates {
  readonly #history: WindowHistoryReader;
  readonly #spanMs: number;
  readonly #beforeMs: number;
  /** Counts of closed windows, by the start of their span; `undefined` until they were read. */
  #spans: Map<number, Counts> | undefined;
  /** Whether windows were missing from the history when the sums were made. */
  #wasBehind = false;

  constructor(history: WindowHistoryReader, windowLengthMs: number) {
    this.#history = history;
    this.#spanMs = Math.ceil(SPAN_MIN_MS / windowLengthMs) * windowLengthMs;
    this.#beforeMs = Math.ceil(HOUR_MS / this.#spanMs) * this.#spanMs;
  }

  /** Takes a window that has just closed and is in the history by now. */
  add(window: WindowSummary): void {
    if (this.#spans !== undefined) addTo(this.#spans, this.#spanOf(window.startMs), window);
  }

  /** @param open the open windows of the view that have not closed since it was taken */
  compute(
    { eventTimeMaxMs, watermarkMs }: Pick<LiveView, "eventTimeMaxMs" | "watermarkMs">,
    open: readonly WindowSummary[],
  ): RatesJson {
    const toMs = Math.max(eventTimeMaxMs ?? -Infinity, watermarkMs ?? -Infinity);
    if (toMs === -Infinity) return NO_RATES;
    const fromMs = this.#spanOf(toMs - MINUTE_MS);
    const beforeFromMs = fromMs - this.#beforeMs;
    const spans = this.#spansSince(beforeFromMs);
    const [now, before] = [{ ...NONE }, { ...NONE }];
    const add = (startMs: number, counts: Counts) => {
      const sum = startMs >= fromMs ? now : before;
      sum.totalCount += counts.totalCount;
      sum.errorCount += counts.errorCount;
    };
    for (const [startMs, counts] of spans) add(startMs, counts);
    for (const window of open) if (window.startMs >= beforeFromMs) add(window.startMs, window);
    // Of the time before the first window nothing is known, which is not to count as no errors.
    const oldestMs = Math.min(
      this.#history.oldestStartMs() ?? Infinity,
      ...open.map(({ startMs }) => startMs),
    );
    const nowMs = Math.max(toMs - Math.max(fromMs, oldestMs), SPAN_MIN_MS);
    const knownMs = fromMs - Math.max(beforeFromMs, oldestMs);
    const isKnown = knownMs >= MINUTE_MS;
    return {
      from: isoTime(fromMs),
      to: isoTime(toMs),
      errors_per_minute: now.errorCount * MINUTE_MS / nowMs,
      error_rate: rateOf(now),
      hour_before_from: isoTime(beforeFromMs),
      errors_per_minute_hour_before: isKnown ? before.errorCount * MINUTE_MS / knownMs : null,
      error_rate_hour_before: isKnown ? rateOf(before) : null,
    };
  }

  /** The sums of all spans from there on; older ones are forgotten. */
  #spansSince(fromMs: number): ReadonlyMap<number, Counts> {
    const { isBehind } = this.#history;
    if (this.#spans === undefined || (this.#wasBehind && !isBehind)) {
      this.#spans = new Map(
        this.#history.sumBySpan({ fromMs, toMs: TIME_MAX_MS, spanMs: this.#spanMs })
          .map(({ startMs, totalCount, errorCount }) => [startMs, { totalCount, errorCount }]),
      );
    }
    this.#wasBehind = isBehind;
    for (const startMs of this.#spans.keys()) if (startMs < fromMs) this.#spans.delete(startMs);
    return this.#spans;
  }

  #spanOf(timeMs: number): number {
    return Math.floor(timeMs / this.#spanMs) * this.#spanMs;
  }
}

interface Counts {
  totalCount: number;
  errorCount: number;
}

const NONE: Counts = { totalCount: 0, errorCount: 0 };

const NO_RATES: RatesJson = {
  from: null,
  to: null,
  errors_per_minute: null,
  error_rate: null,
  hour_before_from: null,
  errors_per_minute_hour_before: null,
  error_rate_hour_before: null,
};

const SPAN_MIN_MS = 10_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function addTo(spans: Map<number, Counts>, spanMs: number, counts: Readonly<Counts>): void {
  const before = spans.get(spanMs) ?? NONE;
  spans.set(spanMs, {
    totalCount: before.totalCount + counts.totalCount,
    errorCount: before.errorCount + counts.errorCount,
  });
}

function rateOf({ errorCount, totalCount }: Counts): number {
  return totalCount === 0 ? 0 : errorCount / totalCount;
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
