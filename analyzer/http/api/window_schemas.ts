import * as v from "valibot";
import type { StatusJson, UrlJson, WindowJson } from "../../window/window_json.ts";
import { count, type Entries, flag, httpStatus, share, text, timestamp } from "./json_schemas.ts";

/** A URL and how often it failed. */
export const UrlSchema = v.strictObject(
  {
    url: text("Request target as it was logged."),
    count: count("Errors of this status on it."),
    count_error_max: v.exactOptional(
      count("Only where `count` may be too high, and by at most this much."),
    ),
  } satisfies Entries<UrlJson>,
);

/** What is told of the errors that share a status. */
const STATUS_ENTRIES = {
  status: httpStatus("HTTP status."),
  error_count: count("Errors of this status."),
  unique_ips: count("Distinct clients among them."),
  unique_ips_exact: flag("Whether `unique_ips` is a count, and no estimate."),
  urls: v.array(UrlSchema),
  urls_total: count("Distinct URLs, also those that `urls` does not list."),
  urls_total_exact: flag("Whether `urls_total` is a count, and no estimate."),
} satisfies Entries<StatusJson>;

/** The errors of a window or a range that share a status. */
export const StatusSchema = v.strictObject(STATUS_ENTRIES);

/** What is counted of a window, and of a range of them. */
export const COUNT_ENTRIES = {
  total_count: count("Records in it, errors included, late ones not."),
  error_count: count("Those with an error status."),
  error_rate: share("`error_count / total_count`; 0 where there are no records."),
  unique_ips: count("Distinct clients among all errors."),
  unique_ips_exact: flag("Whether `unique_ips` is a count, and no estimate."),
  late_count: count(
    "Records that came after the window had closed: with `late_error_count` all that may still grow.",
  ),
  late_error_count: count("Errors among the late records."),
  statuses: v.array(StatusSchema),
};

/** One window, or several that were merged to a longer one. */
export const WindowSchema = v.strictObject(
  {
    start: timestamp("Event time at which the window begins."),
    end: timestamp("First moment after it."),
    state: v.pipe(
      v.picklist(["open", "closed"]),
      v.description("`closed` once it is counted to its end."),
    ),
    length_ms: count("Length in milliseconds."),
    ...COUNT_ENTRIES,
  } satisfies Entries<WindowJson>,
);

/** A page of closed windows. */
export const WindowPageSchema = v.strictObject({
  windows: v.array(WindowSchema),
  next_cursor: v.nullable(text("Where the next page begins; null on the last one.")),
});

/** All open windows. */
export const OpenWindowsSchema = v.strictObject({ windows: v.array(WindowSchema) });
