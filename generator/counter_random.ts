/*
 * Counter-based random numbers: 32 bits that are a pure function of (seed, record index, purpose).
 * Nothing is carried from one record to the next, so any record can be made without those before it,
 * and an option that is switched on draws from a purpose of its own and changes nothing else.
 */

/**
 * The key of a block of 2^32 records: one seed, and the upper part of the record index.
 *
 * @param seed Any safe integer; all of its bits count.
 * @param indexHigh `Math.floor(index / 2^32)`.
 */
export function blockKey(seed: number, indexHigh: number): number {
  const seedHigh = Math.floor(seed / 2 ** 32);
  return mix32(mix32(mix32(seed | 0) ^ seedHigh) + indexHigh);
}

/**
 * What all draws for one record start from.
 *
 * @param indexLow The lower 32 bits of the record index.
 */
export function recordState(key: number, indexLow: number): number {
  return mix32(indexLow ^ key);
}

/**
 * 32 random bits for one purpose of one record, as a signed integer (`>>> 0` makes it unsigned).
 *
 * `recordState` alone is a bijection: within a block no value would come twice, which random
 * addresses do. Adding a second, unrelated sequence of the index makes it a random function.
 */
export function draw(state: number, indexLow: number, purpose: number): number {
  return mix32(state + Math.imul(indexLow + purpose, 0x9e3779b1));
}

/**
 * A bijection of 32-bit integers in which each bit of the input changes each bit of the output with
 * a probability near one half: Chris Wellons' "lowbias32" in its improved form (Hash Function
 * Prospector, 2018; bias 0.107).
 */
export function mix32(value: number): number {
  value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
  return value ^ (value >>> 15);
}
