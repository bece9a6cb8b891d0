import {
  OPENMETRICS_TYPE,
  PROMETHEUS_TEXT_TYPE,
  renderOpenMetrics,
  renderPrometheusText,
} from "../metrics/exposition.ts";
import type { HttpCounts, MetricFacts } from "../metrics/metric.ts";
import { METRICS } from "../metrics/metrics.ts";
import type { LiveView } from "../sink/live_view.ts";
import { emptyTotals, totalsSince } from "../sink/totals.ts";
import { toWindowJson } from "../window/window_json.ts";
import type { Json } from "./api/json_schemas.ts";
import type { MetricsSchema } from "./api/live_schemas.ts";
import { METRICS_ROUTE } from "./api/now_routes.ts";
import { URLS_DEFAULT } from "./api/parameter_schemas.ts";
import type { AppDeps } from "./app_deps.ts";
import { answerJson } from "./json_answer.ts";
import { toSourceJson, toTotalsJson } from "./live_json.ts";
import { negotiate } from "./negotiate.ts";
import { Refusal } from "./refusal.ts";
import { type Route, route } from "./route.ts";

/** `/metrics`, in the format that the client prefers. */
export function metricsRoutes(deps: AppDeps, httpCounts: () => HttpCounts): Route[] {
  return [
    route(METRICS_ROUTE, async (context) => {
      context.header("Vary", "Accept");
      const type = negotiate(context.req.header("accept"), TYPES);
      if (type === undefined) {
        throw new Refusal("not_acceptable", "There is no such format of the metrics", {
          parameter: "Accept",
          value: context.req.header("accept")!,
          allowed: TYPES.join(", "),
        });
      }
      const view = await deps.live.fresh();
      switch (type) {
        case "application/json":
          return answerJson(context, toMetricsJson(view, deps));
        case "application/openmetrics-text":
          return context.body(
            renderOpenMetrics(METRICS, factsOf(view, deps, httpCounts())),
            200,
            { "Content-Type": OPENMETRICS_TYPE },
          );
        case "text/plain":
          return context.body(
            renderPrometheusText(METRICS, factsOf(view, deps, httpCounts())),
            200,
            { "Content-Type": PROMETHEUS_TEXT_TYPE },
          );
      }
    }),
  ];
}

const TYPES = ["application/json", "application/openmetrics-text", "text/plain"] as const;

const CLOSED_WINDOWS_MAX = 10;

function toMetricsJson(view: LiveView, { history }: AppDeps): Json<typeof MetricsSchema> {
  const options = { urlsMax: URLS_DEFAULT };
  // A window that closed after the view was taken counts as open here, as it does in its totals.
  const openStarts = new Set(view.open.map(({ startMs }) => startMs));
  const closed = history.query({ ...options, limit: CLOSED_WINDOWS_MAX }).windows
    .filter(({ startMs }) => !openStarts.has(startMs));
  return {
    totals: toTotalsJson(view.totals),
    sources: view.sources.map(toSourceJson),
    open: view.open.map((window) => toWindowJson(window, options)),
    closed: closed.map((window) => toWindowJson(window, options)),
  };
}

function factsOf(view: LiveView, deps: AppDeps, http: HttpCounts): MetricFacts {
  const { writerIdleMs, inputWaiting, writerFault, writerRefusals } = deps.health();
  const { totalsAtStart = emptyTotals() } = deps;
  return {
    // A counter begins at 0 with its program: a crash can take totals back a little, and Prometheus
    // would take that for a new beginning, and all of them for what has happened since.
    view: { ...view, totals: totalsSince(totalsAtStart, view.totals) },
    nowMs: deps.nowMs(),
    startedAtMs: deps.startedAtMs,
    version: deps.version,
    writerIdleMs,
    isInputWaiting: inputWaiting,
    hasWriterFault: writerFault !== "",
    writerRefusals,
    http,
    deliveries: deps.deliveries?.counts,
    events: deps.events.counts,
    retention: deps.retention?.counts,
    limits: deps.limits,
    limitCounter: deps.limitCounter,
  };
}
