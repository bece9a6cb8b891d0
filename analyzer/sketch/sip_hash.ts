/**
 * Hashes the bytes `[start, end)` of a view to 128 bits under a secret key: `out[0]` becomes the
 * first four bytes of the hash, little-endian, and so on.
 *
 * It is SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF", 2012; the longer output is that of their reference implementation). Without the key nobody
 * can tell it from random numbers, so nobody can try inputs, however few there are; `hashBytes()`
 * offers nothing of that. The values are stored on disk, so the function may never change. It takes
 * some 7 times as long as `hashBytes()` (66 ns for an address), since numbers of 64 bits are made of
 * two.
 *
 * @param key Four words, little-endian.
 * @param start Index of the first byte, at least 0.
 * @param end Index after the last byte, at least `start`; the view has to reach
 *   `PADDING_BYTES` farther, whatever those bytes hold.
 * @param out At least four words.
 */
export function sipHash128(
  key: Uint32Array,
  view: DataView,
  start: number,
  end: number,
  out: Uint32Array,
): void {
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = key;
  // The four numbers of 64 bits that the paper calls v0 to v3, in two words each.
  let low0 = k0 ^ 0x70736575, high0 = k1 ^ 0x736f6d65;
  let low1 = k2 ^ 0x6e646f6d ^ 0xee, high1 = k3 ^ 0x646f7261;
  let low2 = k0 ^ 0x6e657261, high2 = k1 ^ 0x6c796765;
  let low3 = k2 ^ 0x79746573, high3 = k3 ^ 0x74656462;
  const byteCount = end - start;
  const wholeWords = byteCount >>> 3;
  // Behind the words that are full comes one with the rest and the length, then the two halves of
  // the output.
  for (let step = 0; step <= wholeWords + 2; step++) {
    let low = 0;
    let high = 0;
    let rounds = 2;
    if (step <= wholeWords) {
      const at = start + 8 * step;
      low = view.getInt32(at, true);
      high = view.getInt32(at + 4, true);
      if (step === wholeWords) {
        const rest = byteCount & 7;
        low &= rest >= 4 ? -1 : (1 << 8 * rest) - 1;
        high &= rest <= 4 ? 0 : (1 << 8 * (rest - 4)) - 1;
        high |= byteCount << 24;
      }
      low3 ^= low;
      high3 ^= high;
    } else {
      rounds = 4;
      if (step === wholeWords + 1) low2 ^= 0xee;
      else low1 ^= 0xdd;
    }
    for (; rounds > 0; rounds--) {
      let sum = (low0 + low1) | 0;
      high0 = (high0 + high1 + ((sum >>> 0) < (low0 >>> 0) ? 1 : 0)) | 0;
      low0 = sum;
      let word = (low1 << 13 | high1 >>> 19) ^ low0;
      high1 = (high1 << 13 | low1 >>> 19) ^ high0;
      low1 = word;
      word = low0;
      low0 = high0;
      high0 = word;

      sum = (low2 + low3) | 0;
      high2 = (high2 + high3 + ((sum >>> 0) < (low2 >>> 0) ? 1 : 0)) | 0;
      low2 = sum;
      word = (low3 << 16 | high3 >>> 16) ^ low2;
      high3 = (high3 << 16 | low3 >>> 16) ^ high2;
      low3 = word;

      sum = (low0 + low3) | 0;
      high0 = (high0 + high3 + ((sum >>> 0) < (low0 >>> 0) ? 1 : 0)) | 0;
      low0 = sum;
      word = (low3 << 21 | high3 >>> 11) ^ low0;
      high3 = (high3 << 21 | low3 >>> 11) ^ high0;
      low3 = word;

      sum = (low2 + low1) | 0;
      high2 = (high2 + high1 + ((sum >>> 0) < (low2 >>> 0) ? 1 : 0)) | 0;
      low2 = sum;
      word = (low1 << 17 | high1 >>> 15) ^ low2;
      high1 = (high1 << 17 | low1 >>> 15) ^ high2;
      low1 = word;
      word = low2;
      low2 = high2;
      high2 = word;
    }
    if (step <= wholeWords) {
      low0 ^= low;
      high0 ^= high;
    } else {
      const at = 2 * (step - wholeWords - 1);
      out[at] = low0 ^ low1 ^ low2 ^ low3;
      out[at + 1] = high0 ^ high1 ^ high2 ^ high3;
    }
  }
}
