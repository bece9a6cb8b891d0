import type { Context } from "hono";
import { toSafeJson } from "../../command_line/escape_text.ts";
import type { RefusalStatus } from "./refusal_codes.ts";

/**
 * Answers with JSON: the one way for all routes, since many an answer holds what strangers wrote
 * into URLs, and `curl` shows it on a terminal as it comes.
 */
export function answerJson(
  context: Context,
  value: unknown,
  status: 200 | RefusalStatus = 200,
): Response {
  return context.body(toSafeJson(value), status, { "Content-Type": JSON_TYPE });
}

/** Content type of every JSON answer. */
export const JSON_TYPE = "application/json";
