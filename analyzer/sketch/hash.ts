/**
 * Hashes the bytes `[start, end)` of a view to 64 bits: `out[0]` becomes the high word, `out[1]` the low one.
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
 * @param end Index after the last byte, at least `start`; the view has to reach
 *   `PADDING_BYTES` farther, whatever those bytes hold.
 * @param out At least two words.
 */
export function hashBytes(view: DataView, start: number, end: number, out: Uint32Array): void {
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let offset = start;
  for (; offset + 16 <= end; offset += 16) {
    h1 ^= scramble(view.getInt32(offset, true), C1, 15, C2);
    h1 = (Math.imul(rotateLeft(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= scramble(view.getInt32(offset + 4, true), C2, 16, C3);
    h2 = (Math.imul(rotateLeft(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= scramble(view.getInt32(offset + 8, true), C3, 17, C4);
    h3 = (Math.imul(rotateLeft(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= scramble(view.getInt32(offset + 12, true), C4, 18, C1);
    h4 = (Math.imul(rotateLeft(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  // The original mixes only words that hold a byte of the rest; the others are zero here, and
  // change nothing. So there is no branch that a processor would have to guess.
  const mask = 4 * (end - offset);
  h1 ^= scramble(view.getInt32(offset, true) & MASKS[mask], C1, 15, C2);
  h2 ^= scramble(view.getInt32(offset + 4, true) & MASKS[mask + 1], C2, 16, C3);
  h3 ^= scramble(view.getInt32(offset + 8, true) & MASKS[mask + 2], C3, 17, C4);
  h4 ^= scramble(view.getInt32(offset + 12, true) & MASKS[mask + 3], C4, 18, C1);

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

/** `[4 × rest]` Of a rest of 0 to 15 bytes, the masks of the four words that hold it. */
const MASKS = new Int32Array(4 * 16);
for (let rest = 0; rest < 16; rest++) {
  for (let byte = 0; byte < rest; byte++) {
    MASKS[4 * rest + (byte >> 2)] |= 0xff << 8 * (byte & 3);
  }
}
