import type { AppDeps, Health } from "./app_deps.ts";
import { answerJson } from "./json_answer.ts";
import { toSourceJson } from "./live_json.ts";
import type { Route } from "./route.ts";

/** How long the writer may stand still with input waiting before it counts as stuck, in ms. */
const WRITER_IDLE_MAX_MS = 10_000;

/** `/healthz` (is it stuck?) and `/readyz` (does it work?). */
export function healthRoutes(deps: AppDeps): Route[] {
  return [
    {
      method: "GET",
      path: "/healthz",
      parameters: [],
      summary: "200 while the program moves, 503 when it is stuck",
      handle(context) {
        const health = deps.health();
        const stuck = isStuck(health);
        return answerJson(context, {
          status: stuck ? "stuck" : "ok",
          state: health.state,
          writer_idle_ms: health.writerIdleMs,
          input_waiting: health.inputWaiting,
          version: deps.version,
          started_at: new Date(deps.startedAtMs).toISOString(),
          uptime_ms: deps.nowMs() - deps.startedAtMs,
        }, stuck ? 503 : 200);
      },
    },
    {
      method: "GET",
      path: "/readyz",
      parameters: [],
      summary: "200 once the state is restored and while the writer works, else 503",
      async handle(context) {
        const { sources } = await deps.live.fresh();
        const health = deps.health();
        // A lost source is no reason: what was counted before can still be read.
        const ready = health.state === "running" && health.writerFault === "" && !isStuck(health);
        return answerJson(context, {
          ready,
          state: health.state,
          writer_fault: health.writerFault,
          sources: sources.map(toSourceJson),
        }, ready ? 200 : 503);
      },
    },
  ];
}

/** A writer that knows what it waits for is not stuck: another start would not make room either. */
function isStuck({ inputWaiting, writerIdleMs, writerFault }: Health): boolean {
  return writerFault === "" && inputWaiting && writerIdleMs >= WRITER_IDLE_MAX_MS;
}
