import type { Context } from "hono";
import { toSafeJson } from "../../command_line/escape_text.ts";
import { HEADERS } from "./headers.ts";
import type { Refusal } from "./refusal.ts";
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

/** Refuses what gets to no route, with all the headers that routes answer with. */
export function refusalResponse(
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const { status, retryAfterSeconds } = refusal;
  const response = new Response(toSafeJson(refusal.toJson()), {
    status,
    headers: { ...HEADERS, "Content-Type": JSON_TYPE, ...headers },
  });
  if (retryAfterSeconds !== undefined) {
    response.headers.set("Retry-After", String(retryAfterSeconds));
  }
  return response;
}

/** Content type of every JSON answer. */
export const JSON_TYPE = "application/json";
