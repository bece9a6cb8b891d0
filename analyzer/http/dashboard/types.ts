import type { RatesJson } from "../error_rates.ts";
import type { SourceJson, TotalsJson } from "../live_json.ts";
import type { StatusEventJson } from "../status_event.ts";
import type { StatusJson, UrlJson, WindowJson } from "../../window/window_json.ts";

export type { SourceJson, StatusJson, TotalsJson, UrlJson, WindowJson };

/** What the page reads of the event `status`. */
export type StatusEvent = Omit<StatusEventJson, "rates" | "samples"> & {
  readonly rates: Rates;
  readonly samples: readonly Sample[];
};

/** Errors now against the hour before; null as long as there is nothing to tell. */
export type Rates = Pick<
  RatesJson,
  | "errors_per_minute"
  | "error_rate"
  | "errors_per_minute_hour_before"
  | "error_rate_hour_before"
>;

/** The latest line of a kind that could not be counted as it should. */
export interface Sample {
  readonly kind: string;
  /** Null where it may not be shown, since it may hold an address. */
  readonly text: string | null;
}

/** What the page reads of `/summary`. */
export interface SummaryJson {
  readonly from: string;
  readonly to: string;
  readonly total_count: number;
  readonly error_count: number;
  readonly error_rate: number;
  readonly unique_ips: number;
  readonly unique_ips_exact: boolean;
  readonly late_count: number;
  readonly late_error_count: number;
  readonly windows: number;
  readonly statuses: readonly StatusJson[];
  readonly urls: readonly SummaryUrl[];
}

/** A failing URL in a range. */
export interface SummaryUrl {
  readonly url: string;
  readonly count: number;
  readonly count_error_max?: number;
  readonly share: number;
  readonly statuses: readonly { readonly status: number; readonly count: number }[];
  readonly first_seen: string;
  readonly last_seen: string;
  readonly trend: readonly number[];
}

/** Distinct clients of a URL in a range. */
export interface UrlClients {
  readonly url: string;
  readonly unique_ips: number;
  readonly unique_ips_exact: boolean;
  readonly complete: boolean;
}

/** One stored error. */
export interface ErrorJson {
  readonly time: string | null;
  readonly window_start: string | null;
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly ip: string;
  readonly record: unknown;
}

/** What the address tells: what is looked at. */
export interface View {
  readonly range: Range;
  readonly status: number | undefined;
  readonly url: string | undefined;
  /** What is looked for in the raw errors; empty for nothing. */
  readonly search: string;
}

/** A length of time up to now, or a time with both ends. */
export type Range =
  | { readonly preset: string }
  | { readonly fromMs: number; readonly toMs: number };

/** A range with both ends and the length of the buckets that it is drawn in. */
export interface Frame {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}
