import type { StoredError } from "../history/error_reader.ts";
import { ERRORS_ROUTE } from "./api/history_routes.ts";
import type { ErrorSchema } from "./api/history_schemas.ts";
import type { Json } from "./api/json_schemas.ts";
import type { AppDeps } from "./app_deps.ts";
import { encodeErrorCursor } from "./error_cursor.ts";
import { answerJson } from "./json_answer.ts";
import { Refusal } from "./refusal.ts";
import { type Route, route } from "./route.ts";
import { readRowLimit } from "./row_limit.ts";

/** `/errors`: the records themselves, as they are in the error files. */
export function errorsRoutes(deps: AppDeps): Route[] {
  const { live, savedErrors, history } = deps;
  return [
    route(ERRORS_ROUTE, async (context, { from, to, q, cursor, limit, ...query }) => {
      const search = savedErrors ?? throwNotSaved();
      // What was read by now is in its file then.
      await live.fresh();
      const { errors, next, isComplete } = await search.find({
        ...query,
        limit: readRowLimit(limit, deps),
        fromMs: from,
        toMs: to,
        text: q,
        before: cursor,
      });
      return answerJson(context, {
        errors: errors.map((error) => toErrorJson(error, history.ranges.windowLengthMs)),
        next_cursor: next === undefined ? null : encodeErrorCursor(next),
        complete: isComplete,
      });
    }),
  ];
}

/** @throws {Refusal} always */
export function throwNotSaved(): never {
  throw new Refusal("not_saved", "This run saves nothing (--no-save), so there is no record");
}

function toErrorJson(error: StoredError, windowLengthMs: number): Json<typeof ErrorSchema> {
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
