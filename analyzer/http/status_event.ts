import { escapeText } from "../../command_line/escape_text.ts";
import type { SampleKind } from "../decode/line_sample.ts";
import type { LiveView } from "../sink/live_view.ts";
import type { RatesJson } from "./error_rates.ts";
import { type SourceJson, toSourceJson, type TotalsJson, toTotalsJson } from "./live_json.ts";

/** What an event `status` says: how everything stands at one moment. */
export interface StatusEventJson {
  /** Wall-clock time of the moment, ISO 8601 in UTC. */
  readonly at: string;
  readonly totals: TotalsJson;
  readonly sources: readonly SourceJson[];
  /** Event time up to which windows are closed; `null` before the first row. */
  readonly watermark: string | null;
  /** Lines read a second, since the event before; `null` in the first one, and without news. */
  readonly events_per_second: number | null;
  readonly rates: RatesJson;
  /** A line of each kind that is in no window, of the latest read that brought one. */
  readonly samples: readonly SampleJson[];
}

/** A line that is in no window, in JSON. */
export interface SampleJson {
  /** A reason of S-7, or `oversized`, `partial`, `late` or `future`. */
  readonly kind: SampleKind;
  /** Its beginning, with everything escaped that cannot be seen; `null` where addresses are masked. */
  readonly text: string | null;
}

/** The JSON of a status event. */
export function toStatusEventJson(
  view: LiveView,
  { eventsPerSecond, rates, showsSamples }: {
    readonly eventsPerSecond: number | undefined;
    readonly rates: RatesJson;
    readonly showsSamples: boolean;
  },
): StatusEventJson {
  return {
    at: new Date(view.atMs).toISOString(),
    totals: toTotalsJson(view.totals),
    sources: view.sources.map(toSourceJson),
    watermark: view.watermarkMs === undefined ? null : new Date(view.watermarkMs).toISOString(),
    events_per_second: eventsPerSecond ?? null,
    rates,
    samples: view.samples.map(({ kind, text }) => ({
      kind,
      // Where addresses stand in a line beside `ip`, nobody can tell.
      text: showsSamples ? escapeText(text, { lengthMax: SAMPLE_LENGTH_MAX }) : null,
    })),
  };
}

/** Longest sample, in characters. */
const SAMPLE_LENGTH_MAX = 200;
