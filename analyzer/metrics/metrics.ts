import { escapeText } from "../../command_line/escape_text.ts";
import { MALFORMED_REASONS } from "../decode/malformed_reason.ts";
import { limitLabel } from "../limit_options.ts";
import { LIMIT_NAMES, LIMIT_TABLE, type LimitDefinition, type LimitName } from "../limits.ts";
import type { SourceState } from "../source/source_state.ts";
import type { Metric, MetricFacts, Sample } from "./metric.ts";

/**
 * Every metric of the program. Label values are a reason, an outcome, a status, the name of a limit or a
 * source of the command line, so their number is bounded: nothing that a log line holds may become one.
 */
export const METRICS: readonly Metric[] = [
  {
    name: "vigie_read_bytes",
    type: "counter",
    unit: "bytes",
    help: "Bytes read since the program started, line ends included.",
    labels: [],
    samples: ({ view }) => single(view.totals.bytes),
  },
  {
    name: "vigie_lines",
    type: "counter",
    unit: "",
    help: "Lines read since the program started, by what became of them.",
    labels: ["outcome"],
    samples: ({ view: { totals } }) =>
      labelled({
        valid: totals.valid,
        malformed: MALFORMED_REASONS.reduce((sum, reason) => sum + totals.malformed[reason], 0),
        oversized: totals.oversized,
        empty: totals.empty,
        header: totals.header,
        partial: totals.partial,
      }),
  },
  {
    name: "vigie_malformed_lines",
    type: "counter",
    unit: "",
    help: "Lines that are no records since the program started, by reason.",
    labels: ["reason"],
    samples: ({ view }) => labelled(view.totals.malformed),
  },
  {
    name: "vigie_records",
    type: "counter",
    unit: "",
    help: "Valid records since the program started, by where they were counted.",
    labels: ["outcome"],
    samples: ({ view: { totals } }) =>
      labelled({ in_windows: totals.inWindows, late: totals.late, future: totals.future }),
  },
  {
    name: "vigie_errors",
    type: "counter",
    unit: "",
    help: "Records with an error status since the program started, by where they were counted.",
    labels: ["outcome"],
    samples: ({ view: { totals } }) =>
      labelled({
        in_windows: totals.errorsInWindows,
        late: totals.lateErrors,
        future: totals.futureErrors,
      }),
  },
  {
    name: "vigie_status_errors",
    type: "counter",
    unit: "",
    help: "Records with an error status since the program started, by status.",
    labels: ["status"],
    samples: ({ view }) => byStatus(view.totals.errorsByStatus),
  },
  {
    name: "vigie_open_windows",
    type: "gauge",
    unit: "",
    help: "Windows that are open now.",
    labels: [],
    samples: ({ view }) => single(view.open.length),
  },
  {
    name: "vigie_last_window_clients",
    type: "gauge",
    unit: "",
    help: "Distinct clients among the errors of the window that closed last.",
    labels: [],
    samples: ({ view: { lastWindow } }) =>
      lastWindow === undefined ? [] : single(lastWindow.clientCount),
  },
  {
    name: "vigie_last_window_end_timestamp_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Event time at which the window ended that closed last, since the Unix epoch.",
    labels: [],
    samples: ({ view: { lastWindow } }) =>
      lastWindow === undefined ? [] : single(toSeconds(lastWindow.endMs)),
  },
  {
    name: "vigie_watermark_timestamp_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Event time up to which windows are closed, since the Unix epoch.",
    labels: [],
    samples: ({ view }) =>
      view.watermarkMs === undefined ? [] : single(toSeconds(view.watermarkMs)),
  },
  {
    name: "vigie_watermark_lag_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Wall clock minus watermark.",
    labels: [],
    samples: ({ view, nowMs }) =>
      view.watermarkMs === undefined ? [] : single(toSeconds(nowMs - view.watermarkMs)),
  },
  {
    name: "vigie_source_connected",
    type: "gauge",
    unit: "",
    help: "1 while the source is connected, else 0.",
    labels: ["source"],
    samples: (facts) => bySource(facts, ({ phase }) => phase === "connected" ? 1 : 0),
  },
  {
    name: "vigie_source_open_connections",
    type: "gauge",
    unit: "",
    help: "Connections of the source that are open now.",
    labels: ["source"],
    samples: (facts) => bySource(facts, ({ connections }) => connections),
  },
  {
    name: "vigie_source_connections",
    type: "counter",
    unit: "",
    help: "Connections made since the program started.",
    labels: ["source"],
    samples: (facts) => bySource(facts, ({ connectionsTotal }) => connectionsTotal),
  },
  {
    name: "vigie_source_refused_connections",
    type: "counter",
    unit: "",
    help: "Connections that were not let in since the program started, by reason.",
    labels: ["source", "reason"],
    samples: ({ view }) =>
      labelledSources(view.sources).flatMap(({ label, source }) =>
        Object.entries(source.refused).map(([reason, value]) => ({
          labelValues: [label, reason],
          value,
        }))
      ),
  },
  {
    name: "vigie_source_last_row_timestamp_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Wall-clock time of the last row of the source, since the Unix epoch.",
    labels: ["source"],
    samples: (facts) =>
      bySource(
        facts,
        ({ lastRowAtMs }) => lastRowAtMs === undefined ? undefined : toSeconds(lastRowAtMs),
      ),
  },
  {
    name: "vigie_writer_idle_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Time since the writer last moved.",
    labels: [],
    samples: ({ writerIdleMs }) => single(toSeconds(writerIdleMs)),
  },
  {
    name: "vigie_input_waiting",
    type: "gauge",
    unit: "",
    help: "1 while the writer has input to commit, else 0.",
    labels: [],
    samples: ({ isInputWaiting }) => single(isInputWaiting ? 1 : 0),
  },
  {
    name: "vigie_writer_fault",
    type: "gauge",
    unit: "",
    help: "1 while the storage refuses what has to be written, and nothing is read, else 0.",
    labels: [],
    samples: ({ hasWriterFault }) => single(hasWriterFault ? 1 : 0),
  },
  {
    name: "vigie_writer_refusals",
    type: "counter",
    unit: "",
    help: "Attempts to write that the storage has refused since the program started.",
    labels: [],
    samples: ({ writerRefusals }) => single(writerRefusals),
  },
  {
    name: "vigie_http_exceptions",
    type: "counter",
    unit: "",
    help: "HTTP requests that failed by an internal exception since the program started.",
    labels: [],
    samples: ({ http }) => single(http.exceptions),
  },
  {
    name: "vigie_http_refused",
    type: "counter",
    unit: "",
    help: "HTTP requests that were refused whatever they asked for, by reason, since the start.",
    labels: ["reason"],
    samples: ({ http }) => labelled(http.refused),
  },
  {
    name: "vigie_deliveries",
    type: "counter",
    unit: "",
    help: "Answers to POST /logs since the program started, by HTTP status.",
    labels: ["status"],
    samples: ({ http }) => byStatus(http.deliveriesByStatus),
  },
  {
    name: "vigie_repeated_deliveries",
    type: "counter",
    unit: "",
    help: "Deliveries whose Idempotency-Key had been counted before, since the program started.",
    labels: [],
    samples: ({ deliveries }) => single(deliveries?.repeated ?? 0),
  },
  {
    name: "vigie_delivered_bytes",
    type: "counter",
    unit: "bytes",
    help: "Bytes of delivered bodies, decompressed, since the program started.",
    labels: [],
    samples: ({ deliveries }) => single(deliveries?.bytes ?? 0),
  },
  {
    name: "vigie_open_deliveries",
    type: "gauge",
    unit: "",
    help: "Deliveries that are being read or wait to become durable.",
    labels: [],
    samples: ({ deliveries }) => single(deliveries?.open ?? 0),
  },
  {
    name: "vigie_idempotency_keys",
    type: "gauge",
    unit: "",
    help: "Idempotency keys that are kept.",
    labels: [],
    samples: ({ deliveries }) => single(deliveries?.keys ?? 0),
  },
  {
    name: "vigie_retention_removed_files",
    type: "counter",
    unit: "",
    help: "Error files removed as too old since the program started.",
    labels: [],
    samples: ({ retention }) => single(retention?.files ?? 0),
  },
  {
    name: "vigie_retention_removed_bytes",
    type: "counter",
    unit: "bytes",
    help: "Size of the error files removed as too old since the program started.",
    labels: [],
    samples: ({ retention }) => single(retention?.bytes ?? 0),
  },
  {
    name: "vigie_retention_removed_windows",
    type: "counter",
    unit: "",
    help: "Closed windows removed as too old since the program started.",
    labels: [],
    samples: ({ retention }) => single(retention?.windows ?? 0),
  },
  {
    name: "vigie_retention_refusals",
    type: "counter",
    unit: "",
    help:
      "Attempts to remove what is too old that the storage has refused since the program started.",
    labels: [],
    samples: ({ retention }) => single(retention?.refusals ?? 0),
  },
  {
    name: "vigie_event_clients",
    type: "gauge",
    unit: "",
    help: "Clients that are connected to GET /events.",
    labels: [],
    samples: ({ events }) => single(events.clients),
  },
  {
    name: "vigie_dropped_event_clients",
    type: "counter",
    unit: "",
    help: "Clients of GET /events that did not read and were dropped since the program started.",
    labels: [],
    samples: ({ events }) => single(events.dropped),
  },
  {
    name: "vigie_event_bytes",
    type: "counter",
    unit: "bytes",
    help: "Bytes of events that were written for clients since the program started.",
    labels: [],
    samples: ({ events }) => single(events.bytes),
  },
  {
    name: "vigie_limit",
    type: "gauge",
    unit: "",
    help: "Bounds on how many things the program keeps or does.",
    labels: ["limit"],
    samples: ({ limits }) => byLimit((name) => limits[name], "count"),
  },
  {
    name: "vigie_limit_bytes",
    type: "gauge",
    unit: "bytes",
    help: "Bounds on the size of what the program keeps or takes.",
    labels: ["limit"],
    samples: ({ limits }) => byLimit((name) => limits[name], "bytes"),
  },
  {
    name: "vigie_limit_bytes_per_second",
    type: "gauge",
    unit: "bytes_per_second",
    help: "Bounds on how slowly something may come.",
    labels: ["limit"],
    samples: ({ limits }) => byLimit((name) => limits[name], "bytes/s"),
  },
  {
    name: "vigie_limit_seconds",
    type: "gauge",
    unit: "seconds",
    help: "Bounds on how long the program keeps something or waits.",
    labels: ["limit"],
    samples: ({ limits }) => byLimit((name) => toSeconds(limits[name]), "ms"),
  },
  {
    name: "vigie_limit_reached",
    type: "counter",
    unit: "",
    help: "Times that a bound had an effect since the program started.",
    labels: ["limit"],
    samples: ({ limitCounter }) => byLimit((name) => limitCounter.count(name)),
  },
  {
    name: "process_start_time_seconds",
    type: "gauge",
    unit: "seconds",
    help: "When the program started, since the Unix epoch.",
    labels: [],
    samples: ({ startedAtMs }) => single(toSeconds(startedAtMs)),
  },
  {
    name: "vigie_build",
    type: "info",
    unit: "",
    help: "The version that runs.",
    labels: ["version"],
    samples: ({ version }) => [{ labelValues: [version], value: 1 }],
  },
];

