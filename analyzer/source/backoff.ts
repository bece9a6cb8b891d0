/**
 * How long to wait before the next attempt, in ms: doubled with each failed one, from 100 ms up to
 * 5 s, of which a random half is left out, so that many clients of one server that comes back do
 * not all knock at the same moment ("equal jitter", Brooker 2015).
 *
 * @param failures failed attempts in a row, 1 or more
 * @param random uniform in [0, 1)
 */
export function backoffMs(failures: number, random: number): number {
  const fullMs = Math.min(FIRST_MS * 2 ** (failures - 1), LONGEST_MS);
  return fullMs / 2 + random * fullMs / 2;
}

const FIRST_MS = 100;
const LONGEST_MS = 5000;
