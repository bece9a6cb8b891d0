import {
  ClientsSchema,
  ErrorPageSchema,
  ErrorSchema,
  SummarySchema,
  UrlSummarySchema,
} from "./history_schemas.ts";
import {
  MetricsSchema,
  RatesSchema,
  ResetEventSchema,
  SampleSchema,
  SourceSchema,
  StatusEventSchema,
  TotalsSchema,
} from "./live_schemas.ts";
import {
  DeliverySchema,
  HealthSchema,
  ReadinessSchema,
  RefusalSchema,
  RouteListSchema,
} from "./program_schemas.ts";
import {
  OpenWindowsSchema,
  StatusSchema,
  UrlSchema,
  WindowPageSchema,
  WindowSchema,
} from "./window_schemas.ts";

/** The shapes that the document names; wherever one of them is used it refers to it. */
export const COMPONENTS = {
  Window: WindowSchema,
  Status: StatusSchema,
  Url: UrlSchema,
  WindowPage: WindowPageSchema,
  OpenWindows: OpenWindowsSchema,
  Summary: SummarySchema,
  UrlSummary: UrlSummarySchema,
  Clients: ClientsSchema,
  ErrorPage: ErrorPageSchema,
  Error: ErrorSchema,
  Metrics: MetricsSchema,
  Totals: TotalsSchema,
  Source: SourceSchema,
  StatusEvent: StatusEventSchema,
  ResetEvent: ResetEventSchema,
  Rates: RatesSchema,
  Sample: SampleSchema,
  Delivery: DeliverySchema,
  Health: HealthSchema,
  Readiness: ReadinessSchema,
  RouteList: RouteListSchema,
  Refusal: RefusalSchema,
};
