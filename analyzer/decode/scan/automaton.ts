/**
 * What a scanner reads byte by byte, since it is rare or has no fixed form: escapes, characters
 * beyond ASCII, the values of unknown keys. One automaton reads all of it, from a start that says
 * what is expected to a place behind it.
 *
 * @module
 */

/** States in which the automaton starts. */
export const Start = {
  /** A character beyond ASCII. */
  character: 2,
  /** A character beyond ASCII, or an escape of JSON. */
  characterOrEscape: 3,
  /** `true`, `false` or `null`. */
  word: 4,
  /** A JSON number; the byte behind it is read as well. */
  number: 5,
} as const;

/** The state behind the backslash of an escape. */
export const AFTER_BACKSLASH = 6;

/** A state in which the automaton ends: what was expected has been read. */
export const ACCEPTED = 0;
/** A state in which the automaton ends: something else is there. */
export const REJECTED = 1;

/**
 * `[256 × states]`: the state that follows a state at a byte. A newline is rejected everywhere but
 * behind a number, so the automaton never leaves a line.
 */
export function transitions(): Uint8Array {
  const rows: Uint8Array[] = [];
  const state = (otherwise: number = REJECTED) =>
    rows.push(new Uint8Array(256).fill(otherwise)) - 1;
  const on = (from: number, first: number, last: number, to: number) =>
    void rows[from]!.fill(to, first, last + 1);
  const onAny = (from: number, bytes: string, to: number) => {
    for (const byte of new TextEncoder().encode(bytes)) rows[from]![byte] = to;
  };
  const onDigits = (from: number, to: number) => onAny(from, "0123456789", to);
  for (let i = ACCEPTED; i <= AFTER_BACKSLASH; i++) state();

  // Well-formed UTF-8 (The Unicode Standard, table 3-7): no surrogates, nothing longer than it has
  // to be, nothing beyond U+10FFFF.
  const lastOne = state();
  on(lastOne, 0x80, 0xbf, ACCEPTED);
  const lastTwo = state();
  on(lastTwo, 0x80, 0xbf, lastOne);
  const lastThree = state();
  on(lastThree, 0x80, 0xbf, lastTwo);
  const [afterE0, afterED, afterF0, afterF4] = [state(), state(), state(), state()];
  on(afterE0, 0xa0, 0xbf, lastOne);
  on(afterED, 0x80, 0x9f, lastOne);
  on(afterF0, 0x90, 0xbf, lastTwo);
  on(afterF4, 0x80, 0x8f, lastTwo);
  for (const start of [Start.character, Start.characterOrEscape]) {
    on(start, 0xc2, 0xdf, lastOne);
    on(start, 0xe1, 0xef, lastTwo);
    on(start, 0xe0, 0xe0, afterE0);
    on(start, 0xed, 0xed, afterED);
    on(start, 0xf1, 0xf3, lastThree);
    on(start, 0xf0, 0xf0, afterF0);
    on(start, 0xf4, 0xf4, afterF4);
  }

  // Escapes (RFC 8259, section 7).
  onAny(Start.characterOrEscape, "\\", AFTER_BACKSLASH);
  onAny(AFTER_BACKSLASH, '"\\/bfnrt', ACCEPTED);
  let hexDigits: number = ACCEPTED;
  for (let i = 0; i < 4; i++) {
    const next = state();
    onAny(next, "0123456789abcdefABCDEF", hexDigits);
    hexDigits = next;
  }
  onAny(AFTER_BACKSLASH, "u", hexDigits);

  for (const word of ["true", "false", "null"]) {
    let from: number = Start.word;
    [...word].forEach((letter, i) => {
      const to = i === word.length - 1 ? ACCEPTED : state();
      onAny(from, letter, to);
      from = to;
    });
  }

  // Numbers (RFC 8259, section 6). Where one may end, any byte that does not go on with it ends it.
  const minus = state();
  const zero = state(ACCEPTED);
  const integer = state(ACCEPTED);
  const point = state();
  const fraction = state(ACCEPTED);
  const exponent = state();
  const exponentSign = state();
  const exponentDigits = state(ACCEPTED);
  onAny(Start.number, "-", minus);
  for (const start of [Start.number, minus]) {
    onDigits(start, integer);
    onAny(start, "0", zero);
  }
  // A zero that leads is no number, and must not pass for the end of one.
  onDigits(zero, REJECTED);
  onDigits(integer, integer);
  for (const start of [zero, integer]) onAny(start, ".", point);
  onDigits(point, fraction);
  onDigits(fraction, fraction);
  for (const start of [zero, integer, fraction]) onAny(start, "eE", exponent);
  onAny(exponent, "+-", exponentSign);
  for (const start of [exponent, exponentSign, exponentDigits]) onDigits(start, exponentDigits);

  const table = new Uint8Array(256 * rows.length);
  rows.forEach((row, i) => table.set(row, 256 * i));
  return table;
}
