import type { DeliveryReceiver } from "../../analyzer/delivery/delivery.ts";
import type { AppDeps, Health } from "../../analyzer/http/app_deps.ts";
import { noRefusals } from "../../analyzer/http/guard.ts";
import type { LiveView, LiveViewReader } from "../../analyzer/sink/live_view.ts";
import { emptyTotals } from "../../analyzer/sink/totals.ts";
import type {
  SpanCounts,
  WindowHistoryReader,
  WindowPage,
  WindowQuery,
} from "../../analyzer/sink/window_history.ts";
import type { ErrorReader } from "../../analyzer/history/error_reader.ts";
import type { StatusPart, WindowRangeReader } from "../../analyzer/history/window_range.ts";
import { DistinctCounter } from "../../analyzer/sketch/distinct_counter.ts";
import type { SourceState } from "../../analyzer/source/source_state.ts";
import type { StatusSummary, WindowSummary } from "../../analyzer/window/window_summary.ts";
import { testLimits } from "./limits.ts";

/** 2025-05-30T18:52:30Z, the start of a window of 30 s. */
export const START_MS = 1_748_631_150_000;

/** Length of the windows that are made here. */
export const LENGTH_MS = 30_000;

/** A window with the counts of the design's example: 1,000 rows, 50 errors of two statuses. */
export function windowSummary(overrides: Partial<WindowSummary> = {}): WindowSummary {
  return {
    startMs: START_MS,
    lengthMs: LENGTH_MS,
    state: "closed",
    totalCount: 1000,
    errorCount: 50,
    uniqueIps: { count: 14, isExact: true },
    lateCount: 0,
    lateErrorCount: 0,
    statuses: [
      statusSummary(),
      statusSummary({
        status: 500,
        errorCount: 5,
        uniqueIps: { count: 3, isExact: true },
        urls: [{ url: "/resource/7", count: 5, countErrorMax: 0 }],
        urlsTotal: { count: 1, isExact: true },
      }),
    ],
    ...overrides,
  };
}

/** The errors of one status: 45 times 404, of which two of three URLs are listed. */
export function statusSummary(overrides: Partial<StatusSummary> = {}): StatusSummary {
  return {
    status: 404,
    errorCount: 45,
    uniqueIps: { count: 12, isExact: true },
    urls: [
      { url: "/resource/42", count: 30, countErrorMax: 0 },
      { url: "/resource/3", count: 14, countErrorMax: 0 },
    ],
    urlsTotal: { count: 3, isExact: true },
    ...overrides,
  };
}

/** A source that is connected for the first time. */
export function sourceState(overrides: Partial<SourceState> = {}): SourceState {
  return {
    name: "tcp://127.0.0.1:9999",
    phase: "connected",
    connections: 1,
    connectionsTotal: 1,
    refused: { address: 0, limit: 0, tls: 0 },
    reason: "",
    lastRowAtMs: START_MS + 31_000,
    ...overrides,
  };
}

/** A view of a run that has one source and has read nothing yet. */
export function liveView(overrides: Partial<LiveView> = {}): LiveView {
  return {
    atMs: START_MS + 31_000,
    totals: emptyTotals(),
    sources: [sourceState()],
    open: [],
    watermarkMs: undefined,
    eventTimeMaxMs: undefined,
    lastWindow: undefined,
    samples: [],
    ...overrides,
  };
}

/** A history in memory that does by filters and sorting what the real one does by SQL. */
export class InMemoryHistory implements WindowHistoryReader {
  /** Closed windows in any order; tests may add to it between two queries. */
  readonly windows: WindowSummary[];
  /** Every query so far. */
  readonly queries: WindowQuery[] = [];
  isBehind = false;

  constructor(windows: readonly WindowSummary[] = []) {
    this.windows = [...windows];
  }

  query(query: WindowQuery): WindowPage {
    this.queries.push(query);
    const { fromMs = -Infinity, toMs = Infinity, beforeMs = Infinity, status } = query;
    const matching = this.windows
      .filter(({ startMs }) => startMs >= fromMs && startMs < toMs && startMs < beforeMs)
      .map((window) => ({
        ...window,
        statuses: window.statuses.filter((entry) =>
          status === undefined || entry.status === status
        ),
      }))
      .filter(({ statuses }) => status === undefined || statuses.length > 0)
      .sort((left, right) => right.startMs - left.startMs);
    const windows = matching.slice(0, query.limit).map((window) => cutUrls(window, query.urlsMax));
    return {
      windows,
      nextBeforeMs: matching.length > query.limit ? windows.at(-1)!.startMs : undefined,
    };
  }

