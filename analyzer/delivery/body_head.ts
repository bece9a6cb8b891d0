import type { IpMask } from "../decode/ip_mask.ts";
import { padBytes } from "../padded_bytes.ts";
import { hashBytes } from "../sketch/hash.ts";

/** A 64-bit hash, high word first. */
export type HeadHash = readonly [high: number, low: number];

/**
 * The beginning of a body, by which two bodies under the same key are told apart. It is meant to
 * find mistakes of senders (a key that is made once and used for every batch), not attacks: those
 * who may send can send anything anyway.
 */
export class BodyHead {
  readonly #bytes = new Uint8Array(HEAD_BYTES_MAX);
  #length = 0;
  readonly #ipMask: IpMask | undefined;

  /** @param ipMask hashes the beginning where nobody may find out which addresses it holds */
  constructor(ipMask?: IpMask) {
    this.#ipMask = ipMask;
  }

  /** Takes the next bytes of the body; those that follow the beginning are ignored. */
  add(chunk: Uint8Array): void {
    const room = HEAD_BYTES_MAX - this.#length;
    if (room === 0) return;
    const taken = chunk.subarray(0, room);
    this.#bytes.set(taken, this.#length);
    this.#length += taken.length;
  }

  /**
   * The hash of the beginning of a body that ends after so many bytes.
   *
   * @throws {RangeError} where so many have not been added yet
   */
  hash(bodyBytes: number): HeadHash {
    const bytes = Math.min(bodyBytes, HEAD_BYTES_MAX);
    if (bytes > this.#length) {
      throw new RangeError(`Cannot hash ${bytes} bytes of a body: ${this.#length} are known`);
    }
    const beginning = this.#bytes.subarray(0, bytes);
    let hash: Uint32Array = new Uint32Array(2);
    if (this.#ipMask !== undefined) hash = this.#ipMask.digest(beginning);
    else hashBytes(padBytes(beginning), 0, bytes, hash);
    return [hash[0]!, hash[1]!];
  }
}

/** How much of a body its hash covers. */
export const HEAD_BYTES_MAX = 1024;
