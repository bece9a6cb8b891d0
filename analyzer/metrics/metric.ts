import type { DeliveryCounts } from "../delivery/delivery.ts";
import type { EventCounts } from "../http/event_publisher.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { RetentionCounts } from "../sink/retention.ts";
import type { LiveView } from "../sink/live_view.ts";

/** One metric family: declared once, and rendered in every format from this. */
export interface Metric {
  /**
   * Family name without the endings that a format adds (`_total`, `_info`); where there is a unit,
   * it ends in `_` and that unit.
   */
  readonly name: string;
  /** `info` is a gauge that is always 1 and says everything in its labels. */
  readonly type: "counter" | "gauge" | "info";
  /** Base unit as OpenMetrics names it; empty for plain counts. */
  readonly unit: "" | "bytes" | "bytes_per_second" | "seconds";
  /** One sentence in plain letters, without quotes, backslashes or line breaks. */
  readonly help: string;
  /** Label names; each sample has one value a name, in this order. */
  readonly labels: readonly string[];
  /** The samples at this moment; none where nothing is known yet. Pure. */
  readonly samples: (facts: MetricFacts) => readonly Sample[];
}

/** One value of a metric, with the values of the metric's labels. */
export interface Sample {
  /** One value a label of the metric, in the order of its `labels`. */
  readonly labelValues: readonly string[];
  /** In the unit of the metric. */
  readonly value: number;
}

/** All that metrics are computed from. */
export interface MetricFacts {
  /** What is known of the input. */
  readonly view: LiveView;
  /** Wall-clock time of the answer, in ms since the Unix epoch. */
  readonly nowMs: number;
  /** When the program started, in ms since the Unix epoch. */
  readonly startedAtMs: number;
  /** Version of the program, such as `0.1.0`. */
  readonly version: string;
  /** How long ago the writer last moved, in ms. */
  readonly writerIdleMs: number;
  /** Whether rows have been read that the writer has not committed yet. */
  readonly isInputWaiting: boolean;
  /** Whether the storage refuses to be written to. */
  readonly hasWriterFault: boolean;
  /** How often it has refused anything since the start. */
  readonly writerRefusals: number;
  readonly http: HttpCounts;
  /** `undefined` where the run takes no deliveries. */
  readonly deliveries: DeliveryCounts | undefined;
  readonly events: EventCounts;
  /** `undefined` where everything is kept. */
  readonly retention?: RetentionCounts | undefined;
  readonly limits: Limits;
  readonly limitCounter: LimitCounter;
}

/** What HTTP has counted since the program started. */
export interface HttpCounts {
  /** Requests that failed by an exception of ours. */
  readonly exceptions: number;
  /** Requests that were refused before they got to any route, by why. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers to `POST /logs`, by status. */
  readonly deliveriesByStatus: ReadonlyMap<number, number>;
}

/** The name under which a metric's samples appear, in both formats. */
export function sampleName(metric: Metric): string {
  switch (metric.type) {
    case "counter":
      return `${metric.name}_total`;
    case "info":
      return `${metric.name}_info`;
    case "gauge":
      return metric.name;
  }
}
