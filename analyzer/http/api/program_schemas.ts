import * as v from "valibot";
import { count, flag, text, timestamp } from "./json_schemas.ts";
import { SourceSchema, TotalsSchema } from "./live_schemas.ts";
import type { RefusalJson } from "../refusal.ts";
import { REFUSAL_CODES } from "../refusal_codes.ts";
import type { Entries } from "./json_schemas.ts";

const StateSchema = v.pipe(
  v.picklist(["running", "stopping"]),
  v.description("`stopping` once the program was asked to end."),
);

/** Whether the program moves. */
export const HealthSchema = v.strictObject({
  status: v.picklist(["ok", "stuck"]),
  state: StateSchema,
  writer_idle_ms: count("How long ago the writer last moved."),
  input_waiting: flag("Whether rows wait for the writer."),
  version: text("Version of the program."),
  started_at: timestamp("When the program started."),
  uptime_ms: v.pipe(v.number(), v.integer(), v.description("How long ago that was.")),
});

/** Whether the program works. */
export const ReadinessSchema = v.strictObject({
  ready: flag("Whether the state is restored and the writer works."),
  state: StateSchema,
  writer_fault: text("Why nothing can be written; empty while all is well."),
  sources: v.array(SourceSchema),
});

/** What became of a delivered body. */
export const DeliverySchema = v.strictObject({
  durable: flag("Whether it survives a crash; false where the run saves nothing."),
  repeated: flag("Whether it had been counted before under its key; these are the counts of then."),
  totals: TotalsSchema,
});

/** The list of routes. */
export const RouteListSchema = v.strictObject({
  name: v.literal("vigie"),
  version: text("Version of the program."),
  routes: v.array(v.strictObject({
    method: v.picklist(["GET", "POST"]),
    path: text("Path, with a part in braces for each parameter in it."),
    parameters: v.array(text("Name of a query parameter.")),
    summary: text("What it answers."),
  })),
});

/** Why a request is not served. */
export const RefusalSchema = v.strictObject(
  {
    error: v.strictObject(
      {
        code: v.pipe(v.picklist(REFUSAL_CODES), v.description("What is wrong, for programs.")),
        message: text("What is wrong, for people."),
        parameter: v.exactOptional(text("The parameter or header that it is about.")),
        value: v.exactOptional(text("Its value, cut to 100 characters.")),
        allowed: v.exactOptional(text("What would have been accepted, for people.")),
      } satisfies Entries<RefusalJson["error"]>,
    ),
  } satisfies Entries<RefusalJson>,
);
