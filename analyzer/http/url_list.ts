import type { StatusSummary } from "../window/window_summary.ts";

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
