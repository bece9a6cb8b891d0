/**
 * What programs around vigie build on: the HTTP interface as an app that any server can serve, the
 * types that it reads from, and the JSON of a window. Start reading the analyzer itself at
 * `pipeline.ts`.
 *
 * @module
 */
export { type AppDeps, createApp, type Health, type HttpApp } from "./http/app.ts";
export type { GuardReason } from "./http/guard.ts";
export type {
  DeliveryAnswer,
  DeliveryCounts,
  DeliveryReceiver,
  DeliveryRequest,
} from "./delivery/delivery.ts";
export {
  LIMIT_TABLE,
  LimitCounter,
  type LimitDefinition,
  type LimitName,
  type Limits,
} from "./limits.ts";
export type { LiveView, LiveViewReader } from "./sink/live_view.ts";
export type { RetentionCounts } from "./sink/retention.ts";
export type { Totals } from "./sink/totals.ts";
export type { WindowHistoryReader, WindowPage, WindowQuery } from "./sink/window_history.ts";
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
