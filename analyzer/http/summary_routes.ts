import { inPieces } from "../history/pieces.ts";
import { type RangeSummary, summarizeRange, type UrlSummary } from "../history/range_summary.ts";
import type { WindowHistoryReader } from "../sink/window_history.ts";
import { toCountsJson } from "../window/window_json.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { CLIENTS_ROUTE, SUMMARY_ROUTE } from "./api/history_routes.ts";
import type { ClientsSchema, SummarySchema, UrlSummarySchema } from "./api/history_schemas.ts";
import type { Json } from "./api/json_schemas.ts";
import type { AppDeps } from "./app_deps.ts";
import { throwNotSaved } from "./errors_routes.ts";
import { answerJson } from "./json_answer.ts";
import { type Route, route } from "./route.ts";
import { listUrls, urlsToRead } from "./url_list.ts";

/** `/summary` and what is below it: one merged answer for a range. */
export function summaryRoutes(deps: AppDeps): Route[] {
  const { history, nowMs, turn } = deps;
  return [
    route(SUMMARY_ROUTE, async (context, { status, urls: urlsMax, url: only, ...given }) => {
      const range = readSummaryRange(given, history, nowMs());
      const pieces = summarizeRange(history.ranges, {
        ...range,
        status,
        urlsMax: urlsToRead(urlsMax, only),
      });
      const summary = listUrls(await inPieces(pieces, turn), only);
      return answerJson(context, toSummaryJson(summary, range, { urlsMax, only }));
    }),
    route(CLIENTS_ROUTE, async (context, { url: urls, status, ...given }) => {
      const search = deps.savedErrors ?? throwNotSaved();
      const { fromMs, toMs } = readSummaryRange(given, history, nowMs());
      // What was read by now is in its file then.
      await deps.live.fresh();
      const { clients, isComplete } = await search.countClients({ fromMs, toMs, urls, status });
      const answer: Json<typeof ClientsSchema> = {
        clients: urls.map((url, i) => ({
          url,
          unique_ips: clients[i]!.count,
          unique_ips_exact: clients[i]!.isExact,
          complete: isComplete,
        })),
      };
      return answerJson(context, answer);
    }),
  ];
}

/** A range in time, `[fromMs, toMs)`. */
interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The range that is asked for; the hour up to the end of the newest closed window unless told. */
function readSummaryRange(
  given: { readonly from?: number | undefined; readonly to?: number | undefined },
  history: WindowHistoryReader,
  nowMs: number,
): TimeRange {
  const newestMs = history.newestStartMs();
  const endMs = newestMs === undefined ? nowMs : newestMs + history.ranges.windowLengthMs;
  const toMs = given.to ?? Math.max(endMs, given.from ?? -Infinity);
  const fromMs = given.from ?? Math.max(toMs - HOUR_MS, -TIME_MAX_MS);
  return { fromMs, toMs };
}

const HOUR_MS = 60 * 60 * 1000;

function toSummaryJson(
  summary: RangeSummary,
  { fromMs, toMs }: TimeRange,
  { urlsMax, only }: { readonly urlsMax: number; readonly only: readonly string[] },
): Json<typeof SummarySchema> {
  const listedErrors = summary.statuses.reduce((sum, { errorCount }) => sum + errorCount, 0);
  return {
    from: toTime(fromMs),
    to: toTime(toMs),
    windows: summary.windows,
    ...toCountsJson(summary, urlsMax),
    urls: (only.length === 0 ? summary.urls : summary.urls.filter(({ url }) => only.includes(url)))
      .slice(0, urlsMax).map((url) => toUrlSummaryJson(url, listedErrors)),
  };
}

function toUrlSummaryJson(url: UrlSummary, errorCount: number): Json<typeof UrlSummarySchema> {
  return {
    url: url.url,
    count: url.count,
    ...(url.countErrorMax > 0 ? { count_error_max: url.countErrorMax } : {}),
    share: url.count / errorCount,
    statuses: url.statuses,
    first_seen: toTime(url.firstMs),
    last_seen: toTime(url.lastMs),
    trend: url.trend,
  };
}

function toTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
