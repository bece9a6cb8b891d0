import { compareReaders } from "../support/compare_readers.ts";
import type { FuzzOptions } from "./fuzz_parsers.ts";

/**
 * Compares the two readers of lines on mutated ones, `cases` or a few more in all.
 *
 * @throws {Error} with the seed and the first line that is read differently
 */
export function fuzzLines({ seed, cases }: FuzzOptions): void {
  for (let i = 0; i * LINES_A_SEED < cases; i++) {
    compareReaders({
      seed: seed + i,
      lineCount: Math.min(LINES_A_SEED, cases - i * LINES_A_SEED),
      isMasked: i % 4 === 3,
      saves: i % 4 !== 1,
    });
  }
}

const LINES_A_SEED = 2000;
