import { STATUS_MAX, STATUS_MIN } from "../../log_format/log_record.ts";
import type { WindowHistoryReader, WindowQuery } from "../sink/window_history.ts";
import { toSafeJson } from "../../command_line/escape_text.ts";
import { toWindowJson } from "../window/window_json.ts";
import type { AppDeps } from "./app_deps.ts";
import { answerJson, JSON_TYPE } from "./json_answer.ts";
import { decodePageCursor, encodePageCursor } from "./page_cursor.ts";
import {
  integerParameter,
  invalid,
  parseTime,
  type QueryParameters,
  timeParameter,
  TIMES_ALLOWED,
} from "./query_parameters.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";

/** URLs that are listed a status where the request does not say. */
export const URLS_DEFAULT = 20;

const LIMIT_DEFAULT = 100;
const URLS_MAX = 1000;

/** `/windows` and what is below it. */
export function windowsRoutes(
  deps: AppDeps,
  reportException: (exception: unknown) => void,
): Route[] {
  const { live, history } = deps;
  return [
    {
      method: "GET",
      path: "/windows",
      parameters: ["from", "to", "status", "limit", "cursor", "urls"],
      summary: "Closed windows, newest first, in pages",
      handle(context, query) {
        const body = streamText(windowPage(history, readWindowQuery(query, deps)), reportException);
        return context.body(body, 200, { "Content-Type": JSON_TYPE });
      },
    },
    {
      method: "GET",
      path: "/windows/current",
      parameters: ["urls"],
      summary: "All open windows, oldest first",
      async handle(context, query) {
        const urlsMax = readUrlsMax(query);
        const { open } = await live.fresh();
        return answerJson(context, {
          windows: open.map((window) => toWindowJson(window, { urlsMax })),
        });
      },
    },
    {
      method: "GET",
      path: "/windows/:start",
      parameters: ["urls"],
      summary: "The window that starts at this time, open or closed",
      async handle(context, query) {
        const urlsMax = readUrlsMax(query);
        const value = context.req.param("start") ?? "";
        const startMs = parseTime(value);
        // The live view first: a window that closes in between is in the history by then.
        const { open } = await live.fresh();
        const window = startMs === undefined
          ? undefined
          : open.find((window) => window.startMs === startMs) ?? history.get(startMs, { urlsMax });
        if (window === undefined) {
          throw new Refusal(404, "unknown_window", "No window with records starts at this time", {
            parameter: "start",
            value,
            allowed: `the start of a window, as ${TIMES_ALLOWED}`,
          });
        }
        return answerJson(context, toWindowJson(window, { urlsMax }));
      },
    },
  ];
}

function readWindowQuery(query: QueryParameters, deps: AppDeps): WindowQuery {
  const [fromMs, toMs] = [timeParameter(query, "from"), timeParameter(query, "to")];
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    throw invalid({ parameter: "to", value: query.get("to")!, allowed: "a time not before from" });
  }
  const cursor = query.get("cursor");
  const beforeMs = cursor === undefined ? undefined : decodePageCursor(cursor);
  if (cursor !== undefined && beforeMs === undefined) {
    throw invalid({ parameter: "cursor", value: cursor, allowed: "the next_cursor of a page" });
  }
  return {
    fromMs,
    toMs,
    beforeMs,
    status: integerParameter(query, "status", { min: STATUS_MIN, max: STATUS_MAX }),
    limit: readLimit(query, deps),
    urlsMax: readUrlsMax(query),
  };
}

function readLimit(query: QueryParameters, { limits, limitCounter }: AppDeps): number {
  const max = limits.responseRows;
  if (Number(query.get("limit")) > max) limitCounter.reach("responseRows");
  return integerParameter(query, "limit", { min: 1, max }) ?? Math.min(LIMIT_DEFAULT, max);
}

function readUrlsMax(query: QueryParameters): number {
  return integerParameter(query, "urls", { min: 0, max: URLS_MAX }) ?? URLS_DEFAULT;
}

/**
 * Windows that are read from the history and held in memory at a time. A page may hold millions of
 * URLs: made in one piece it would hold up the event loop, and the reading of logs with it.
 */
const WINDOWS_PER_PIECE = 10;

/** The JSON of one page, in pieces. */
function* windowPage(history: WindowHistoryReader, query: WindowQuery): Generator<string> {
  let left = query.limit;
  let beforeMs = query.beforeMs;
  let text = '{"windows":[';
  let separator = "";
  do {
    const limit = Math.min(left, WINDOWS_PER_PIECE);
    const page = history.query({ ...query, beforeMs, limit });
    for (const window of page.windows) {
      text += separator + toSafeJson(toWindowJson(window, query));
      separator = ",";
    }
    yield text;
    text = "";
    left -= page.windows.length;
    beforeMs = page.nextBeforeMs;
  } while (left > 0 && beforeMs !== undefined);
  const nextCursor = beforeMs === undefined ? null : encodePageCursor(beforeMs);
  yield `],"next_cursor":${toSafeJson(nextCursor)}}`;
}

/**
 * Text as a body that is made as fast as the client takes it. The first piece is made at once, so
 * that what throws there becomes a status; an exception later can only cut the answer off.
 */
function streamText(
  pieces: Generator<string>,
  reportException: (exception: unknown) => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let piece = pieces.next();
  return new ReadableStream({
    pull(controller) {
      try {
        if (piece.done) return controller.close();
        controller.enqueue(encoder.encode(piece.value));
        piece = pieces.next();
      } catch (exception) {
        reportException(exception);
        controller.error(new Error("The answer could not be completed"));
      }
    },
  }, { highWaterMark: 0 });
}
