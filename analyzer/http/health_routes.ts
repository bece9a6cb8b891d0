import type { Json } from "./api/json_schemas.ts";
import { HEALTH_ROUTE, READINESS_ROUTE } from "./api/program_routes.ts";
import type { HealthSchema, ReadinessSchema } from "./api/program_schemas.ts";
import type { AppDeps, Health } from "./app_deps.ts";
import { answerJson } from "./json_answer.ts";
import { toSourceJson } from "./live_json.ts";
import { type Route, route } from "./route.ts";

/** How long the writer may stand still with input waiting before it counts as stuck, in ms. */
const WRITER_IDLE_MAX_MS = 10_000;

/** `/healthz` (is it stuck?) and `/readyz` (does it work?). */
export function healthRoutes(deps: AppDeps): Route[] {
  return [
    route(HEALTH_ROUTE, (context) => {
      const health = deps.health();
      const stuck = isStuck(health);
      const answer: Json<typeof HealthSchema> = {
        status: stuck ? "stuck" : "ok",
        state: health.state,
        writer_idle_ms: health.writerIdleMs,
        input_waiting: health.inputWaiting,
        version: deps.version,
        started_at: new Date(deps.startedAtMs).toISOString(),
        uptime_ms: deps.nowMs() - deps.startedAtMs,
      };
      return answerJson(context, answer, stuck ? 503 : 200);
    }),
    route(READINESS_ROUTE, async (context) => {
      const { sources } = await deps.live.fresh();
      const health = deps.health();
      // A lost source is no reason: what was counted before can still be read.
      const ready = health.state === "running" && health.writerFault === "" && !isStuck(health);
      const answer: Json<typeof ReadinessSchema> = {
        ready,
        state: health.state,
        writer_fault: health.writerFault,
        sources: sources.map(toSourceJson),
      };
      return answerJson(context, answer, ready ? 200 : 503);
    }),
  ];
}

/** A writer that knows what it waits for is not stuck: another start would not make room either. */
function isStuck({ inputWaiting, writerIdleMs, writerFault }: Health): boolean {
  return writerFault === "" && inputWaiting && writerIdleMs >= WRITER_IDLE_MAX_MS;
}
