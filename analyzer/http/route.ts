import type { Context } from "hono";
import type { QueryParameters } from "./query_parameters.ts";

/** One address that can be read. */
export interface Route {
  /** Path as Hono writes it, such as `/windows/:start`. */
  readonly path: string;
  /** Names of the query parameters that it takes; any other one is refused. */
  readonly parameters: readonly string[];
  /** What it answers, in a few words, for the list at `/`. */
  readonly summary: string;
  /**
   * Answers a GET. May throw a {@linkcode Refusal}, which becomes the answer; any other exception
   * becomes status 500.
   */
  handle(context: Context, query: QueryParameters): Response | Promise<Response>;
}
