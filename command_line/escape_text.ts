/**
 * Text that a stranger wrote, made safe to show on a terminal: everything that moves the cursor,
 * changes colours, reorders what is read or cannot be seen becomes an escape such as `\x1b`,
 * `\u202e` or `\u{e0001}`. Escaping twice changes nothing: a backslash stays as it is, so the
 * result is for people to read and not for programs to decode.
 *
 * @param options.lengthMax Most code points of the result, at least 1, an ending `…` included; no
 * limit by default. An escape is never cut in two.
 */
export function escapeText(text: string, options: { readonly lengthMax?: number } = {}): string {
  const { lengthMax = Infinity } = options;
  let length = 0;
  let result = "";
  // Where the text is cut if more than `lengthMax` follows: room for the ellipsis is left there.
  let cutIndex = 0;
  for (const character of text) {
    const shown = UNSAFE.test(character) ? escapeCharacter(character) : character;
    length += shown === character ? 1 : shown.length;
    if (length > lengthMax) return `${result.slice(0, cutIndex)}…`;
    result += shown;
    if (length < lengthMax) cutIndex = result.length;
  }
  return result;
}

/**
 * Control characters, format characters (bidirectional marks, zero-width ones), lone surrogates,
 * line and paragraph separators, and whatever else Unicode says to draw as nothing.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

function escapeCharacter(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  if (hex.length <= 4) return `\\u${hex.padStart(4, "0")}`;
  return `\\u{${hex}}`;
}
