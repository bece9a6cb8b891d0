import { type Context, Hono } from "hono";
import type { Json } from "./api/json_schemas.ts";
import type { RouteListSchema } from "./api/program_schemas.ts";
import { oneAtATime } from "../history/pieces.ts";
import type { AppDeps } from "./app_deps.ts";
import { pathTemplate, queryNames } from "./api/route_description.ts";
import { dashboardRoutes } from "./dashboard_routes.ts";
import { documentsRoutes } from "./documents_routes.ts";
import { eventsRoutes } from "./events_routes.ts";
import { errorsRoutes } from "./errors_routes.ts";
import { addHeaders } from "./headers.ts";
import { healthRoutes } from "./health_routes.ts";
import { answerJson, refusalResponse } from "./json_answer.ts";
import { logsRoutes } from "./logs_routes.ts";
import { metricsRoutes } from "./metrics_routes.ts";
import { Refusal } from "./refusal.ts";
import type { Route } from "./route.ts";
import { summaryRoutes } from "./summary_routes.ts";
import { windowsRoutes } from "./windows_routes.ts";

export type { AppDeps, Health } from "./app_deps.ts";

/** An app that answers requests, whatever server they come from. */
export interface HttpApp {
  /** Answers a request; never rejects. */
  fetch(request: Request): Response | Promise<Response>;
  /** The same for a path, or a request made of one: for tests. */
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

/**
 * The HTTP interface: every route of docs/HTTP_API.md. Needs no runtime of its own;
 * serve it with `app.fetch`, test it with `app.request`.
 */
export function createApp(given: AppDeps): HttpApp {
  const deps = { ...given, turn: oneAtATime(() => given.turn()) };
  let exceptionCount = 0;
  const reportException = (exception: unknown) => {
    exceptionCount++;
    deps.onException?.(exception);
  };
  const deliveriesByStatus = new Map<number, number>();
  const routes: Route[] = [
    ...metricsRoutes(
      deps,
      () => ({ exceptions: exceptionCount, refused: deps.refused, deliveriesByStatus }),
    ),
    ...windowsRoutes(deps, reportException),
    ...eventsRoutes(deps),
    ...summaryRoutes(deps),
    ...errorsRoutes(deps),
    ...logsRoutes(
      deps,
      (status) => deliveriesByStatus.set(status, (deliveriesByStatus.get(status) ?? 0) + 1),
    ),
    ...healthRoutes(deps),
    ...documentsRoutes(deps),
  ];
  // The page is no part of the list: it is for eyes, and what it loads may change with any version.
  const list = listOf(routes, deps);
  routes.unshift(...dashboardRoutes((context) => answerJson(context, list)));

  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    addHeaders(context.res.headers);
  });
  for (const route of routes) {
    const { method, path } = route.description;
    // Hono answers HEAD by the handler of GET and drops the body.
    app.on(method, path, (context) => answer(route, context, reportException));
    const [allowed, message] = method === "GET"
      ? ["GET, HEAD", "This address can only be read"]
      : ["POST", "This address only takes what is sent to it"];
    app.all(path, (context) => {
      context.header("Allow", allowed);
      return refuse(context, new Refusal("method_not_allowed", message, { allowed }));
    });
  }
  app.notFound((context) =>
    refuse(
      context,
      new Refusal("unknown_path", "There is nothing here; GET / lists the routes"),
    )
  );
  return app;
}

/** Answers any request as long as there is no app, since there is nothing to read from yet. */
export function answerStarting(): Response {
  return refusalResponse(
    new Refusal(
      "starting",
      "The state of the run before is being restored: ask again in a moment",
      { retryAfterSeconds: 1 },
    ),
  );
}

async function answer(
  route: Route,
  context: Context,
  reportException: (exception: unknown) => void,
): Promise<Response> {
  const response = await compute(route, context, reportException);
  route.onAnswered?.(response.status);
  return response;
}

async function compute(
  route: Route,
  context: Context,
  reportException: (exception: unknown) => void,
): Promise<Response> {
  try {
    return await route.handle(context);
  } catch (exception) {
    if (exception instanceof Refusal) return refuse(context, exception);
    reportException(exception);
    return refuse(context, new Refusal("internal", "The answer could not be computed"));
  }
}

function refuse(context: Context, refusal: Refusal): Response {
  const { retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) context.header("Retry-After", String(retryAfterSeconds));
  return answerJson(context, refusal.toJson(), refusal.status);
}

function listOf(routes: readonly Route[], { version }: AppDeps): Json<typeof RouteListSchema> {
  return {
    name: "vigie",
    version,
    routes: routes.map(({ description }) => ({
      method: description.method,
      path: pathTemplate(description),
      parameters: queryNames(description),
      summary: description.summary,
    })),
  };
}