  get ranges(): WindowRangeReader {
    const within = (fromMs: number, toMs: number) =>
      this.windows.filter(({ startMs }) => startMs >= fromMs && startMs < toMs)
        .sort((left, right) => left.startMs - right.startMs);
    const total = (windows: readonly WindowSummary[], count: (window: WindowSummary) => number) =>
      windows.reduce((sum, window) => sum + count(window), 0);
    return {
      windowLengthMs: LENGTH_MS,
      sum(fromMs, toMs) {
        const windows = within(fromMs, toMs);
        return {
          windows: windows.length,
          totalCount: total(windows, (window) => window.totalCount),
          errorCount: total(windows, (window) => window.errorCount),
          lateCount: total(windows, (window) => window.lateCount),
          lateErrorCount: total(windows, (window) => window.lateErrorCount),
        };
      },
      parts: (fromMs, toMs) =>
        within(fromMs, toMs).map((window) => ({
          startMs: window.startMs,
          endMs: window.startMs + window.lengthMs,
          statuses: window.statuses.map((status) => statusPart(window, status)),
        })),
      newestStart: (fromMs, toMs, status) =>
        within(fromMs, toMs)
          .findLast(({ statuses }) =>
            status === undefined || statuses.some((entry) => entry.status === status)
          )?.startMs,
      gridMs: () => LENGTH_MS,
    };
  }

  get(startMs: number, { urlsMax }: { readonly urlsMax: number }): WindowSummary | undefined {
    const window = this.windows.find((window) => window.startMs === startMs);
    return window === undefined ? undefined : cutUrls(window, urlsMax);
  }

  startsAfter(startMs: number, limit: number): number[] {
    return this.#starts().filter((start) => start > startMs).slice(0, limit);
  }

  sumBySpan({ fromMs, toMs, spanMs }: Parameters<WindowHistoryReader["sumBySpan"]>[0]) {
    const spans = new Map<number, SpanCounts>();
    for (const { startMs, totalCount, errorCount } of this.windows) {
      if (startMs < fromMs || startMs >= toMs) continue;
      const spanStartMs = Math.floor(startMs / spanMs) * spanMs;
      const before = spans.get(spanStartMs);
      spans.set(spanStartMs, {
        startMs: spanStartMs,
        totalCount: totalCount + (before?.totalCount ?? 0),
        errorCount: errorCount + (before?.errorCount ?? 0),
      });
    }
    return [...spans.values()].sort((left, right) => left.startMs - right.startMs);
  }

  oldestStartMs(): number | undefined {
    return this.#starts()[0];
  }

  newestStartMs(): number | undefined {
    return this.#starts().at(-1);
  }

  #starts(): number[] {
    return this.windows.map(({ startMs }) => startMs).sort((left, right) => left - right);
  }
}

/** Of the clients of a window, the first status has the first, and any other one the last. */
function statusPart(window: WindowSummary, entry: StatusSummary): StatusPart {
  const { status, errorCount, uniqueIps, urls, urlsTotal } = entry;
  const ips = new DistinctCounter();
  const first = entry === window.statuses[0] ? 1 : window.uniqueIps.count - uniqueIps.count + 1;
  for (let i = 0; i < uniqueIps.count; i++) ips.add(1, first + i);
  return {
    status,
    errorCount,
    ipSketch: ips.toBytes(),
    urls: () => ({
      urls: urls.map(({ url }) => url),
      counts: urls.map(({ count }) => count),
      countErrorsMax: urls.map(({ countErrorMax }) => countErrorMax),
      firsts: [],
      lasts: [],
      unlistedMax: urls.length === urlsTotal.count ? 0 : urls.at(-1)?.count ?? 0,
    }),
    urlsTotal,
    urlSketch: undefined,
    urlsBytes: 100,
  };
}

function cutUrls(window: WindowSummary, urlsMax: number): WindowSummary {
  return {
    ...window,
    statuses: window.statuses.map((status) => ({ ...status, urls: status.urls.slice(0, urlsMax) })),
  };
}

/** What a test wants to be different about {@linkcode appDeps}. */
export interface AppFixture {
  readonly view?: LiveView;
  readonly history?: WindowHistoryReader;
  readonly health?: Partial<Health>;
  /** Unless told otherwise the run takes no deliveries. */
  readonly deliveries?: DeliveryReceiver;
  /** Unless told otherwise nobody is told anything. */
  readonly events?: AppDeps["events"];
  /** Unless told otherwise the run saves nothing. */
  readonly savedErrors?: ErrorReader;
  /** Unless told otherwise nobody else waits. */
  readonly turn?: () => Promise<void>;
  readonly onException?: (exception: unknown) => void;
}

/** What `createApp` needs, of a healthy program that started a minute ago. */
export function appDeps(fixture: AppFixture = {}): AppDeps {
  const { view = liveView(), history = new InMemoryHistory(), health, onException } = fixture;
  const { deliveries, events = NO_EVENTS } = fixture;
  const live: LiveViewReader = { fresh: () => Promise.resolve(view) };
  return {
    live,
    history,
    deliveries,
    events,
    savedErrors: fixture.savedErrors,
    ...testLimits(),
    turn: fixture.turn ?? (() => Promise.resolve()),
    refused: noRefusals(),
    health: () => ({
      state: "running",
      writerIdleMs: 20,
      inputWaiting: false,
      writerFault: "",
      writerRefusals: 0,
      ...health,
    }),
    version: "0.1.0",
    startedAtMs: START_MS - 28_000,
    nowMs: () => START_MS + 32_000,
    ...(onException === undefined ? {} : { onException }),
  };
}

/** Events of a run that tells nobody anything. */
export const NO_EVENTS: AppDeps["events"] = {
  open: () => "stopped",
  counts: { clients: 0, dropped: 0, bytes: 0 },
};
