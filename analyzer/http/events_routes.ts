import { EVENTS_ROUTE } from "./api/now_routes.ts";
import type { AppDeps } from "./app_deps.ts";
import { Refusal } from "./refusal.ts";
import { type Route, route } from "./route.ts";

/** `/events`: what happens, as it happens. */
export function eventsRoutes({ events, limits }: AppDeps): Route[] {
  return [
    route(EVENTS_ROUTE, (context, query) => {
      // Who only asks for the headers would never read what is written for him.
      const isHead = context.req.method === "HEAD";
      // A browser that reconnects repeats the address, and tells in the header how far it has come.
      const after = context.req.header("last-event-id") ?? query.after;
      const body = isHead ? "" : events.open(after);
      switch (body) {
        case "full":
          throw new Refusal(
            "too_many_event_clients",
            `No more than ${limits.eventClients} clients are taken at a time`,
            { retryAfterSeconds: FULL_RETRY_SECONDS },
          );
        case "stopped":
          throw new Refusal("stopping", "The program is stopping", {
            retryAfterSeconds: STOPPED_RETRY_SECONDS,
          });
      }
      return context.body(body, 200, {
        "Content-Type": EVENT_STREAM_TYPE,
        // nginx would keep it until its buffer is full.
        "X-Accel-Buffering": "no",
      });
    }),
  ];
}

const EVENT_STREAM_TYPE = "text/event-stream; charset=utf-8";

const FULL_RETRY_SECONDS = 10;
const STOPPED_RETRY_SECONDS = 2;
