import { compareReaders } from "../support/compare_readers.ts";
import type { FuzzOptions } from "./fuzz_parsers.ts";

/**
 * Compares the two readers of lines on mutated ones, `cases` or a few more in all.
 *
 * @throws {Error} with the seed and the first line that is read differently
 */
export function fuzzLines({ seed, cases }: FuzzOptions): void {
  for (let done = 0; done < cases; done += LINES_A_SEED) {
    compareReaders({
      seed: seed + done / LINES_A_SEED,
      lineCount: Math.min(LINES_A_SEED, cases - done),
    });
  }
}

const LINES_A_SEED = 2000;
