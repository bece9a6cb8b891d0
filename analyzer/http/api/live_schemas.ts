import * as v from "valibot";
import { byReason, MALFORMED_REASONS } from "../../decode/malformed_reason.ts";
import type { RatesJson } from "../error_rates.ts";
import type { SourceJson, TotalsJson } from "../live_json.ts";
import type { SampleJson, StatusEventJson } from "../status_event.ts";
import { amount, count, type Entries, share, text, timestamp } from "./json_schemas.ts";
import { WindowSchema } from "./window_schemas.ts";

/** Everything that was read, by what became of it. */
export const TotalsSchema = v.strictObject(
  {
    bytes: count("Bytes that were read."),
    lines: count(
      "Lines, by what became of them: the counts from `valid` to `partial` add up to it.",
    ),
    valid: count("Records: in windows, late or of the future."),
    malformed: v.strictObject(byReason(() => count("Lines that are no record for this reason."))),
    oversized: count("Lines that are too long."),
    empty: count("Empty lines."),
    header: count("Lines that name the columns of CSV."),
    partial: count("Lines that were cut off with their connection."),
    in_windows: count("Records that were counted in their window."),
    late: count("Records that came after their window had closed."),
    future: count("Records too far ahead of the clock."),
    errors: count("Records with an error status."),
    errors_in_windows: count("Errors among `in_windows`."),
    late_errors: count("Errors among `late`."),
    future_errors: count("Errors among `future`."),
    errors_by_status: v.pipe(
      v.record(v.string(), count("Errors of this status.")),
      v.description("By status; one that never occurred has no key."),
    ),
  } satisfies Entries<TotalsJson>,
);

/** How one source does. */
export const SourceSchema = v.strictObject(
  {
    name: text("As on the command line, such as `tcp://127.0.0.1:9999`."),
    phase: v.pipe(
      v.picklist(["starting", "waiting", "connected", "ended"]),
      v.description("What it is doing; `waiting` will try again."),
    ),
    connections: count("Connections that are open."),
    connections_total: count("Connections since the program started."),
    reason: text("Why it waits or has ended; empty while all is well."),
    last_row_at: v.nullable(timestamp("When the last row came; null before the first one.")),
  } satisfies Entries<SourceJson>,
);

/** How everything stands, as `GET /metrics` tells it. */
export const MetricsSchema = v.strictObject({
  totals: TotalsSchema,
  sources: v.array(SourceSchema),
  open: v.array(WindowSchema),
  closed: v.pipe(v.array(WindowSchema), v.maxLength(10)),
});

/** How many errors there are now, and how many there were before. */
export const RatesSchema = v.strictObject(
  {
    from: v.nullable(timestamp("Now begins here: a minute or a little more before `to`.")),
    to: v.nullable(timestamp("And ends here.")),
    errors_per_minute: v.nullable(amount("Errors now, a minute.")),
    error_rate: v.nullable(share("Errors now, of all records.")),
    hour_before_from: v.nullable(timestamp("The hour before begins here, and ends at `from`.")),
    errors_per_minute_hour_before: v.nullable(
      amount("The same of the hour before; null until a minute of it is known."),
    ),
    error_rate_hour_before: v.nullable(
      share("The same of the hour before; null until a minute of it is known."),
    ),
  } satisfies Entries<RatesJson>,
);

/** The latest line of one kind that is in no window. */
export const SampleSchema = v.strictObject(
  {
    kind: v.picklist([...MALFORMED_REASONS, "oversized", "partial", "late", "future"]),
    text: v.nullable(text("Its beginning, escaped; null with --mask-ip.")),
  } satisfies Entries<SampleJson>,
);

/** The data of the event `status`. */
export const StatusEventSchema = v.strictObject(
  {
    at: timestamp("Wall-clock time of the moment."),
    totals: TotalsSchema,
    sources: v.array(SourceSchema),
    watermark: v.nullable(
      timestamp("Event time up to which windows are closed; null before the first row."),
    ),
    events_per_second: v.nullable(
      amount(
        "Lines read a second; null where it is not known, as in the first status after nobody listened.",
      ),
    ),
    rates: RatesSchema,
    samples: v.array(SampleSchema),
  } satisfies Entries<StatusEventJson>,
);

/** The data of the event `reset`. */
export const ResetEventSchema = v.strictObject({
  reason: v.pipe(
    v.picklist(["unknown_id", "too_many_missed"]),
    v.description("Why what the client has does not go on here."),
  ),
});
