/**
 * Text of a log line as it may be shown: what controls a terminal or turns the direction of writing
 * is made visible, since a line must not look like another one.
 *
 * @param {string} text
 */
export function visible(text) {
  return text.toWellFormed().replace(
    // deno-lint-ignore no-control-regex -- they are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * The same in so many characters at most; the whole of it belongs into a title or below.
 *
 * @param {string} text
 * @param {number} lengthMax
 */
export function cut(text, lengthMax) {
  const shown = visible(text.slice(0, lengthMax + 1));
  return shown.length <= lengthMax && text.length <= lengthMax
    ? shown
    : `${shown.slice(0, lengthMax - 1)}…`;
}
