import type { Context } from "hono";
import type { StatusSummary } from "../window/window_summary.ts";
import { invalid } from "./query_parameters.ts";

/** URLs that one request may ask about. */
export const URLS_ASKED_MAX = 50;

/**
 * `url`, given so often as there are URLs to tell about.
 *
 * @throws {Refusal} 400 where there are too many or too few
 */
export function readUrlList(context: Context, { min }: { readonly min: 0 | 1 }): readonly string[] {
  const urls = context.req.queries("url") ?? [];
  if (urls.length >= min && urls.length <= URLS_ASKED_MAX) return urls;
  const allowed = `given ${min} to ${URLS_ASKED_MAX} times`;
  throw invalid({ parameter: "url", value: urls.at(-1) ?? "", allowed });
}

/**
 * How many URLs to read where only some of them are told about: those may be anywhere in the lists.
 */
export function urlsToRead(urlsMax: number, only: readonly string[]): number {
  return only.length === 0 || urlsMax === 0 ? urlsMax : Infinity;
}

/** Lists only these URLs, or the most frequent ones where none are named; no count changes. */
export function listUrls<T extends { readonly statuses: readonly StatusSummary[] }>(
  window: T,
  only: readonly string[],
): T {
  if (only.length === 0) return window;
  const statuses = window.statuses.map((status) => ({
    ...status,
    urls: status.urls.filter(({ url }) => only.includes(url)),
  }));
  return { ...window, statuses };
}
