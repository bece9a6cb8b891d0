import type { Context } from "hono";
import { toSafeJson } from "../../command_line/escape_text.ts";
import { formatDuration, parseDuration } from "../../command_line/options.ts";
import { PieceMeter } from "../history/pieces.ts";
import { type WindowPieces, windowsByStep } from "../history/windows_by_step.ts";
import type { LiveView } from "../sink/live_view.ts";
import type { WindowHistoryReader, WindowQuery } from "../sink/window_history.ts";
import { toWindowJson } from "../window/window_json.ts";
import type { WindowSummary } from "../window/window_summary.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import { CSV_WINDOWS_LIMIT, WINDOW_ROUTE, WINDOWS_ROUTE } from "./api/history_routes.ts";
import type { Json } from "./api/json_schemas.ts";
import { OPEN_WINDOWS_ROUTE } from "./api/now_routes.ts";
import type { OpenWindowsSchema } from "./api/window_schemas.ts";
import type { AppDeps } from "./app_deps.ts";
import { answerJson, JSON_TYPE } from "./json_answer.ts";
import { negotiate } from "./negotiate.ts";
import { encodePageCursor } from "./page_cursor.ts";
import { invalid, parseTime, readParameter, TIMES_ALLOWED } from "./query_parameters.ts";
import { Refusal } from "./refusal.ts";
import { type Route, route } from "./route.ts";
import { readRowLimit } from "./row_limit.ts";
import { streamText } from "./stream_text.ts";
import { listUrls, urlsToRead } from "./url_list.ts";
import { csvHeader, toCsvLines } from "./windows_csv.ts";

const STEP_MAX_MS = 31 * 24 * 60 * 60 * 1000;

/** `/windows` and what is below it. */
export function windowsRoutes(
  deps: AppDeps,
  reportException: (exception: unknown) => void,
): Route[] {
  const { live, history, turn } = deps;
  return [
    route(WINDOWS_ROUTE, async (context, query) => {
      context.header("Vary", "Accept");
      const format = query.format ?? preferredFormat(context);
      const windowQuery: PageQuery = {
        fromMs: query.from ?? -TIME_MAX_MS,
        toMs: query.to ?? TIME_MAX_MS,
        beforeMs: query.cursor ?? TIME_MAX_MS,
        status: query.status,
        limit: format === "csv"
          ? readParameter(CSV_WINDOWS_LIMIT, "limit", query.limit)
          : readRowLimit(query.limit, deps),
        urlsMax: query.urls,
      };
      const read = { ...windowQuery, urlsMax: urlsToRead(windowQuery.urlsMax, query.url) };
      const stepMs = readStep(query.step, history.ranges.windowLengthMs);
      const windows = stepMs === undefined
        ? windowsOf(history, read)
        : windowsByStep(history.ranges, {
          ...read,
          stepMs,
          closedUpToMs: closedUpTo(history, await live.fresh()),
        });
      const form = format === "csv" ? CSV_FORM : jsonForm(windowQuery.urlsMax);
      const pieces = pageText(windows, form, query.url);
      const body = await streamText(pieces, { turn, reportException });
      return context.body(body, 200, HEADERS[format]);
    }),
    route(OPEN_WINDOWS_ROUTE, async (context, { urls: urlsMax }) => {
      const { open } = await live.fresh();
      const answer: Json<typeof OpenWindowsSchema> = {
        windows: open.map((window) => toWindowJson(window, { urlsMax })),
      };
      return answerJson(context, answer);
    }),
    route(WINDOW_ROUTE, async (context, { urls: urlsMax }) => {
      const value = context.req.param("start") ?? "";
      const startMs = parseTime(value);
      // The live view first: a window that closes in between is in the history by then.
      const { open } = await live.fresh();
      const window = startMs === undefined
        ? undefined
        : open.find((window) => window.startMs === startMs) ?? history.get(startMs, { urlsMax });
      if (window === undefined) {
        throw new Refusal("unknown_window", "No window with records starts at this time", {
          parameter: "start",
          value,
          allowed: `the start of a window, as ${TIMES_ALLOWED}`,
        });
      }
      return answerJson(context, toWindowJson(window, { urlsMax }));
    }),
  ];
}

