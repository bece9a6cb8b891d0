import type { ErrorPlace } from "../sink/error_index.ts";

/**
 * The text that stands for a place in the error files: before the byte of the file of that number.
 * New errors all come behind it, so they move nothing. Base 36 with a mark in front keeps people
 * from computing with it.
 */
export function encodeErrorCursor({ part, bytes }: ErrorPlace): string {
  return `${PREFIX}${part.toString(36)}.${bytes.toString(36)}`;
}

/** The place of a cursor, or `undefined` where the text was not made here. */
export function decodeErrorCursor(text: string): ErrorPlace | undefined {
  const match = /^before\.([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/.exec(text);
  if (match === null) return undefined;
  const [part, bytes] = [parseInt(match[1]!, 36), parseInt(match[2]!, 36)];
  const isOurs = Number.isSafeInteger(part) && Number.isSafeInteger(bytes) &&
    encodeErrorCursor({ part, bytes }) === text;
  return isOurs ? { part, bytes } : undefined;
}

const PREFIX = "before.";
