import type {
  ClientsSchema,
  ErrorSchema,
  SummarySchema,
  UrlSummarySchema,
} from "../api/history_schemas.ts";
import type { Json } from "../api/json_schemas.ts";
import type { RatesJson } from "../error_rates.ts";
import type { SourceJson, TotalsJson } from "../live_json.ts";
import type { SampleJson, StatusEventJson } from "../status_event.ts";
import type { WindowJson } from "../../window/window_json.ts";
import type { ApiException } from "./api.js";

export type { SampleJson, SourceJson, TotalsJson, WindowJson };

/** What the page reads of the event `status`. */
export type StatusEvent = Omit<StatusEventJson, "rates"> & { readonly rates: Rates };

/** Errors now against the hour before; null as long as there is nothing to tell. */
export type Rates = Pick<
  RatesJson,
  | "errors_per_minute"
  | "error_rate"
  | "errors_per_minute_hour_before"
  | "error_rate_hour_before"
>;

/** What `/summary` answers. */
export type SummaryJson = Json<typeof SummarySchema>;

/** A failing URL in a range. */
export type SummaryUrl = Json<typeof UrlSummarySchema>;

/** Distinct clients of a URL in a range. */
export type UrlClients = Json<typeof ClientsSchema>["clients"][number];

/** One stored error; null is what cannot be read of it. */
export type ErrorJson = Json<typeof ErrorSchema>;

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

/** Everything that the page shows. It is never changed, only replaced. */
export interface State {
  readonly view: View;
  readonly frame: Frame;
  readonly connection: Connection;
  readonly needsToken: boolean;
  readonly isTokenWrong: boolean;
  readonly status: StatusEvent | undefined;
  readonly windows: Loaded<Drawn>;
  readonly summary: Loaded<SummaryJson>;
  readonly clients: Loaded<ReadonlyMap<string, UrlClients>>;
  readonly errors: Loaded<ErrorPage>;
  /** Whether the raw errors stand still. */
  readonly isFrozen: boolean;
  /** End of the newest window, which is "now"; `undefined` before the first. */
  readonly newestEndMs: number | undefined;
}

/** How it stands with the stream of events. */
export interface Connection {
  readonly phase: "connecting" | "connected" | "lost";
  /** Wall-clock time of the next attempt. */
  readonly retryAtMs?: number;
  /** Why it was lost. */
  readonly reason?: string;
}

/** Something that was asked for: the latest answer, and why there is no newer one. */
export interface Loaded<T> {
  readonly value: T | undefined;
  /** Whether the value answers another question than the one asked now. */
  readonly isOld: boolean;
  readonly isLoading: boolean;
  readonly failure: ApiException | undefined;
}

/** What the charts draw, with what it was asked for: it stays until there is a newer answer. */
export interface Drawn {
  /** Oldest first. */
  readonly buckets: readonly WindowJson[];
  readonly frame: Frame;
  readonly url: string | undefined;
}

/** Raw errors, newest first, as far as they were asked for. */
export interface ErrorPage {
  readonly errors: readonly ErrorJson[];
  readonly nextCursor: string | null;
  /** Whether all of the range before the next page was looked through. */
  readonly isComplete: boolean;
}
