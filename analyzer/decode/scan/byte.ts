/** Bytes that mean something in a line. */
export const Byte = {
  newline: 0x0a,
  carriageReturn: 0x0d,
  blank: 0x20,
  quote: 0x22,
  comma: 0x2c,
  backslash: 0x5c,
  brace: 0x7b,
  /** The first of three in UTF-8. */
  byteOrderMark: 0xef,
} as const;
