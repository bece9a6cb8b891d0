import * as v from "valibot";
import { count, flag, httpStatus, share, text, timestamp } from "./json_schemas.ts";
import { COUNT_ENTRIES } from "./window_schemas.ts";

/** A failing URL in a range. */
export const UrlSummarySchema = v.strictObject({
  url: text("Request target as it was logged."),
  count: count("Errors on it, as the lists of the statuses have them."),
  count_error_max: v.exactOptional(
    count("Only where `count` may be too high, and by at most this much."),
  ),
  share: share("Its part of the errors of the statuses that are listed."),
  statuses: v.array(v.strictObject({
    status: httpStatus("HTTP status."),
    count: count("Errors of this status on the URL."),
  })),
  first_seen: timestamp("Start of the first window that lists it."),
  last_seen: timestamp("End of the last window that lists it."),
  trend: v.pipe(
    v.array(count("Errors in this part.")),
    v.length(24),
    v.description("Its errors in 24 parts of the range, oldest first."),
  ),
});

/** One merged answer for a range. */
export const SummarySchema = v.strictObject({
  from: timestamp("Where the range begins."),
  to: timestamp("Where the range ends."),
  windows: count("Closed windows in it."),
  ...COUNT_ENTRIES,
  urls: v.array(UrlSummarySchema),
});

/** Distinct clients by URL. */
export const ClientsSchema = v.strictObject({
  clients: v.array(v.strictObject({
    url: text("As it was asked for."),
    unique_ips: count("Distinct clients with errors on it."),
    unique_ips_exact: flag("Whether `unique_ips` is a count, and no estimate."),
    complete: flag(
      "False where enough was read before the range ended: there are at least so many.",
    ),
  })),
});

/** One stored error. */
export const ErrorSchema = v.strictObject({
  time: v.nullable(timestamp("Event time; null where the line has none that can be read.")),
  window_start: v.nullable(timestamp("Start of the window that it belongs to.")),
  status: v.nullable(v.number()),
  method: v.nullable(text("Method of the request; may be empty.")),
  url: v.nullable(text("Request target as it was logged, not cut.")),
  ip: v.nullable(text("Client address as it is stored.")),
  record: v.pipe(
    v.record(v.string(), v.unknown()),
    v.description("The whole object as it is in the error file."),
  ),
});

/** A page of stored errors. */
export const ErrorPageSchema = v.strictObject({
  errors: v.array(ErrorSchema),
  next_cursor: v.nullable(text("Where the next page begins; null at the end of everything.")),
  complete: flag("False where enough was read before the page was full: `next_cursor` goes on."),
});
