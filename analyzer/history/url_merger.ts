import { DistinctCounter } from "../sketch/distinct_counter.ts";
import { addText } from "../sketch/hash_text.ts";
import type { DistinctCount, UrlCount } from "../window/window_summary.ts";
import type { StatusPart, WindowPart } from "./window_range.ts";

/** A URL of a merged list. */
export interface MergedUrl extends UrlCount {
  /** Start of the first window that lists it. */
  readonly firstMs: number;
  /** End of the last one. */
  readonly lastMs: number;
  /** [parts of the trend] Errors as they were listed; empty where no trend is wanted. */
  readonly trend: readonly number[];
}

/**
 * Merges lists of the most frequent URLs: counts add up, and so does what each may be too high by.
 * A list that does not hold all URLs may have left out one with as many errors as its last, so that
 * many are added to the count and the error of every URL that it does not list (Agarwal et al.,
 * "Mergeable Summaries", 2012; theirs subtracts, ours keeps the counts upper bounds as those of the
 * space-saving lists are). Lists that hold all URLs merge to exact counts.
 *
 * At most {@linkcode UrlMerger.cut} URLs are kept when told so; what is dropped then may come back,
 * and is taken to have had as many errors as the most frequent of the dropped.
 */
export class UrlMerger {
  readonly #windowLengthMs: number;
  #isEmpty = true;
  readonly #trendLength: number;
  /** A list that is merged once there is a second one: as a rule there is none. */
  #only: { readonly window: WindowPart; readonly part: StatusPart } | undefined;
  readonly #entries = new Map<string, Entry>();
  /** Adds up what each list may have left out: part of the count and the error of every URL. */
  #unlisted = 0;
  /** What a URL that comes anew may have had beyond that before, since it may have been dropped. */
  #dropped = 0;
  /** Counts distinct URLs once there are others than those that are kept. */
  #distinct: DistinctCounter | undefined;
  /** Most URLs that one part knows to be there. */
  #totalMin = 0;
  #isTotalExact = true;

  /** @param trendLength parts of the trend that is kept of each URL */
  constructor(windowLengthMs: number, trendLength = 0) {
    this.#windowLengthMs = windowLengthMs;
    this.#trendLength = trendLength;
  }

  /** URLs that are kept now, those of a list that is not merged yet left out. */
  get size(): number {
    return this.#entries.size;
  }

  /** Most errors that a URL can have which is not listed; 0 where all are. */
  get unlistedMax(): number {
    this.#mergeOnly();
    return this.#unlisted + this.#dropped;
  }

  /** Merges the list of a part; its counts go into this part of the trend. */
  add(window: WindowPart, part: StatusPart, trendIndex = 0): void {
    if (this.#isEmpty && this.#trendLength === 0) {
      this.#isEmpty = false;
      this.#only = { window, part };
      return;
    }
    this.#mergeOnly();
    this.#merge(window, part, trendIndex);
  }

