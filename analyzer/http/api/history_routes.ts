import * as v from "valibot";
import { decodeErrorCursor } from "../error_cursor.ts";
import { decodePageCursor } from "../page_cursor.ts";
import {
  CLIENTS_EXAMPLE,
  CLOSED_WINDOW,
  ERRORS_EXAMPLE,
  OPEN_WINDOW,
  SUMMARY_EXAMPLE,
} from "./examples.ts";
import { ClientsSchema, ErrorPageSchema, SummarySchema } from "./history_schemas.ts";
import {
  cursor,
  described,
  integer,
  rangeQuery,
  readLater,
  status,
  text,
  time,
  urlList,
  urlsListed,
  word,
} from "./parameter_schemas.ts";
import { describeRoute } from "./route_description.ts";
import { WindowPageSchema, WindowSchema } from "./window_schemas.ts";

/** Windows in CSV, which has no pages: whoever exports a month wants all of it. */
export const CSV_WINDOWS_LIMIT = v.optional(integer({ min: 1, max: 100_000 }), 100_000);

/** `GET /windows`. */
export const WINDOWS_ROUTE = describeRoute({
  method: "GET",
  path: "/windows",
  operationId: "listWindows",
  tag: "History",
  summary: "Closed windows, newest first, in pages; merged to longer ones, or as CSV",
  description:
    "A long page is sent as it is read. Where that fails midway, the connection is cut and the JSON " +
    "ends early.",
  query: rangeQuery({
    from: v.optional(described(time(), "Only windows that start at this time or later.")),
    to: v.optional(described(time(), "Only windows that start before this time.")),
    status: v.optional(described(
      status(),
      "Only windows with errors of this status; they list no other, while their counts stay those of all.",
    )),
    limit: v.optional(described(
      readLater(CSV_WINDOWS_LIMIT.wrapped),
      "Windows on a page: 1 to 1000 (`--limit response-rows=`), and 100 unless given; as CSV, which has " +
        "no pages, all of these.",
    )),
    cursor: v.optional(described(
      cursor(decodePageCursor),
      "`next_cursor` of the page before; the other parameters stay as they were.",
    )),
    urls: urlsListed(),
    url: v.optional(
      described(
        urlList({ min: 0 }),
        "Lists no other URLs, whatever their rank in what is stored; no count changes.",
      ),
      [],
    ),
    step: v.optional(described(
      readLater(v.pipe(v.string(), v.regex(/^\d+(?:\.\d+)?(?:ms|[smhd])$/), v.examples(["1h"]))),
      "Merges windows to longer ones: a multiple of their length, at most `31d`.",
    )),
    format: v.optional(
      described(word(["json", "csv"]), "The form of the answer, if not by `Accept`."),
    ),
  }),
  answers: {
    200: {
      description: "A page of windows.",
      json: WindowPageSchema,
      texts: {
        "text/csv": "One line a window and status under a header, all in one page. A spreadsheet " +
          "takes no cell for a formula.",
      },
      headers: { "Content-Disposition": "The name of the file, with CSV." },
    },
  },
  refusals: ["invalid_parameter", "internal"],
  example: {
    request: "/windows?limit=1&urls=1",
    answer: { windows: [CLOSED_WINDOW], next_cursor: "before.mbb5u6k0" },
  },
});

/** `GET /windows/{start}`. */
export const WINDOW_ROUTE = describeRoute({
  method: "GET",
  path: "/windows/:start",
  operationId: "getWindow",
  tag: "History",
  summary: "The window that starts at this time, open or closed",
  query: v.strictObject({ urls: urlsListed() }),
  pathParameters: {
    start: described(time(), "Start of the window."),
  },
  answers: { 200: { description: "The window.", json: WindowSchema } },
  refusals: ["invalid_parameter", "unknown_window", "internal"],
  example: {
    request: "/windows/2025-05-30T18:53:00Z?urls=1",
    answer: OPEN_WINDOW,
  },
});

/** `GET /summary`. */
export const SUMMARY_ROUTE = describeRoute({
  method: "GET",
  path: "/summary",
  operationId: "summarize",
  tag: "History",
  summary: "One merged answer for a range: errors by status, distinct clients, URLs",
  description:
    "Of the closed windows that start in `[from, to)`. Distinct clients are those of all of them, and " +
    "no sum.",
  query: rangeQuery({
    ...rangeOfSummary(),
    status: v.optional(described(
      status(),
      "Only this status is listed, and only its URLs, while the counts of the range are those of all.",
    )),
    urls: urlsListed("URLs listed a status, and over all of them."),
    url: v.optional(
      described(
        urlList({ min: 0 }),
        "Lists no other URLs; no count changes, and `share` stays one of all errors.",
      ),
      [],
    ),
  }),
  answers: { 200: { description: "The summary.", json: SummarySchema } },
  refusals: ["invalid_parameter", "internal"],
  example: {
    request: "/summary?from=2025-05-30T18:52:00Z&to=2025-05-30T18:53:00Z&urls=1",
    answer: SUMMARY_EXAMPLE,
  },
});

/** `GET /summary/clients`. */
export const CLIENTS_ROUTE = describeRoute({
  method: "GET",
  path: "/summary/clients",
  operationId: "countClients",
  tag: "History",
  summary: "Distinct clients by URL in a range, counted from the error files",
  query: rangeQuery({
    ...rangeOfSummary(),
    status: v.optional(described(status(), "Only errors of this status.")),
    url: described(urlList({ min: 1 }), "A URL as `/summary` lists it."),
  }),
  answers: { 200: { description: "The counts.", json: ClientsSchema } },
  refusals: ["invalid_parameter", "not_saved", "internal"],
  example: {
    request: "/summary/clients?url=/resource/42&url=/resource/7",
    answer: CLIENTS_EXAMPLE,
  },
});

/** `GET /errors`. */
export const ERRORS_ROUTE = describeRoute({
  method: "GET",
  path: "/errors",
  operationId: "listErrors",
  tag: "History",
  summary: "Stored error records, newest first, in pages",
  description:
    "Those that came in last are first, which is not quite the order of their times. Following " +
    "`next_cursor` gives every record once, also while new ones come in.",
  query: rangeQuery({
    from: v.optional(described(time(), "Only records of this event time or later.")),
    to: v.optional(described(time(), "Only records before this event time.")),
    status: v.optional(described(status(), "Only this status.")),
    url: v.optional(described(
      text(),
      "Only this URL, as lists show it; one that is cut there stands for all that begin so.",
    )),
    ip: v.optional(described(text(), "Only this address, as it is stored.")),
    q: v.optional(described(
      text(),
      "Only records whose stored line has this in it, whatever the case of its letters.",
    )),
    limit: v.optional(described(
      readLater(integer({ min: 1, max: 1000 })),
      "Records on a page: at most as many as here unless `--limit response-rows=` says otherwise, and " +
        "100 unless given.",
    )),
    cursor: v.optional(described(
      cursor(decodeErrorCursor),
      "`next_cursor` of the page before; the other parameters stay as they were.",
    )),
  }),
  answers: { 200: { description: "A page of records.", json: ErrorPageSchema } },
  refusals: ["invalid_parameter", "not_saved", "internal"],
  example: { request: "/errors?url=/resource/42&limit=1", answer: ERRORS_EXAMPLE },
});

function rangeOfSummary() {
  return {
    from: v.optional(described(
      time(),
      "Only windows that start at this time or later; an hour before `to` unless given.",
    )),
    to: v.optional(described(
      time(),
      "Only windows that start before this time; the end of the newest closed window unless given.",
    )),
  };
}
