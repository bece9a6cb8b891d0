import type { Context } from "hono";
import type * as v from "valibot";
import type { RouteDescription } from "./api/route_description.ts";
import { queryReader } from "./query_parameters.ts";

/** A description with the handler that does what it says. */
export interface Route {
  readonly description: RouteDescription;
  /**
   * Answers a request. May throw a `Refusal`, which becomes the answer; any other exception becomes
   * status 500.
   */
  handle(context: Context): Response | Promise<Response>;
  /** Learns the status of every answer, refusals included. */
  readonly onAnswered?: (status: number) => void;
}

/** A route whose handler gets the query as the description's schema has read it. */
export function route<Description extends RouteDescription>(
  description: Description,
  handle: (
    context: Context,
    query: v.InferOutput<Description["query"]>,
  ) => Response | Promise<Response>,
  options: Pick<Route, "onAnswered"> = {},
): Route {
  const readQuery = queryReader(description.query);
  return {
    description,
    handle: (context) => handle(context, readQuery(new URL(context.req.url).searchParams)),
    ...options,
  };
}
