import type { ErrorColumns } from "../decode/record_batch.ts";
import { STATUS_MAX } from "../../log_format/log_record.ts";
import type { Limits } from "../limits.ts";
import { DistinctCounter } from "../sketch/distinct_counter.ts";
import { HeavyHitters } from "../sketch/heavy_hitters.ts";
import type { ClosedWindow, StatusSummary, WindowSummary } from "./window_summary.ts";

/** What all windows of a run have in common. */
export interface WindowShape {
  /** Windows are `[start, start + windowLengthMs)`. */
  readonly windowLengthMs: number;
  /** How many URLs are listed of a window and status. */
  readonly limits: Pick<Limits, "windowUrls">;
}

/** The growing counts of one open window. */
export class WindowAccumulator {
  readonly startMs: number;
  readonly #shape: WindowShape;
  #totalCount = 0;
  /** By status: an index is found faster than a key, and every error row needs it. */
  readonly #statuses: (StatusAccumulator | undefined)[] = new Array(STATUS_MAX + 1);

  constructor(startMs: number, shape: WindowShape) {
    this.startMs = startMs;
    this.#shape = shape;
  }

  /** Counts rows, errors among them included. */
  addRows(count: number): void {
    this.#totalCount += count;
  }

  /** Counts the error rows `start` to `end` of the columns, the latter excluded. */
  addErrors(errors: ErrorColumns, start: number, end: number): void {
    const { statuses, ipHashes, urlHashes, urlOffsets, urlBytes } = errors;
    const urls = new DataView(urlBytes.buffer, urlBytes.byteOffset, urlBytes.byteLength);
    for (let row = start; row < end; row++) {
      const status = this.#status(statuses[row]!);
      status.errorCount++;
      status.ips.add(ipHashes[2 * row]!, ipHashes[2 * row + 1]!);
      status.addUrl(
        urlHashes[2 * row]!,
        urlHashes[2 * row + 1]!,
        urls,
        urlOffsets[row]!,
        urlOffsets[row + 1]!,
      );
    }
  }

  /** The counts so far. */
  summarize(): WindowSummary {
    const statuses = this.#byStatus();
    const ips = new DistinctCounter();
    let errorCount = 0;
    for (const [, accumulator] of statuses) {
      ips.merge(accumulator.ips);
      errorCount += accumulator.errorCount;
    }
    return {
      startMs: this.startMs,
      lengthMs: this.#shape.windowLengthMs,
      state: "open",
      totalCount: this.#totalCount,
      errorCount,
      uniqueIps: { count: ips.count(), isExact: ips.isExact },
      lateCount: 0,
      lateErrorCount: 0,
      statuses: statuses.map(([status, accumulator]) => accumulator.summarize(status)),
    };
  }

  /** The final counts, with the sketches from which ranges of windows can be merged. */
  close(): ClosedWindow {
    return {
      ...this.summarize(),
      state: "closed",
      ipSketches: this.#byStatus().map(([, accumulator]) => accumulator.ips.toBytes()),
    };
  }

  /** Everything needed to go on counting in another process. */
  state(): WindowState {
    return {
      startMs: this.startMs,
      totalCount: this.#totalCount,
      statuses: this.#byStatus().map(([status, accumulator]) => ({
        status,
        errorCount: accumulator.errorCount,
        ips: accumulator.ips.toBytes(),
        urls: accumulator.urls.toBytes(),
        urlsTotal: accumulator.urlsTotal().toBytes(),
      })),
    };
  }

  /** @throws {SyntaxError | RangeError} where a sketch is damaged */
  static restore(state: WindowState, shape: WindowShape): WindowAccumulator {
    const accumulator = new WindowAccumulator(state.startMs, shape);
    accumulator.#totalCount = state.totalCount;
    for (const { status, errorCount, ips, urls, urlsTotal } of state.statuses) {
      accumulator.#statuses[status] = new StatusAccumulator({
        errorCount,
        ips: DistinctCounter.fromBytes(ips),
        urls: HeavyHitters.fromBytes(urls),
        urlsTotal: DistinctCounter.fromBytes(urlsTotal),
      });
    }
    return accumulator;
  }

  #status(status: number): StatusAccumulator {
    return this.#statuses[status] ??= new StatusAccumulator({
      errorCount: 0,
      ips: new DistinctCounter(),
      urls: new HeavyHitters(this.#shape.limits.windowUrls),
    });
  }

  #byStatus(): [number, StatusAccumulator][] {
    const found: [number, StatusAccumulator][] = [];
    // Holes are left out.
    this.#statuses.forEach((accumulator, status) => {
      if (accumulator !== undefined) found.push([status, accumulator]);
    });
    return found;
  }
}

/** The state of a {@linkcode WindowAccumulator}; sketches in their own binary forms. */
export interface WindowState {
  readonly startMs: number;
  readonly totalCount: number;
  readonly statuses: readonly {
    readonly status: number;
    readonly errorCount: number;
    readonly ips: Uint8Array;
    readonly urls: Uint8Array;
    readonly urlsTotal: Uint8Array;
  }[];
}

/** The errors of one status in one open window. */
class StatusAccumulator {
  errorCount: number;
  readonly ips: DistinctCounter;
  readonly urls: HeavyHitters;
  /** Counts distinct URLs once `urls` is full; until then they are those that it lists. */
  #urlsTotal: DistinctCounter | undefined;

  constructor(
    { errorCount, ips, urls, urlsTotal }: {
      readonly errorCount: number;
      readonly ips: DistinctCounter;
      readonly urls: HeavyHitters;
      readonly urlsTotal?: DistinctCounter;
    },
  ) {
    this.errorCount = errorCount;
    this.ips = ips;
    this.urls = urls;
    if (urls.size === urls.capacity) this.#urlsTotal = urlsTotal;
  }

  /** Counts the URL `bytes[start..end)`; see {@linkcode HeavyHitters.add}. */
  addUrl(high: number, low: number, bytes: DataView, start: number, end: number): void {
    const isNew = this.urls.add(high, low, bytes, start, end);
    if (!isNew) return;
    if (this.#urlsTotal !== undefined) this.#urlsTotal.add(high, low);
    else if (this.urls.size === this.urls.capacity) this.#urlsTotal = this.urlsTotal();
  }

  /** Every distinct URL so far. */
  urlsTotal(): DistinctCounter {
    if (this.#urlsTotal !== undefined) return this.#urlsTotal;
    const listed = new DistinctCounter();
    this.urls.addHashesTo(listed);
    return listed;
  }

  summarize(status: number): StatusSummary {
    const { errorCount, ips, urls } = this;
    const urlsTotal = this.urlsTotal();
    return {
      status,
      errorCount,
      uniqueIps: { count: ips.count(), isExact: ips.isExact },
      urls: urls.top(urls.capacity),
      urlsTotal: { count: urlsTotal.count(), isExact: urlsTotal.isExact },
    };
  }
}
