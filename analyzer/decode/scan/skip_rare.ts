/**
 * What can stand in a string besides printable ASCII, and is rare enough for a function call: the
 * functions go behind one such thing, or return -1 where there is none, and read only bytes behind
 * which others follow.
 *
 * @module
 */

/** Goes behind an escape of JSON, or a character beyond ASCII, in the middle of a JSON string. */
export function skipEscapeOrUtf8(bytes: Uint8Array, position: number): number {
  if (bytes[position] !== BACKSLASH) return skipUtf8(bytes, position);
  const escaped = bytes[position + 1]!;
  if (escaped !== LETTER_U) return IS_SHORT_ESCAPE[escaped] === 1 ? position + 2 : -1;
  for (let i = position + 2; i < position + 6; i++) if (!isHexDigit(bytes[i]!)) return -1;
  return position + 6;
}

/**
 * Goes behind a character beyond ASCII in well-formed UTF-8 (The Unicode Standard, table 3-7):
 * no surrogates, nothing longer than it has to be, nothing beyond U+10FFFF.
 */
export function skipUtf8(bytes: Uint8Array, position: number): number {
  const first = bytes[position]!;
  const second = bytes[position + 1]!;
  if (first >= 0xc2 && first <= 0xdf) return isContinuation(second) ? position + 2 : -1;
  if (first >= 0xe0 && first <= 0xef) {
    const lowest = first === 0xe0 ? 0xa0 : 0x80;
    const highest = first === 0xed ? 0x9f : 0xbf;
    const isWhole = second >= lowest && second <= highest && isContinuation(bytes[position + 2]!);
    return isWhole ? position + 3 : -1;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const lowest = first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xf4 ? 0x8f : 0xbf;
    const isWhole = second >= lowest && second <= highest &&
      isContinuation(bytes[position + 2]!) && isContinuation(bytes[position + 3]!);
    return isWhole ? position + 4 : -1;
  }
  return -1;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}

const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
/** `[byte]`, 1 for what may follow a backslash by itself. */
const IS_SHORT_ESCAPE = new Uint8Array(256);
for (const byte of new TextEncoder().encode('"\\/bfnrt')) IS_SHORT_ESCAPE[byte] = 1;
