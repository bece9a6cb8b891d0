/**
 * Writes what a piece of a JSON string stands for to the start of `target`, as UTF-8.
 *
 * @param bytes holds the piece from `start` to `end`: valid, and without the quotes around it
 * @param target has room for as many bytes as the piece has
 * @returns how many bytes were written, never more than the piece has
 */
export function unescapeJson(
  bytes: DataView,
  start: number,
  end: number,
  target: Uint8Array<ArrayBuffer>,
): number {
  let written = 0;
  for (let i = start; i < end; i++) {
    let byte = bytes.getUint8(i);
    if (byte === BACKSLASH) {
      byte = MEANINGS[bytes.getUint8(++i)]!;
      // Numbers of characters may come in pairs, or be half of one: rare enough for the parser.
      if (byte === 0) return parseInto(bytes, start, end, target);
    }
    target[written++] = byte;
  }
  return written;
}

function parseInto(
  bytes: DataView,
  start: number,
  end: number,
  target: Uint8Array<ArrayBuffer>,
): number {
  const piece = new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
  return encoder.encodeInto(JSON.parse(`"${decoder.decode(piece)}"`), target).written;
}

const encoder = new TextEncoder();
/** A byte order mark is an ordinary character in the middle of a line. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const BACKSLASH = 0x5c;

/** `[byte]`, what a backslash and that byte stand for; 0 where more bytes belong to the escape. */
const MEANINGS = new Uint8Array(256);
for (const [letter, meaning] of ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"]) {
  MEANINGS[letter!.charCodeAt(0)] = meaning!.charCodeAt(0);
}
