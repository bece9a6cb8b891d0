/**
 * Chooses among media types what an `Accept` header prefers (RFC 9110, section 12.5.1): the highest
 * quality, then the most exactly named, then the earliest offered. Parameters other than `q` are
 * ignored, and a range that cannot be read has no say. A missing or empty header accepts all.
 *
 * @param offered types without parameters, in lower case, the server's favourite first
 * @returns one of `offered`, or `undefined` where none is acceptable
 */
export function negotiate<T extends string>(
  accept: string | undefined,
  offered: readonly T[],
): T | undefined {
  if (accept === undefined || accept.trim() === "") return offered[0];
  const ranges = accept.split(",").map(parseRange).filter((range) => range !== undefined);
  let best: T | undefined;
  let bestMatch: MediaRange = { name: "", quality: 0, precision: 0 };
  for (const type of offered) {
    const match = bestRangeFor(type, ranges);
    if (match === undefined || match.quality === 0) continue;
    const isBetter = match.quality > bestMatch.quality ||
      match.quality === bestMatch.quality && match.precision > bestMatch.precision;
    if (isBetter) [best, bestMatch] = [type, match];
  }
  return best;
}

interface MediaRange {
  /** A type such as `text/plain`, or the beginning of one for a range: `text/` or nothing. */
  readonly name: string;
  /** 0 (never) to 1. */
  readonly quality: number;
  /** 1 for any type, 2 for a main type, 3 for one type. */
  readonly precision: number;
}

function parseRange(text: string): MediaRange | undefined {
  const [range, ...parameters] = text.toLowerCase().split(";").map((part) => part.trim());
  const qualityText = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
  if (!/^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(qualityText)) return undefined;
  const quality = Number(qualityText);
  if (range === "*/*") return { name: "", quality, precision: 1 };
  if (/^[^*/]+\/\*$/.test(range!)) return { name: range!.slice(0, -1), quality, precision: 2 };
  return { name: range!, quality, precision: 3 };
}

/** What the header says of one type: its most exact range; of equals (versions) the best liked. */
function bestRangeFor(type: string, ranges: readonly MediaRange[]): MediaRange | undefined {
  return ranges
    .filter(({ name, precision }) => precision === 3 ? type === name : type.startsWith(name))
    .sort((left, right) => right.precision - left.precision || right.quality - left.quality)[0];
}
