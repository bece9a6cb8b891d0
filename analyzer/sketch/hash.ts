/**
 * Hashes `bytes[start..end)` to 64 bits: `out[0]` becomes the high word, `out[1]` the low one.
 *
 * The values are stored on disk, so the function may never change. It is MurmurHash3_x86_128 with
 * seed 0 (Austin Appleby, SMHasher, public domain), of which the first two words are kept. The
 * variant with four lanes was preferred to two 32-bit MurmurHash3 with different seeds because
 * those share their block mixing: a pair of inputs that collides in one lane is far likelier than
 * chance to collide in the other.
 *
 * It resists accidents, not malice: whoever chooses the bytes can construct collisions. No bytes
 * at all hash to 0, 0.
 *
 * @param start Index of the first byte, at least 0.
 * @param end Index after the last byte, `start` to `bytes.length`; neither is checked.
 * @param out At least two words.
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number, out: Uint32Array): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  for (let offset = start;; offset += 16) {
    const k1 = scramble(wordAt(bytes, offset, end), C1, 15, C2);
    const k2 = scramble(wordAt(bytes, offset + 4, end), C2, 16, C3);
    const k3 = scramble(wordAt(bytes, offset + 8, end), C3, 17, C4);
    const k4 = scramble(wordAt(bytes, offset + 12, end), C4, 18, C1);
    if (offset + 16 > end) {
      // The original mixes only the words that hold a byte; the others are zero and change nothing.
      h1 ^= k1;
      h2 ^= k2;
      h3 ^= k3;
      h4 ^= k4;
      break;
    }
    h1 = (Math.imul(rotateLeft(h1 ^ k1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 = (Math.imul(rotateLeft(h2 ^ k2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 = (Math.imul(rotateLeft(h3 ^ k3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 = (Math.imul(rotateLeft(h4 ^ k4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }

  const byteCount = end - start;
  h1 ^= byteCount;
  h2 ^= byteCount;
  h3 ^= byteCount;
  h4 ^= byteCount;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = avalanche((h2 + h1) | 0);
  h3 = avalanche((h3 + h1) | 0);
  h4 = avalanche((h4 + h1) | 0);
  h1 = (avalanche(h1) + h2 + h3 + h4) | 0;
  out[0] = h1;
  out[1] = h2 + h1;
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** What the four lanes do to a word before they take it in; zero stays zero. */
function scramble(word: number, factor1: number, bits: number, factor2: number): number {
  return Math.imul(rotateLeft(Math.imul(word, factor1), bits), factor2);
}

/** Lets every bit of the input change every bit of the result with a chance of one half. */
function avalanche(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return word ^ (word >>> 16);
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/**
 * Four bytes, the lowest first, with zeros for whatever lies at or after `end`. Put together by
 * hand, so that no alignment is needed.
 */
function wordAt(bytes: Uint8Array, offset: number, end: number): number {
  if (offset + 4 <= end) {
    return bytes[offset] | (bytes[offset + 1] << 8) | (bytes[offset + 2] << 16) |
      (bytes[offset + 3] << 24);
  }
  let word = 0;
  if (offset < end) word = bytes[offset];
  if (offset + 1 < end) word |= bytes[offset + 1] << 8;
  if (offset + 2 < end) word |= bytes[offset + 2] << 16;
  return word;
}