  #mergeOnly(): void {
    const only = this.#only;
    this.#only = undefined;
    if (only !== undefined) this.#merge(only.window, only.part, 0);
  }

  #merge(
    { startMs }: WindowPart,
    { urls: list, urlsTotal, urlSketch }: StatusPart,
    trendIndex: number,
  ): void {
    const { urls, counts, countErrorsMax, firsts, lasts, unlistedMax } = list();
    for (let i = 0; i < urls.length; i++) {
      const count = counts[i]!;
      const firstMs = startMs + (firsts[i] ?? 0) * this.#windowLengthMs;
      const lastMs = startMs + ((lasts[i] ?? 0) + 1) * this.#windowLengthMs;
      let entry = this.#entries.get(urls[i]!);
      if (entry === undefined) {
        const trend = this.#trendLength === 0 ? NO_TREND : new Array(this.#trendLength).fill(0);
        const url = urls[i]!;
        entry = { url, count: this.#dropped, countErrorMax: this.#dropped, firstMs, lastMs, trend };
        this.#entries.set(url, entry);
      }
      entry.count += count - unlistedMax;
      entry.countErrorMax += (countErrorsMax[i] ?? 0) - unlistedMax;
      if (firstMs < entry.firstMs) entry.firstMs = firstMs;
      if (lastMs > entry.lastMs) entry.lastMs = lastMs;
      if (this.#trendLength > 0) entry.trend[trendIndex]! += count;
    }
    this.#unlisted += unlistedMax;
    if (urlSketch !== undefined && unlistedMax > 0) {
      (this.#distinct ??= new DistinctCounter()).mergeBytes(urlSketch);
    }
    this.#totalMin = Math.max(this.#totalMin, urlsTotal.count);
    // Of a list that leaves some out nobody knows which of them the others hold.
    this.#isTotalExact &&= urlsTotal.isExact && (unlistedMax === 0 || urlSketch !== undefined);
  }

  /** Counts the URLs of a part, and lists none: of a roll-up at a tenth of the cost. */
  addTotal({ urls: list, urlsTotal, urlSketch }: StatusPart): void {
    this.#isEmpty = false;
    const distinct = this.#distinct ??= new DistinctCounter();
    let isKnown = true;
    if (urlSketch !== undefined) distinct.mergeBytes(urlSketch);
    else {
      const { urls, unlistedMax } = list();
      for (const url of urls) addText(distinct, url);
      isKnown = unlistedMax === 0;
    }
    this.#totalMin = Math.max(this.#totalMin, urlsTotal.count);
    this.#isTotalExact &&= urlsTotal.isExact && isKnown;
  }

  /** Drops all but the `limit` most frequent; of equal ones, those that came last. */
  cut(limit: number): void {
    this.#mergeOnly();
    if (this.size <= limit) return;
    this.#countKept();
    const { least, more } = leastOfMostFrequent(this.#entries.values(), limit);
    let equalLeft = limit - more;
    for (const { url, count } of this.#entries.values()) {
      if (count > least || count === least && equalLeft-- > 0) continue;
      this.#dropped = Math.max(this.#dropped, count);
      this.#entries.delete(url);
    }
  }

  /**
   * The most frequent URLs, equal counts by URL.
   *
   * @param errorCount errors of all URLs, beyond which no count can be
   */
  top(limit: number, errorCount: number): MergedUrl[] {
    if (this.#only !== undefined) return this.#topOfOnly(this.#only, limit);
    return mostFrequent(this.#entries.values(), limit)
      .map((entry) => this.#mergedUrl(entry, errorCount));
  }

  /** All URLs that are kept, in no order. */
  *all(errorCount: number): Generator<MergedUrl> {
    this.#mergeOnly();
    for (const entry of this.#entries.values()) yield this.#mergedUrl(entry, errorCount);
  }

  /** How many distinct URLs there were, as far as that is known. */
  total(): DistinctCount {
    if (this.#only !== undefined) return this.#only.part.urlsTotal;
    if (this.#distinct === undefined) {
      return { count: Math.max(this.size, this.#totalMin), isExact: this.#isTotalExact };
    }
    const distinct = this.#countKept();
    return {
      count: Math.max(distinct.count(), this.#totalMin),
      isExact: this.#isTotalExact && distinct.isExact,
    };
  }

  /** The distinct URLs as a serialized `DistinctCounter`. */
  sketch(): Uint8Array {
    return this.#countKept().toBytes();
  }

  #topOfOnly(
    { window: { startMs }, part }: { readonly window: WindowPart; readonly part: StatusPart },
    limit: number,
  ): MergedUrl[] {
    const { urls, counts, countErrorsMax, firsts, lasts } = part.urls();
    return urls.slice(0, limit).map((url, i) => ({
      url,
      count: counts[i]!,
      countErrorMax: countErrorsMax[i] ?? 0,
      firstMs: startMs + (firsts[i] ?? 0) * this.#windowLengthMs,
      lastMs: startMs + ((lasts[i] ?? 0) + 1) * this.#windowLengthMs,
      trend: NO_TREND,
    }));
  }

  #mergedUrl(entry: Entry, errorCount: number): MergedUrl {
    const count = entry.count + this.#unlisted;
    // A bound that is above all errors says less than that they are no more.
    const excess = Math.max(0, count - errorCount);
    return {
      url: entry.url,
      count: count - excess,
      countErrorMax: Math.max(0, entry.countErrorMax + this.#unlisted - excess),
      firstMs: entry.firstMs,
      lastMs: entry.lastMs,
      trend: entry.trend,
    };
  }

  #countKept(): DistinctCounter {
    this.#mergeOnly();
    const distinct = this.#distinct ??= new DistinctCounter();
    for (const url of this.#entries.keys()) addText(distinct, url);
    return distinct;
  }
}

/** The `limit` most frequent URLs, equal counts by URL. Sorts only what can be among them. */
export function mostFrequent<T extends Counted>(
  counted: Iterable<T>,
  limit: number,
): T[] {
  let frequent = [...counted];
  if (limit < frequent.length) {
    const { least } = leastOfMostFrequent(frequent, limit);
    frequent = frequent.filter(({ count }) => count >= least);
  }
  return frequent.sort(byCount).slice(0, limit);
}

/** The count of the last one of the most frequent URLs, and how many have more. */
function leastOfMostFrequent(
  counted: Iterable<Counted>,
  limit: number,
): { readonly least: number; readonly more: number } {
  if (limit < 1) return { least: Infinity, more: 0 };
  const counts = Float64Array.from(counted, ({ count }) => count).sort();
  const least = counts[counts.length - limit]!;
  return { least, more: counts.length - 1 - counts.lastIndexOf(least) };
}

const NO_TREND: number[] = [];

interface Counted {
  readonly url: string;
  readonly count: number;
}

/** Counts without what all lists may have left out, which is the same for every URL. */
interface Entry {
  readonly url: string;
  count: number;
  countErrorMax: number;
  firstMs: number;
  lastMs: number;
  readonly trend: number[];
}

function byCount(left: Counted, right: Counted): number {
  return right.count - left.count || (left.url < right.url ? -1 : left.url > right.url ? 1 : 0);
}
