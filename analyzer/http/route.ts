import type { Context } from "hono";
import type { QueryParameters } from "./query_parameters.ts";

/** One address that can be read, or that takes something. */
export interface Route {
  /** The one method that it answers; GET stands for HEAD too. */
  readonly method: "GET" | "POST";
  /** Path as Hono writes it, such as `/windows/:start`. */
  readonly path: string;
  /** Names of the query parameters that it takes; any other one is refused. */
  readonly parameters: readonly string[];
  /** Those of them that may be given more than once. */
  readonly repeatable?: readonly string[];
  /** What it answers, in a few words, for the list at `/`. */
  readonly summary: string;
  /**
   * Answers a request. May throw a {@linkcode Refusal}, which becomes the answer; any other exception
   * becomes status 500.
   */
  handle(context: Context, query: QueryParameters): Response | Promise<Response>;
  /** Learns the status of every answer, refusals included. */
  readonly onAnswered?: (status: number) => void;
}
