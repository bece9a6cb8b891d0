/**
 * Text that a stranger wrote, made safe to show on a terminal: everything that moves the cursor,
 * changes colours, reorders what is read or cannot be seen becomes an escape such as `\x1b`,
 * `\u202e` or `\u{e0001}`, and so do marks that pile up on one letter until they cover the lines
 * around it. Escaping twice changes nothing: a backslash stays as it is, so the result is for
 * people to read and not for programs to decode.
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
  let markCount = 0;
  for (const character of text) {
    markCount = COMBINING_MARK.test(character) ? markCount + 1 : 0;
    const isSafe = markCount <= MARKS_MAX && !UNSAFE.test(character);
    const shown = isSafe ? character : escapeCharacter(character);
    length += shown === character ? 1 : shown.length;
    if (length > lengthMax) return `${result.slice(0, cutIndex)}…`;
    result += shown;
    if (length < lengthMax) cutIndex = result.length;
  }
  return result;
}

/**
 * A value as JSON that is safe to show on a terminal, and still the same value: what
 * {@linkcode escapeText} would escape is written as `\u001b` is anyway, but for marks that pile up,
 * which would take five times as long to find. `JSON.stringify` leaves half of it as it is, U+009B
 * among it, which many a terminal takes for the beginning of a command.
 */
export function toSafeJson(value: unknown): string {
  const json = JSON.stringify(value);
  // Hardly any answer holds anything but ASCII, and that is told ten times faster.
  return PRINTABLE_ASCII.test(json) ? json : json.replace(ALL_UNSAFE, escapeCodeUnits);
}

/**
 * Control characters, format characters (bidirectional marks, zero-width ones), lone surrogates,
 * line and paragraph separators, and whatever else Unicode says to draw as nothing.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

const ALL_UNSAFE = new RegExp(UNSAFE, "gu");

const PRINTABLE_ASCII = /^[ -~]*$/;

/** What is drawn over, under or around the character before it, and takes no room of its own. */
const COMBINING_MARK = /[\p{Mn}\p{Me}]/u;

/** No script stacks more of them on one letter. */
const MARKS_MAX = 8;

function escapeCharacter(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  if (hex.length <= 4) return `\\u${hex.padStart(4, "0")}`;
  return `\\u{${hex}}`;
}

function escapeCodeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
