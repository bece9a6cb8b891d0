/** Lets what is shown load, run and ask nothing, and nobody show it in a frame. */
export const STRICTEST_POLICY = "default-src 'none'; frame-ancestors 'none'";

/**
 * Headers of every answer, refusals included. There is no `Access-Control-*` among them, and never
 * is: no page of another origin reads anything. An answer that is a page may set a policy of its
 * own in place of the strictest.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": STRICTEST_POLICY,
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};

/** Gives an answer all {@linkcode HEADERS} that it does not set itself. */
export function addHeaders(headers: Headers): void {
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!headers.has(name)) headers.set(name, value);
  }
}
