/**
 * Text of a log line as it may be shown: what cannot be seen, turns the direction of writing or
 * piles up on one letter becomes an escape such as `\x1b` or `\u202e`, as on the terminal (see
 * `escapeText`), since no line may look like another one.
 *
 * @param {string} text
 */
export function visible(text) {
  let shown = "";
  let markCount = 0;
  for (const character of text) {
    markCount = COMBINING_MARK.test(character) ? markCount + 1 : 0;
    shown += markCount <= MARKS_MAX && !UNSAFE.test(character) ? character : escape(character);
  }
  return shown;
}

/**
 * The same in so many characters at most; the whole of it belongs into a title or below.
 *
 * @param {string} text
 * @param {number} lengthMax
 */
export function cut(text, lengthMax) {
  const shown = visible(text.slice(0, lengthMax + 1).toWellFormed());
  return shown.length <= lengthMax && text.length <= lengthMax
    ? shown
    : `${shown.slice(0, lengthMax - 1).toWellFormed()}…`;
}

const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
const COMBINING_MARK = /[\p{Mn}\p{Me}]/u;
const MARKS_MAX = 8;

/** @param {string} character */
function escape(character) {
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`;
}
