import type { StoredError } from "../history/error_reader.ts";
import type { ErrorPlace } from "../sink/error_index.ts";
import type { AppDeps } from "./app_deps.ts";
import { decodeErrorCursor, encodeErrorCursor } from "./error_cursor.ts";
import { answerJson } from "./json_answer.ts";
import {
  integerParameter,
  invalid,
  type QueryParameters,
  readRange,
  readStatus,
  textParameter,
} from "./query_parameters.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

/** `/errors`: the records themselves, as they are in the error files. */
export function errorsRoutes({ live, savedErrors, history }: AppDeps): Route[] {
  return [{
    method: "GET",
    path: "/errors",
    parameters: ["from", "to", "status", "url", "ip", "q", "limit", "cursor"],
    summary: "Stored error records, newest first, in pages",
    async handle(context, query) {
      const search = savedErrors ?? throwNotSaved();
      const { fromMs, toMs } = readRange(query);
      const errorQuery = {
        fromMs,
        toMs,
        status: readStatus(query),
        url: textParameter(query, "url"),
        ip: textParameter(query, "ip"),
        text: textParameter(query, "q"),
        limit: integerParameter(query, "limit", { min: 1, max: LIMIT_MAX }) ?? LIMIT_DEFAULT,
        before: readCursor(query),
      };
      // What was read by now is in its file then.
      await live.fresh();
      const { errors, next, isComplete } = await search.find(errorQuery);
      return answerJson(context, {
        errors: errors.map((error) => toErrorJson(error, history.ranges.windowLengthMs)),
        next_cursor: next === undefined ? null : encodeErrorCursor(next),
        complete: isComplete,
      });
    },
  }];
}

/** @throws {Refusal} always */
export function throwNotSaved(): never {
  throw new Refusal(404, "not_saved", "This run saves nothing (--no-save), so there is no record");
}

function readCursor(query: QueryParameters): ErrorPlace | undefined {
  const value = query.get("cursor");
  if (value === undefined) return undefined;
  const place = decodeErrorCursor(value);
  if (place !== undefined) return place;
  throw invalid({ parameter: "cursor", value, allowed: "the next_cursor of a page" });
}

function toErrorJson(error: StoredError, windowLengthMs: number) {
  const { timeMs, status = null, method = null, url = null, ip = null, record } = error;
  const windowMs = timeMs === undefined ? undefined : Math.floor(timeMs / windowLengthMs) *
    windowLengthMs;
  return {
    time: toTime(timeMs),
    window_start: toTime(windowMs),
    status,
    method,
    url,
    ip,
    record,
  };
}

function toTime(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}
