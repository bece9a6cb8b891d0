import { IP_BYTES_MAX } from "../../log_format/log_record.ts";
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
 * nothing is allocated for a row. It remembers addresses that it has seen lately, which takes a third
 * of the time of hashing and writing one.
 */
export class IpMask {
  /** `[high, low]`, what distinct addresses are counted by: the first half of the whole hash. */
  readonly hash = new Uint32Array(2);
  /**
   * Holds the address as it is written, {@linkcode MASKED_IP_BYTES} of ASCII from
   * {@linkcode textStart} on, padded.
   */
  readonly text: DataView;
  readonly #key: Uint32Array;
  readonly #digestKey: Uint32Array;
  readonly #whole = new Uint32Array(4);
  /** `[slot × SLOT_WORDS]`: addresses, and what was made of them; see {@linkcode SlotWord}. */
  readonly #slots: Int32Array;
  #slot = 0;

  /** @param key {@linkcode IP_KEY_BYTES} random bytes */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, IP_KEY_BYTES);
    const words = Uint32Array.from({ length: 8 }, (_, i) => view.getUint32(4 * i, true));
    this.#key = words.subarray(0, 4);
    this.#digestKey = words.subarray(4);
    const memory = new ArrayBuffer(4 * SLOTS * SLOT_WORDS + PADDING_BYTES);
    this.#slots = new Int32Array(memory);
    this.text = new DataView(memory);
  }

  get textStart(): number {
    return 4 * (this.#slot + SlotWord.text);
  }

  /** Masks the address that a view holds from `start` to `end`, padded, `IP_BYTES_MAX` at most. */
  mask(view: DataView, start: number, end: number): void {
    const slots = this.#slots;
    let mixed = end - start;
    for (let at = start; at < end; at += 4) {
      mixed = Math.imul(mixed ^ wordAt(view, at, end), 0x9e3779b1);
      mixed ^= mixed >>> 15;
    }
    // Whoever chooses addresses that share a slot makes it slower, and nothing else.
    const slot = this.#slot = (Math.imul(mixed, 0x85ebca6b) >>> (32 - SLOT_BITS)) * SLOT_WORDS;
    let isKnown = slots[slot + SlotWord.bytes] === end - start;
    for (let at = start, i = slot; isKnown && at < end; at += 4, i++) {
      isKnown = slots[i] === wordAt(view, at, end);
    }
    if (!isKnown) this.#fill(slot, view, start, end);
    this.hash[0] = slots[slot + SlotWord.high]!;
    this.hash[1] = slots[slot + SlotWord.low]!;
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

  #fill(slot: number, view: DataView, start: number, end: number): void {
    const [slots, whole] = [this.#slots, this.#whole];
    slots[slot + SlotWord.bytes] = end - start;
    for (let at = start, i = slot; at < end; at += 4, i++) slots[i] = wordAt(view, at, end);
    sipHash128(this.#key, view, start, end, whole);
    slots[slot + SlotWord.high] = whole[1]!;
    slots[slot + SlotWord.low] = whole[0]!;
    let at = 4 * (slot + SlotWord.text);
    for (const byte of PREFIX) this.text.setUint8(at++, byte);
    for (let i = 0; i < 4; i++, at += 8) {
      const word = whole[i]!;
      this.text.setUint16(at, DIGITS[word & 0xff]!);
      this.text.setUint16(at + 2, DIGITS[word >>> 8 & 0xff]!);
      this.text.setUint16(at + 4, DIGITS[word >>> 16 & 0xff]!);
      this.text.setUint16(at + 6, DIGITS[word >>> 24]!);
    }
  }
}

/** Four bytes of an address, those behind its end as zeros. */
function wordAt(view: DataView, at: number, end: number): number {
  const word = view.getInt32(at, true);
  return end - at >= 4 ? word : word & ((1 << 8 * (end - at)) - 1);
}

/** Where things stand in a slot, behind the bytes of its address. */
const SlotWord = {
  bytes: IP_BYTES_MAX / 4,
  high: IP_BYTES_MAX / 4 + 1,
  low: IP_BYTES_MAX / 4 + 2,
  text: IP_BYTES_MAX / 4 + 3,
} as const;

const SLOT_WORDS = SlotWord.text + Math.ceil(MASKED_IP_BYTES / 4);

/** 448 KiB of slots: about the addresses of a busy minute, and little beside the processor's cache. */
const SLOT_BITS = 12;
const SLOTS = 1 << SLOT_BITS;

const PREFIX = new TextEncoder().encode("ip-");

/** By byte, its two hexadecimal digits in ASCII. */
const DIGITS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const [high, low] = byte.toString(16).padStart(2, "0");
  return high!.charCodeAt(0) << 8 | low!.charCodeAt(0);
});
