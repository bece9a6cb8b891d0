import * as v from "valibot";
import { OPEN_WINDOW } from "./examples.ts";
import { MetricsSchema } from "./live_schemas.ts";
import { described, urlsListed } from "./parameter_schemas.ts";
import { describeRoute } from "./route_description.ts";
import { OpenWindowsSchema } from "./window_schemas.ts";

/** `GET /metrics`. */
export const METRICS_ROUTE = describeRoute({
  method: "GET",
  path: "/metrics",
  operationId: "getMetrics",
  tag: "Now",
  summary: "Totals, sources, open and latest closed windows; for Prometheus as text",
  description:
    "JSON for `*/*`; text where `Accept` prefers `text/plain` or `application/openmetrics-text`, as " +
    "Prometheus does. Totals in JSON go on from run to run, counters of the text begin with the program.",
  query: v.strictObject({}),
  answers: {
    200: {
      description: "How everything stands.",
      json: MetricsSchema,
      texts: {
        "text/plain": "Prometheus' text format 0.0.4.",
        "application/openmetrics-text": "OpenMetrics 1.0.",
      },
    },
  },
  refusals: ["not_acceptable", "internal"],
  example: { request: "/metrics", headers: { Accept: "text/plain" } },
});

/** `GET /windows/current`. */
export const OPEN_WINDOWS_ROUTE = describeRoute({
  method: "GET",
  path: "/windows/current",
  operationId: "listOpenWindows",
  tag: "Now",
  summary: "All open windows, oldest first",
  query: v.strictObject({ urls: urlsListed() }),
  answers: { 200: { description: "The open windows.", json: OpenWindowsSchema } },
  refusals: ["invalid_parameter", "internal"],
  example: { request: "/windows/current", answer: { windows: [OPEN_WINDOW] } },
});

/** `GET /events`. */
export const EVENTS_ROUTE = describeRoute({
  method: "GET",
  path: "/events",
  operationId: "streamEvents",
  tag: "Now",
  summary: "Server-sent events: windows as they fill and close, and how everything stands",
  description:
    "An event `status` at once and then every second, with a `StatusEvent`; an event `window` with a " +
    "`Window` of five URLs a status, once a second for each open window that has changed, and with an " +
    "id when one has closed; an event `reset` with a `ResetEvent` where what the client has does not " +
    "go on here, and has to be read anew.\n\n" +
    "A client that comes back with the id of the last event that it got is sent the closed windows " +
    "that it missed, up to 1000, also across a restart. Connect first and then ask for `/windows`, so " +
    "that nothing falls in between.",
  query: v.strictObject({
    after: v.optional(
      described(v.string(), "The id of the last event that the client got."),
    ),
  }),
  headers: {
    "Last-Event-ID": v.optional(
      described(v.string(), "The same, as browsers send it; it goes before."),
    ),
  },
  answers: {
    200: {
      description: "A stream that does not end.",
      texts: { "text/event-stream": "Server-sent events; the data of each is one line of JSON." },
    },
  },
  refusals: ["too_many_event_clients", "stopping", "internal"],
  example: { request: "/events" },
});
