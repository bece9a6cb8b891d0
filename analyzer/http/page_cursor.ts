/**
 * The text that stands for a place in the list of closed windows: before the window that starts at
 * `beforeMs`. It holds the place itself and not a page number, so new windows, which are all
 * newer, move nothing. Base 36 with a mark in front keeps people from computing with it.
 */
export function encodePageCursor(beforeMs: number): string {
  return PREFIX + beforeMs.toString(36);
}

/** The `beforeMs` of a cursor, or `undefined` where the text was not made here. */
export function decodePageCursor(text: string): number | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const beforeMs = parseInt(text.slice(PREFIX.length), 36);
  // parseInt reads a number in front of anything: only what comes out the same was ours.
  const isOurs = Number.isSafeInteger(beforeMs) && encodePageCursor(beforeMs) === text;
  return isOurs ? beforeMs : undefined;
}

const PREFIX = "before.";
