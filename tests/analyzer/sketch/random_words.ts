/**
 * A fixed sequence of 32-bit words for each seed: SplitMix32, that is MurmurHash3's finalizer over
 * a Weyl sequence.
 */
export function createRandomWords(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x85ebca6b);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return (word ^ (word >>> 16)) >>> 0;
  };
}
