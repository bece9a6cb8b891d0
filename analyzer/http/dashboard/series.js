/** @import { Frame, WindowJson } from "./types.ts" */

/**
 * What the charts draw: columns of one number a bucket of the frame, null where there is none.
 *
 * @typedef {object} Series
 * @property {number[]} starts start of each bucket, in ms
 * @property {boolean[]} open whether it is still counted
 * @property {{ name: string, status: number, counts: (number | null)[] }[]} statuses the most severe
 *   class first, which is the one drawn on the ground line
 * @property {(number | null)[]} errors
 * @property {(number | null)[]} rates
 * @property {(number | null)[]} clients null throughout where nobody has counted them
 */

/** More colours than these cannot be told apart; what is rarer is drawn as one. */
const STATUSES_MAX = 7;

/** Groups of statuses at most: one is that of the rarer ones. */
export const COLUMNS_MAX = STATUSES_MAX + 1;

/**
 * @param {readonly WindowJson[]} buckets
 * @param {{ frame: Frame, status: number | undefined, url: string | undefined }} selection
 * @returns {Series}
 */
export function seriesOf(buckets, { frame: { fromMs, toMs, stepMs }, status, url }) {
  const length = Math.max(Math.round((toMs - fromMs) / stepMs), 0);
  const nothing = () => new Array(length).fill(null);
  const series = {
    starts: Array.from({ length }, (_, i) => fromMs + i * stepMs),
    open: new Array(length).fill(false),
    statuses: /** @type {Series["statuses"]} */ ([]),
    errors: nothing(),
    rates: nothing(),
    clients: nothing(),
  };
  const byStatus = /** @type {Map<number, (number | null)[]>} */ (new Map());
  for (const bucket of buckets) {
    const i = Math.round((Date.parse(bucket.start) - fromMs) / stepMs);
    if (i < 0 || i >= length) continue;
    let errors = 0;
    for (const entry of bucket.statuses) {
      if (status !== undefined && entry.status !== status) continue;
      const count = url === undefined ? entry.error_count : countOf(entry.urls, url);
      // A URL mostly fails in one way: the others are nothing to choose from.
      if (count === 0) continue;
      errors += count;
      const counts = byStatus.get(entry.status) ?? nothing();
      counts[i] = count;
      byStatus.set(entry.status, counts);
    }
    series.open[i] = bucket.state === "open";
    series.errors[i] = errors;
    series.rates[i] = bucket.total_count === 0 ? 0 : errors / bucket.total_count;
    if (url !== undefined) continue;
    series.clients[i] = status === undefined
      ? bucket.unique_ips
      : bucket.statuses.find((entry) => entry.status === status)?.unique_ips ?? 0;
  }
  return { ...series, statuses: group(byStatus, nothing) };
}

/**
 * @param {readonly { url: string, count: number }[]} urls
 * @param {string} url
 */
function countOf(urls, url) {
  return urls.find((each) => each.url === url)?.count ?? 0;
}

/**
 * The most frequent statuses in an order that stays as they come and go: server errors first.
 *
 * @param {Map<number, (number | null)[]>} byStatus
 * @param {() => (number | null)[]} nothing
 */
function group(byStatus, nothing) {
  const sums = [...byStatus].map(([status, counts]) => ({
    name: String(status),
    status,
    counts,
    sum: counts.reduce((/** @type {number} */ sum, count) => sum + (count ?? 0), 0),
  })).sort((a, b) => b.sum - a.sum);
  const shown = sums.slice(0, STATUSES_MAX).sort((a, b) => rank(a.status) - rank(b.status));
  const rest = sums.slice(STATUSES_MAX);
  const groups = shown.map(({ name, status, counts }) => ({ name, status, counts }));
  if (rest.length === 0) return groups;
  const counts = nothing();
  for (const other of rest) {
    for (const [i, count] of other.counts.entries()) {
      if (count !== null) counts[i] = (counts[i] ?? 0) + count;
    }
  }
  return [...groups, { name: "other", status: 0, counts }];
}

/**
 * Server errors, then client errors, then what is counted as an error by --min-status.
 *
 * @param {number} status
 */
function rank(status) {
  const byClass = { 5: 0, 4: 1000 }[Math.floor(status / 100)];
  return (byClass ?? 2000) + status;
}

/**
 * Each column on top of those before it: what a stack is drawn of.
 *
 * @param {readonly { counts: readonly (number | null)[] }[]} columns
 * @returns {(number | null)[][]}
 */
export function stack(columns) {
  const stacked = /** @type {(number | null)[][]} */ ([]);
  for (const { counts } of columns) {
    const below = stacked.at(-1);
    stacked.push(counts.map((count, i) => {
      const ground = below?.[i] ?? null;
      return count === null ? ground : count + (ground ?? 0);
    }));
  }
  return stacked;
}
