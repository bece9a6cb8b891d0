/** The statuses that occur, in the order of {@linkcode StatusShares}. */
export const STATUSES = [200, 404, 500] as const;

/** The share of each status in the records, 0 to 1; together 1. */
export type StatusShares = readonly [share200: number, share404: number, share500: number];

/**
 * A status becomes more frequent every so often. Periods are aligned to the Unix epoch in event
 * time, and a burst takes the first part of each: `2m/20s` is on from 18:52:00 to 18:52:20.
 */
export interface Burst {
  /** Which status becomes more frequent. */
  readonly status: (typeof STATUSES)[number];
  /** How many times as frequent, at least 1. */
  readonly factor: number;
  /** From the start of one burst to the start of the next. */
  readonly periodMs: number;
  /** How long a burst lasts, at most `periodMs`. */
  readonly lengthMs: number;
}

/** The shares that hold for a while. */
export interface StatusPhase {
  readonly shares: StatusShares;
  /** Event time in µs since the epoch from which they hold. */
  readonly fromUs: number;
  /** Event time in µs since the epoch at which they end. */
  readonly untilUs: number;
}

/** The shares at an event time, and the span around it in which they stay the same. */
export function statusPhaseAt(
  timeUs: number,
  traffic: { readonly statusShares: StatusShares; readonly bursts: readonly Burst[] },
): StatusPhase {
  let fromUs = -Infinity;
  let untilUs = Infinity;
  const factors = STATUSES.map(() => 1);
  for (const burst of traffic.bursts) {
    const periodUs = burst.periodMs * 1000;
    const startUs = Math.floor(timeUs / periodUs) * periodUs;
    const endUs = startUs + burst.lengthMs * 1000;
    const isOn = timeUs < endUs;
    if (isOn) factors[STATUSES.indexOf(burst.status)]! *= burst.factor;
    fromUs = Math.max(fromUs, isOn ? startUs : endUs);
    untilUs = Math.min(untilUs, isOn ? endUs : startUs + periodUs);
  }
  return { shares: withFactors(traffic.statusShares, factors), fromUs, untilUs };
}

/**
 * Shares multiplied where the factor is not 1; the others give way in proportion. Where the
 * multiplied ones do not fit into the whole, they share it in proportion.
 */
function withFactors(shares: StatusShares, factors: readonly number[]): StatusShares {
  const raised = shares.map((share, i) => factors[i] === 1 ? 0 : share * factors[i]!);
  const kept = shares.map((share, i) => factors[i] === 1 ? share : 0);
  const raisedSum = sum(raised);
  const keptSum = sum(kept);
  // With nothing left to give way (100 % of one status), the raised ones are everything.
  const raisedScale = raisedSum > 1 || keptSum === 0 ? 1 / raisedSum : 1;
  const keptScale = keptSum === 0 ? 0 : Math.max(0, 1 - raisedSum) / keptSum;
  const [a, b, c] = shares.map((_, i) => raised[i]! * raisedScale + kept[i]! * keptScale);
  return [a!, b!, c!];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
