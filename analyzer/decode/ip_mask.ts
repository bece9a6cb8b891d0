import { padBytes, PADDING_BYTES } from "../padded_bytes.ts";
import { sipHash128 } from "../sketch/sip_hash.ts";

/** Size of the key of an {@linkcode IpMask}: one half for addresses, the other for digests. */
export const IP_KEY_BYTES = 32;

/** Size of a masked address: `ip-` and 32 hexadecimal digits, so it is a valid `ip` itself. */
export const MASKED_IP_BYTES = 35;

/**
 * Puts something else in the place of addresses, always the same for the same address: a hash under
 * a secret key. There are so few addresses that anybody can hash all of them; without the key that
 * is of no use. Who has the key can go back.
 *
 * What it makes of an address stands in {@linkcode hash} and {@linkcode text} until the next one:
 * nothing is allocated for a row.
 */
export class IpMask {
  /** `[high, low]`, what distinct addresses are counted by: the first half of the whole hash. */
  readonly hash = new Uint32Array(2);
  /** The address as it is written, {@linkcode MASKED_IP_BYTES} of ASCII, padded. */
  readonly text: DataView;
  readonly #key: Uint32Array;
  readonly #digestKey: Uint32Array;
  readonly #whole = new Uint32Array(4);

  /** @param key {@linkcode IP_KEY_BYTES} random bytes */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, IP_KEY_BYTES);
    const words = Uint32Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i, true));
    this.#key = words.subarray(0, 4);
    this.#digestKey = words.subarray(4);
    const text = new Uint8Array(MASKED_IP_BYTES + PADDING_BYTES);
    text.set(PREFIX);
    this.text = new DataView(text.buffer);
  }

  /**
   * A keyed hash of bytes that hold addresses among other things, four words: of the first line of
   * a log, all but the address may be known.
   */
  digest(bytes: Uint8Array): Uint32Array {
    const digest = new Uint32Array(4);
    sipHash128(this.#digestKey, padBytes(bytes), 0, bytes.length, digest);
    return digest;
  }

  /** Masks the address that a view holds from `start` to `end`, padded. */
  mask(view: DataView, start: number, end: number): void {
    const whole = this.#whole;
    sipHash128(this.#key, view, start, end, whole);
    this.hash[0] = whole[1]!;
    this.hash[1] = whole[0]!;
    for (let i = 0, at = PREFIX.length; i < 4; i++, at += 8) {
      const word = whole[i]!;
      this.text.setUint16(at, DIGITS[word & 0xff]!);
      this.text.setUint16(at + 2, DIGITS[word >>> 8 & 0xff]!);
      this.text.setUint16(at + 4, DIGITS[word >>> 16 & 0xff]!);
      this.text.setUint16(at + 6, DIGITS[word >>> 24]!);
    }
  }
}

const PREFIX = new TextEncoder().encode("ip-");
/** By byte, its two hexadecimal digits in ASCII. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const [high, low] = byte.toString(16).padStart(2, "0");
  return high!.charCodeAt(0) << 8 | low!.charCodeAt(0);
});
