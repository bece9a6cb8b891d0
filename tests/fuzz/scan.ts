/**
 * Compares the two readers of lines on many more lines than the tests do:
 * `deno task fuzz [LINES [SEED]]`, a million by default. Prints the seed.
 *
 * @module
 */
import { compareReaders } from "../support/compare_readers.ts";

const lineCount = Number(Deno.args[0] ?? 1_000_000);
const firstSeed = Number(Deno.args[1] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const LINES_A_SEED = 2000;

console.log(`${lineCount} lines from seed ${firstSeed} on`);
for (let i = 0; i * LINES_A_SEED < lineCount; i++) {
  const isMasked = i % 4 === 3;
  compareReaders({ seed: firstSeed + i, lineCount: LINES_A_SEED, isMasked });
}
console.log("No line was read differently.");