type Format = "json" | "csv";

const HEADERS: Readonly<Record<Format, Record<string, string>>> = {
  json: { "Content-Type": JSON_TYPE },
  csv: {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="vigie-windows.csv"',
  },
};

/** What is asked for by `Accept`; whoever accepts neither gets JSON. */
function preferredFormat(context: Context): Format {
  const type = negotiate(context.req.header("accept"), [JSON_TYPE, "text/csv"]);
  return type === "text/csv" ? "csv" : "json";
}

function readStep(value: string | undefined, windowLengthMs: number): number | undefined {
  if (value === undefined) return undefined;
  const stepMs = parseStep(value);
  if (stepMs % windowLengthMs === 0 && stepMs <= STEP_MAX_MS) return stepMs;
  const length = formatDuration(windowLengthMs);
  const allowed = `a multiple of the windows' length of ${length}, at most 31d, such as 1h`;
  throw invalid({ parameter: "step", value, allowed });
}

function parseStep(text: string): number {
  try {
    return parseDuration(text);
  } catch (exception) {
    if (exception instanceof RangeError) return NaN;
    throw exception;
  }
}

/** Up to where all windows have closed: those that wait for rows end later. */
function closedUpTo(history: WindowHistoryReader, { watermarkMs }: LiveView): number {
  const newestMs = history.newestStartMs() ?? -Infinity;
  return Math.max(newestMs + history.ranges.windowLengthMs, watermarkMs ?? -Infinity);
}

/** The parameters of a page, all filled in. */
interface PageQuery extends WindowQuery {
  readonly fromMs: number;
  readonly toMs: number;
  readonly beforeMs: number;
}

/**
 * The windows of a page, one at a time, with a pause behind each piece; returns where the next page
 * begins. A page may hold millions of URLs: made in one piece it would hold up the event loop, and
 * the reading of logs with it.
 */
function* windowsOf(history: WindowHistoryReader, query: PageQuery): WindowPieces {
  const meter = new PieceMeter();
  let beforeMs: number | undefined = query.beforeMs;
  for (let count = 0; count < query.limit && beforeMs !== undefined; count++) {
    const page = history.query({ ...query, beforeMs, limit: 1 });
    beforeMs = page.nextBeforeMs;
    for (const window of page.windows) {
      yield window;
      if (meter.isDue(costOf(window))) yield undefined;
    }
  }
  return beforeMs;
}

/** What reading and writing a window costs, in the measure of {@linkcode PieceMeter}. */
function costOf({ statuses }: WindowSummary): number {
  let bytes = WINDOW_BYTES;
  for (const { urls } of statuses) for (const { url } of urls) bytes += url.length + URL_BYTES;
  return bytes;
}

const WINDOW_BYTES = 4096;
const URL_BYTES = 50;

/** How a page is written. */
interface PageForm {
  readonly head: string;
  readonly separator: string;
  write(window: WindowSummary): string;
  end(nextBeforeMs: number | undefined): string;
}

function jsonForm(urlsMax: number): PageForm {
  return {
    head: '{"windows":[',
    separator: ",",
    write: (window) => toSafeJson(toWindowJson(window, { urlsMax })),
    end: (nextBeforeMs) => {
      const cursor = nextBeforeMs === undefined ? null : encodePageCursor(nextBeforeMs);
      return `],"next_cursor":${toSafeJson(cursor)}}`;
    },
  };
}

/** CSV has no place for a cursor. */
const CSV_FORM: PageForm = {
  head: csvHeader(),
  separator: "",
  write: toCsvLines,
  end: () => "",
};

/**
 * The text of a page, in pieces; a pause follows each but the last.
 *
 * @param only the URLs that are listed; all where it is empty
 */
function* pageText(
  windows: WindowPieces,
  form: PageForm,
  only: readonly string[],
): Generator<string> {
  let text = form.head;
  let separator = "";
  let step = windows.next();
  for (; step.done !== true; step = windows.next()) {
    if (step.value === undefined) {
      if (text !== "") yield text;
      yield "";
      text = "";
      continue;
    }
    text += separator + form.write(listUrls(step.value, only));
    separator = form.separator;
  }
  text += form.end(step.value);
  if (text !== "") yield text;
}
