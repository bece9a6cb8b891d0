/**
 * Whether a stored URL is one of a list: lists hold long URLs cut, with an ellipsis at the end, and
 * the files hold them whole.
 *
 * @param urlBytes where URLs are cut, in bytes
 */
export function matchesUrl(stored: string | undefined, listed: string, urlBytes: number): boolean {
  if (stored === listed) return true;
  if (stored === undefined || !listed.endsWith(ELLIPSIS)) return false;
  return stored.startsWith(listed.slice(0, -1)) && encoder.encode(stored).length > urlBytes;
}

/** What stands in the line of such a URL, unless there are escapes in it; see {@linkcode plainInJson}. */
export function urlNeedle(listed: string): string | undefined {
  const beginning = listed.endsWith(ELLIPSIS) ? listed.slice(0, -1) : listed;
  return beginning === "" ? undefined : plainInJson(beginning);
}

/** A text that may stand in JSON as it is; `undefined` for one that never does, but as an escape. */
export function plainInJson(text: string): string | undefined {
  return JSON.stringify(text) === `"${text}"` ? text : undefined;
}

const ELLIPSIS = "…";
const encoder = new TextEncoder();
