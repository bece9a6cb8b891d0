/**
 * What programs around vigie build on: a client of the HTTP interface; the interface itself as an app
 * that any server can serve, with the types that it reads from; and the JSON of a window. Start reading the analyzer itself at
 * `pipeline.ts`.
 *
 * @module
 */
export { type Client, type ClientOptions, createClient } from "./http/client.ts";
export type { RefusalJson } from "./http/refusal.ts";
export type { RefusalCode } from "./http/refusal_codes.ts";
export { type AppDeps, createApp, type Health, type HttpApp } from "./http/app.ts";
export type { GuardReason } from "./http/guard.ts";
export type {
  DeliveryAnswer,
  DeliveryCounts,
  DeliveryReceiver,
  DeliveryRequest,
} from "./delivery/delivery.ts";
export type { EventCounts, EventFeed } from "./http/event_publisher.ts";
export type { LineSample, SampleKind } from "./decode/line_sample.ts";
export type {
  ClientCounts,
  ClientQuery,
  ErrorPage,
  ErrorQuery,
  ErrorReader,
  StoredError,
} from "./history/error_reader.ts";
export type {
  RangeSums,
  StatusPart,
  UrlColumns,
  WindowPart,
  WindowRangeReader,
} from "./history/window_range.ts";
export type { ErrorPlace } from "./sink/error_index.ts";
export {
  LIMIT_TABLE,
  LimitCounter,
  type LimitDefinition,
  type LimitName,
  type Limits,
} from "./limits.ts";
export type { LastWindow, LiveView, LiveViewReader } from "./sink/live_view.ts";
export type { RetentionCounts } from "./sink/retention.ts";
export type { Totals } from "./sink/totals.ts";
export type {
  SpanCounts,
  WindowHistoryReader,
  WindowPage,
  WindowQuery,
} from "./sink/window_history.ts";
export type { RefusalReason, SourcePhase, SourceState } from "./source/source_state.ts";
export { MALFORMED_REASONS, type MalformedReason } from "./decode/malformed_reason.ts";
export { toWindowJson } from "./window/window_json.ts";
export type { StatusJson, UrlJson, WindowJson } from "./window/window_json.ts";
export type {
  DistinctCount,
  StatusSummary,
  UrlCount,
  WindowSummary,
} from "./window/window_summary.ts";
