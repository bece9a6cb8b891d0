/**
 * The name that was probably meant: the one with the fewest typing mistakes (a letter too many, too
 * few, another one, or two neighbours swapped), the first of equals; `undefined` if even that has
 * more than one mistake in three letters. Upper and lower case count as the same.
 */
export function nearest(typed: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.ceil(typed.length / 3) + 1;
  for (const name of names) {
    // The distance is at least this; it also keeps the work small when `typed` is very long.
    if (Math.abs(name.length - typed.length) >= bestDistance) continue;
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * The Damerau-Levenshtein distance in its restricted form (optimal string alignment: no part of
 * the text is edited twice), in code units. Time and memory grow with `a.length × b.length` and
 * `b.length`.
 */
export function editDistance(a: string, b: string): number {
  // Rows of the table of distances between prefixes: of the last three lengths of `a` only.
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(substitution, previous[j]! + 1, current[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforePrevious[j - 2]! + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
