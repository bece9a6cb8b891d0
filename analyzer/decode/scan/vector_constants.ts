import { type Code, i32, v128 } from "./wasm.ts";

/**
 * Vectors that stand in memory: one that stands in the program is put together from four
 * instructions each time that it is used.
 */
export class VectorConstants {
  readonly #place: number;
  readonly #vectors: Uint8Array[] = [];

  /** @param place where they are to stand */
  constructor(place: number) {
    this.#place = place;
  }

  /** A vector of one byte sixteen times. */
  splat(byte: number): Code {
    return this.vector(new Uint8Array(16).fill(byte));
  }

  vector(bytes: Uint8Array): Code {
    const known = this.#vectors.findIndex((vector) => vector.every((byte, i) => byte === bytes[i]));
    const index = known < 0 ? this.#vectors.push(bytes) - 1 : known;
    return v128.load(i32.const(0), this.#place + 16 * index);
  }

  /** All of them, one after another. */
  bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(16 * this.#vectors.length);
    this.#vectors.forEach((vector, i) => all.set(vector, 16 * i));
    return all;
  }
}