function single(value: number): Sample[] {
  return [{ labelValues: [], value }];
}

/** One sample a limit; where a unit is given, one a limit of that unit. */
function byLimit(
  valueOf: (name: LimitName) => number,
  unit?: LimitDefinition["unit"],
): Sample[] {
  return LIMIT_NAMES
    .filter((name) => unit === undefined || LIMIT_TABLE[name].unit === unit)
    .map((name) => ({ labelValues: [limitLabel(name)], value: valueOf(name) }));
}

function byStatus(values: ReadonlyMap<number, number>): Sample[] {
  return [...values]
    .sort(([left], [right]) => left - right)
    .map(([status, value]) => ({ labelValues: [String(status)], value }));
}

function labelled(values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([label, value]) => ({ labelValues: [label], value }));
}

/** One sample a source, or none where nothing is known yet. */
function bySource(
  { view }: MetricFacts,
  valueOf: (source: SourceState) => number | undefined,
): Sample[] {
  return labelledSources(view.sources).flatMap(({ label, source }) => {
    const value = valueOf(source);
    return value === undefined ? [] : [{ labelValues: [label], value }];
  });
}

/**
 * The sources with their labels. One whose name was shown before gets a ` #2`: two samples with the
 * same labels would make the whole answer unreadable to a scraper.
 */
function labelledSources(
  sources: readonly SourceState[],
): { readonly label: string; readonly source: SourceState }[] {
  const seen = new Map<string, number>();
  return sources.map((source) => {
    // Label values have no escapes for what a terminal would act on.
    const name = escapeText(source.name);
    const nth = (seen.get(name) ?? 0) + 1;
    seen.set(name, nth);
    return { label: nth === 1 ? name : `${name} #${nth}`, source };
  });
}

function toSeconds(timeMs: number): number {
  return timeMs / 1000;
}
